//! One remembered vault, and its org key.

use helvetisafe::organization::Chain;
use helvetisafe::{Client, Fingerprint, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::known_organization::KnownOrganization;
use crate::settings::VaultId;

/// A vault, and its remembered org key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct KnownVault {
    #[serde(flatten)]
    pub(crate) vault: VaultId,
    #[serde(serialize_with = "as_text", deserialize_with = "from_text")]
    pub(crate) fingerprint: Fingerprint,
    pub(crate) since: Timestamp,
    /// Set if a command only read, without a terminal on which a person could compare the key, or although
    /// other credentials of the vault have another key. Such an entry detects a change, but allows no
    /// writing.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) unconfirmed: bool,
    /// The number of this org key, if the vault numbers its org keys and the number is known. A key keeps its number.
    #[serde(
        default,
        rename = "org_key_number",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) key_epoch: Option<u64>,
    /// The newest number of any org key of the vault, as an earlier version stored it. After `trust pin` it may be that of the
    /// key before, so it shows only that the vault numbers its keys.
    #[serde(default, rename = "key_epoch", skip_serializing)]
    pub(super) newest_epoch: Option<u64>,
    /// Set if the vault numbers its org keys, and the number of this one is unknown, as after `trust pin`. The vault must not leave
    /// it out.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) numbers_keys: bool,
    /// Set once the vault has accepted the account, if a command made it and it was not confirmed yet.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) has_worked: bool,
    /// The organization whose signed chain the account follows, if a part of the chain is trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) organization: Option<KnownOrganization>,
}

/// An org key, and its number if the vault numbers its keys and the number is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NumberedKey {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) epoch: Option<u64>,
}

impl NumberedKey {
    /// Returns the key in use.
    pub(crate) fn of(client: &Client) -> Self {
        Self {
            fingerprint: client.org_key_fingerprint(),
            epoch: client.key_epoch(),
        }
    }

    /// Returns the present key of a verified chain.
    pub(crate) fn of_chain(chain: &Chain) -> Self {
        Self {
            fingerprint: *chain.fingerprint(),
            epoch: Some(chain.epoch()),
        }
    }

    /// Returns this key with the number that a verified chain has for it. The vault's own word does not count: it could say
    /// the number of the next key.
    pub(crate) fn numbered_by(self, chain: &Chain) -> Self {
        match self.fingerprint == *chain.fingerprint() {
            true => Self::of_chain(chain),
            false => Self::unnumbered(self.fingerprint),
        }
    }

    /// Returns a key whose number is unknown.
    pub(crate) fn unnumbered(fingerprint: Fingerprint) -> Self {
        Self {
            fingerprint,
            epoch: None,
        }
    }
}

impl KnownVault {
    pub(super) fn new(vault: &VaultId, key: NumberedKey) -> Self {
        Self {
            vault: vault.clone(),
            fingerprint: key.fingerprint,
            since: Timestamp::now(),
            unconfirmed: false,
            key_epoch: key.epoch,
            newest_epoch: None,
            numbers_keys: false,
            has_worked: false,
            organization: None,
        }
    }

    /// Returns the remembered org key.
    pub(crate) fn key(&self) -> NumberedKey {
        NumberedKey {
            fingerprint: self.fingerprint,
            epoch: self.key_epoch,
        }
    }

    /// Returns the entry with another org key, since now. The organization stays.
    pub(super) fn with_key(self, key: NumberedKey) -> Self {
        Self {
            numbers_keys: self.has_epochs() && key.epoch.is_none(),
            has_worked: self.has_worked,
            organization: self.organization,
            ..Self::new(&self.vault, key)
        }
    }

    /// Returns the entry of an earlier version as one of this version.
    pub(super) fn upgraded(self) -> Self {
        Self {
            numbers_keys: self.numbers_keys
                || self.newest_epoch.is_some() && self.key_epoch.is_none(),
            newest_epoch: None,
            ..self
        }
    }

    /// Remembers the number of the org key.
    pub(super) fn set_epoch(&mut self, epoch: u64) {
        self.key_epoch = Some(epoch);
        self.numbers_keys = false;
    }

    /// Returns true if the vault has numbered its org keys before, as each one with a signed chain does.
    pub(super) fn has_epochs(&self) -> bool {
        self.key_epoch.is_some() || self.numbers_keys || self.organization.is_some()
    }

    /// Returns true if the remembered org key is given another number than before. The vault may have replaced it then, and would
    /// store a value under it as one of the present key.
    pub(super) fn is_renumbered(&self, given: NumberedKey) -> bool {
        let is_other = |(known, given)| known != given;
        let numbers = self.key_epoch.zip(given.epoch);
        self.fingerprint == given.fingerprint && numbers.is_some_and(is_other)
    }

    /// Returns true if this is the first number of the remembered org key.
    pub(super) fn is_unnumbered(&self, given: NumberedKey) -> bool {
        let is_first = self.key_epoch.is_none() && given.epoch.is_some();
        self.fingerprint == given.fingerprint && is_first
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(value: &bool) -> bool {
    !value
}

fn as_text<S: Serializer>(fingerprint: &Fingerprint, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(fingerprint)
}

fn from_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Fingerprint, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse()
        .map_err(|_| de::Error::custom("a fingerprint is SHA256: and 43 characters"))
}
