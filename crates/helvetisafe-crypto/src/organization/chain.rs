mod entry;
mod error;
mod rules;

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use super::{PublicKeyInfo, SigningKey, VerificationKey, VerifiedJoinRequest};
use crate::Fingerprint;
use entry::Content;
pub use entry::{Entry, Event};
pub use error::ChainError;

/// The verified history of an organization: its members, its administrators and its org keys.
///
/// Every entry has the hash of the one before it, and is signed by a key that was an administrator's before it. So a
/// vault can neither invent an entry nor leave one out; it can only withhold the newest ones from a client that never
/// saw them.
///
/// A client stores [`Self::head`] and passes it as the [`Anchor`] the next time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    organization: String,
    head: Head,
    /// The hash of each entry.
    hashes: Vec<[u8; 32]>,
    epoch: u64,
    fingerprint: Fingerprint,
    /// The fingerprint of the org key of each epoch.
    fingerprints: BTreeMap<u64, Fingerprint>,
    members: BTreeMap<String, ChainMember>,
    /// The accounts that were disabled.
    former: BTreeMap<String, ChainMember>,
    /// The number of the last entry that disabled one of them.
    last_disabled: Option<u64>,
    /// The number of the entry with which the present epoch began.
    epoch_began: u64,
    /// The ids of the invitations that were used.
    invitations: BTreeSet<[u8; 32]>,
    administrators: BTreeMap<String, VerificationKey>,
}

/// A member, as an administrator has signed it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ChainMember {
    /// The name, for people. No two present members have the same.
    pub name: String,
    /// The hash of the public key: [`PublicKeyInfo::hash`].
    pub public_key_hash: [u8; 32],
}

/// The largest number of characters of a name.
const LONGEST_NAME: usize = 128;

/// Returns true if a member can have this name: 1 to 128 characters (Unicode scalar values) without control characters
/// (general category Cc), and without white space (the property White_Space) at its ends.
#[must_use]
pub fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.trim() == text
        && text.chars().count() <= LONGEST_NAME
        && !text.contains(char::is_control)
}

/// The place of an entry in a chain. It stands for all entries up to there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Head {
    /// The number of the entry; the genesis has 0.
    pub sequence: u64,
    /// The hash of the entry: SHA-256("HelvetiSafe chain entry hash v1" || 0x00 || entry).
    pub hash: [u8; 32],
}

/// The trusted part of a chain, from which a client verifies the rest. It never comes from the vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// The verification key of an administrator, who has signed at least one entry. Being listed in an entry is not
    /// enough: a vault can make a chain that lists any key.
    Key(VerificationKey),
    /// A head from an earlier chain or an invitation code. It must still be in the chain.
    Head(Head),
}

impl Chain {
    /// Makes the first entry of a chain, which founds an organization with one member and administrator. A chain with it
    /// is refused unless `name` [is a name](is_name).
    #[must_use]
    pub fn found(
        organization: &str,
        epoch: u64,
        fingerprint: &Fingerprint,
        account: &str,
        name: &str,
        public_key: &PublicKeyInfo,
        key: &SigningKey,
    ) -> Entry {
        let signer = key.verification_key();
        let event = Event::Genesis {
            fingerprint: *fingerprint,
            account: account.to_owned(),
            name: name.to_owned(),
            public_key_hash: public_key.hash(),
            key: signer,
        };
        let content = Content {
            organization: organization.to_owned(),
            sequence: 0,
            previous: [0; 32],
            epoch,
            event,
            keys: [signer].into(),
            signer,
        };
        Entry::sign(content, key)
    }

    /// Verifies all entries of a chain from the genesis on.
    ///
    /// # Errors
    ///
    /// [`ChainError`] with the reason.
    pub fn follow(
        organization: &str,
        anchor: &Anchor,
        entries: &[Entry],
    ) -> Result<Self, ChainError> {
        let (genesis, others) = entries.split_first().ok_or(ChainError::Genesis)?;
        let mut chain = Self::start(organization, genesis)?;
        for entry in others {
            chain.append(entry)?;
        }
        anchor.check(entries)?;
        Ok(chain)
    }

    /// Verifies the next entry and appends it. After an error the chain is as before.
    ///
    /// # Errors
    ///
    /// [`ChainError`] with the reason.
    pub fn append(&mut self, entry: &Entry) -> Result<(), ChainError> {
        let content = &entry.content;
        if content.organization != self.organization {
            return Err(ChainError::Organization);
        }
        if Some(content.sequence) != self.head.sequence.checked_add(1) {
            return Err(ChainError::Gap);
        }
        if content.previous != self.head.hash {
            return Err(ChainError::Fork);
        }
        if !self
            .administrators
            .values()
            .any(|key| *key == content.signer)
        {
            return Err(ChainError::Signer);
        }
        if !entry.has_valid_signature() {
            return Err(ChainError::Signature);
        }
        if content.epoch != self.epoch_after(&content.event)? {
            return Err(ChainError::Epoch);
        }
        let administrators = self.administrators_after(&content.event)?;
        if !rules::are_keys_of(&content.keys, &administrators) {
            return Err(ChainError::Keys);
        }
        self.apply(entry, administrators);
        Ok(())
    }

