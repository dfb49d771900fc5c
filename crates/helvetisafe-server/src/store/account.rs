//! Organizations and accounts, as the database stores them.

use helvetisafe_proto::endpoint::PrivateKeyAnswer;
use helvetisafe_proto::{Hex, Scopes};

use crate::token::Hash;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct OrganizationId(pub(crate) i64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AccountId(pub(crate) i64);

/// The number of an organization's org key. A rotation replaces the key and increments the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct KeyEpoch(pub(crate) i64);

impl KeyEpoch {
    /// The epoch of the first org key.
    pub(crate) const FIRST: Self = Self(1);

    /// Returns the epoch of a request. One that overflows is none that an organization has.
    pub(crate) fn from_wire(number: u64) -> Self {
        Self(i64::try_from(number).unwrap_or(i64::MAX))
    }

    /// Returns the number as it is sent.
    pub(crate) fn number(self) -> u64 {
        self.0.unsigned_abs()
    }
}

impl From<Hex<8>> for OrganizationId {
    fn from(id: Hex<8>) -> Self {
        Self(i64::from_be_bytes(id.to_bytes()))
    }
}

impl From<OrganizationId> for Hex<8> {
    fn from(id: OrganizationId) -> Self {
        id.0.to_be_bytes().into()
    }
}

/// An organization and the org key that its secrets are sealed with: what separates one caller's secrets from
/// those of all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tenant {
    pub(crate) organization: OrganizationId,
    pub(crate) key_epoch: KeyEpoch,
}

/// The stored data of a service account.
pub(crate) struct AccountRow {
    pub(crate) id: AccountId,
    pub(crate) organization: OrganizationId,
    pub(crate) client_id: String,
    pub(crate) client_secret_hash: Hash,
    pub(crate) scopes: Scopes,
    pub(crate) encrypted_org_key: String,
    pub(crate) private_key: PrivateKeyAnswer,
}

/// The data of a service account that the token endpoint needs.
pub(crate) struct Client {
    pub(crate) account: AccountId,
    pub(crate) client_secret_hash: Vec<u8>,
    pub(crate) scopes: Scopes,
}
