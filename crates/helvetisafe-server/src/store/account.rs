//! Organizations and accounts, as the database stores them.

use helvetisafe_proto::endpoint::PrivateKeyAnswer;
use helvetisafe_proto::{Hex, Scopes};

use super::{Store, StoreError, TokenRow};
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

impl Store {
    pub(crate) async fn add_organization(&self, id: OrganizationId) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.add_organization(id).await,
            Self::Postgres(postgres) => postgres.add_organization(id).await,
        }
    }

    /// Adds an account; [`StoreError::NoParent`] if its organization does not exist.
    pub(crate) async fn add_account(&self, account: AccountRow) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.add_account(account).await,
            Self::Postgres(postgres) => postgres.add_account(account).await,
        }
    }

    /// Adds an organization, its first account and an API token.
    pub(crate) async fn add_tenant(
        &self,
        account: AccountRow,
        token: TokenRow,
    ) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.add_tenant(account, token).await,
            Self::Postgres(postgres) => postgres.add_tenant(account, token).await,
        }
    }

    pub(crate) async fn has_accounts(&self) -> Result<bool, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.has_accounts(),
            Self::Postgres(postgres) => postgres.has_accounts().await,
        }
    }

    /// Returns an active account by its client id; `None` if there is none. Takes as long in both cases.
    pub(crate) async fn client(&self, client_id: &str) -> Result<Option<Client>, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.client(client_id),
            Self::Postgres(postgres) => postgres.client(client_id).await,
        }
    }

    /// Returns the org key of an epoch, wrapped for the account.
    pub(crate) async fn encrypted_org_key(
        &self,
        account: AccountId,
        epoch: KeyEpoch,
    ) -> Result<Option<String>, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.encrypted_org_key(account, epoch),
            Self::Postgres(postgres) => postgres.encrypted_org_key(account, epoch).await,
        }
    }

    /// Returns the locked private key of an account; `None` if it has not stored one.
    pub(crate) async fn private_key(
        &self,
        account: AccountId,
    ) -> Result<Option<PrivateKeyAnswer>, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.private_key(account),
            Self::Postgres(postgres) => postgres.private_key(account).await,
        }
    }
}