    /// Makes the next entry: a joining account becomes a member.
    ///
    /// # Errors
    ///
    /// [`ChainError::Organization`] when the request is for another organization; [`ChainError::Member`] when the
    /// account is a member; [`ChainError::FormerMember`] when it was one, and [`ChainError::UsedInvitation`] when the
    /// invitation was used, since the vault may show an old request again; [`ChainError::Name`] when the name is not one;
    /// [`ChainError::NameTaken`] when another member has it; [`ChainError::Signer`] when `key` is not an administrator's.
    pub fn confirm(
        &self,
        verified: &VerifiedJoinRequest,
        key: &SigningKey,
    ) -> Result<Entry, ChainError> {
        let request = self.check_organization(verified)?;
        let event = Event::MemberConfirmed {
            account: request.account.clone(),
            name: request.name.clone(),
            invitation: *verified.invitation(),
            public_key_hash: request.public_key.hash(),
        };
        self.sign(event, key)
    }

    /// Makes the next entry: a confirmed member, whose request had a verification key, becomes an administrator.
    ///
    /// # Errors
    ///
    /// [`ChainError::Organization`] when the request is for another organization; [`ChainError::NoVerificationKey`] when
    /// it has none; [`ChainError::Member`] when the account is not a member with the public key of the request, or is an
    /// administrator; [`ChainError::Signer`] when `key` is not an administrator's.
    pub fn add_administrator(
        &self,
        request: &VerifiedJoinRequest,
        key: &SigningKey,
    ) -> Result<Entry, ChainError> {
        let request = self.check_organization(request)?;
        let member = self.members.get(&request.account);
        if member.map(|it| it.public_key_hash) != Some(request.public_key.hash()) {
            return Err(ChainError::Member);
        }
        let event = Event::AdministratorAdded {
            account: request.account.clone(),
            key: request
                .verification_key
                .ok_or(ChainError::NoVerificationKey)?,
        };
        self.sign(event, key)
    }

    /// Makes the next entry: an administrator becomes an ordinary member.
    ///
    /// # Errors
    ///
    /// [`ChainError::Member`] when the account is not an administrator; [`ChainError::LastAdministrator`] when there
    /// is no other; [`ChainError::Signer`] when `key` is not an administrator's.
    pub fn remove_administrator(
        &self,
        account: &str,
        key: &SigningKey,
    ) -> Result<Entry, ChainError> {
        let account = account.to_owned();
        self.sign(Event::AdministratorRemoved { account }, key)
    }

    /// Makes the next entry: an account is no longer a member, nor an administrator.
    ///
    /// # Errors
    ///
    /// [`ChainError::Member`] when the account is not a member; [`ChainError::LastAdministrator`] when there would be
    /// no administrator; [`ChainError::Signer`] when `key` is not an administrator's.
    pub fn disable(&self, account: &str, key: &SigningKey) -> Result<Entry, ChainError> {
        let account = account.to_owned();
        self.sign(Event::MemberDisabled { account }, key)
    }

    /// Makes the next entry: the org key with this fingerprint is valid from the next epoch on.
    ///
    /// # Errors
    ///
    /// [`ChainError::EarlierKey`] when the chain has had this org key; [`ChainError::Signer`] when `key` is not an
    /// administrator's.
    pub fn rotate(&self, fingerprint: &Fingerprint, key: &SigningKey) -> Result<Entry, ChainError> {
        let fingerprint = *fingerprint;
        self.sign(Event::Rotation { fingerprint }, key)
    }

    /// Returns the id of the organization.
    #[must_use]
    pub fn organization(&self) -> &str {
        &self.organization
    }

    /// Returns the newest entry's place, which a client stores as its next [`Anchor`].
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Returns the present epoch.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Returns the fingerprint of the present org key.
    #[must_use]
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// Returns the fingerprint of the org key of an epoch, if the chain has that epoch.
    #[must_use]
    pub fn fingerprint_of(&self, epoch: u64) -> Option<&Fingerprint> {
        self.fingerprints.get(&epoch)
    }

    /// Returns true if the chain has, or had, the org key with this fingerprint. An invited person asks it for the
    /// fingerprint of the code.
    #[must_use]
    pub fn has_had(&self, fingerprint: &Fingerprint) -> bool {
        self.fingerprints.values().any(|had| had == fingerprint)
    }

    /// Returns true if the entry is a part of this chain, so that the chain extends the one that ended with it.
    #[must_use]
    pub fn contains(&self, head: &Head) -> bool {
        // Sequence numbers have no gaps, so each one is an index.
        let place = usize::try_from(head.sequence).ok();
        place.and_then(|place| self.hashes.get(place)) == Some(&head.hash)
    }

    /// Returns true if a member was confirmed with the invitation of this id. It is of no use any more.
    #[must_use]
    pub fn has_used(&self, invitation: &[u8; 32]) -> bool {
        self.invitations.contains(invitation)
    }

    /// Returns the members by their accounts. A rotation wraps the org key for these, and only for a public key with the
    /// hash that the chain has.
    #[must_use]
    pub fn members(&self) -> &BTreeMap<String, ChainMember> {
        &self.members
    }

    /// Returns the accounts that were disabled, as they were before. None of them becomes a member again.
    #[must_use]
    pub fn former_members(&self) -> &BTreeMap<String, ChainMember> {
        &self.former
    }

    /// Returns true if a member was disabled since the present org key became valid: a former member may know this key, until
    /// a rotation replaces it.
    #[must_use]
    pub fn has_disabled_since_rotation(&self) -> bool {
        self.has_disabled_since(self.epoch_began)
    }

    /// Returns true if a member was disabled after the entry with this number: a former member may know what was wrapped for
    /// the members of that entry.
    #[must_use]
    pub fn has_disabled_since(&self, sequence: u64) -> bool {
        self.last_disabled.is_some_and(|last| last > sequence)
    }

    /// Returns the administrators: each account with its verification key.
    #[must_use]
    pub fn administrators(&self) -> &BTreeMap<String, VerificationKey> {
        &self.administrators
    }
}

#[cfg(all(test, feature = "getrandom"))]
mod tests;
