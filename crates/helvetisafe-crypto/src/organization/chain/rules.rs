//! The rules that make an entry valid, given the entries before it.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec;

use super::{Anchor, Chain, ChainError, ChainMember, Content, Entry, Event, is_name};
use crate::organization::{JoinRequest, SigningKey, VerificationKey, VerifiedJoinRequest};

type Administrators = BTreeMap<String, VerificationKey>;

impl Chain {
    /// Verifies the genesis. It is signed by the key that it introduces, so only an anchor makes it trustworthy.
    pub(super) fn start(organization: &str, genesis: &Entry) -> Result<Self, ChainError> {
        let content = &genesis.content;
        let Event::Genesis {
            fingerprint,
            account,
            name,
            public_key_hash,
            key,
        } = &content.event
        else {
            return Err(ChainError::Genesis);
        };
        if content.organization != organization {
            return Err(ChainError::Organization);
        }
        if content.sequence != 0 || content.previous != [0; 32] {
            return Err(ChainError::Genesis);
        }
        if !is_name(name) {
            return Err(ChainError::Name);
        }
        if content.signer != *key {
            return Err(ChainError::Signer);
        }
        if content.keys != [*key].into() {
            return Err(ChainError::Keys);
        }
        if !genesis.has_valid_signature() {
            return Err(ChainError::Signature);
        }
        let founder = ChainMember {
            name: name.clone(),
            public_key_hash: *public_key_hash,
        };
        Ok(Self {
            organization: organization.into(),
            head: genesis.head(),
            hashes: vec![genesis.head().hash],
            epoch: content.epoch,
            fingerprint: *fingerprint,
            fingerprints: [(content.epoch, *fingerprint)].into(),
            members: [(account.clone(), founder)].into(),
            former: BTreeMap::new(),
            last_disabled: None,
            epoch_began: 0,
            invitations: BTreeSet::new(),
            administrators: [(account.clone(), *key)].into(),
        })
    }

    /// Returns the content of a request for this organization.
    pub(super) fn check_organization<'r>(
        &self,
        request: &'r VerifiedJoinRequest,
    ) -> Result<&'r JoinRequest, ChainError> {
        let request = request.request();
        match request.organization == self.organization {
            true => Ok(request),
            false => Err(ChainError::Organization),
        }
    }

    /// Makes the next entry, which this chain accepts.
    pub(super) fn sign(&self, event: Event, key: &SigningKey) -> Result<Entry, ChainError> {
        let content = Content {
            organization: self.organization.clone(),
            sequence: self.head.sequence.checked_add(1).ok_or(ChainError::Gap)?,
            previous: self.head.hash,
            epoch: self.epoch_after(&event)?,
            keys: self.administrators_after(&event)?.into_values().collect(),
            event,
            signer: key.verification_key(),
        };
        let entry = Entry::sign(content, key);
        self.clone().append(&entry)?;
        Ok(entry)
    }

    pub(super) fn epoch_after(&self, event: &Event) -> Result<u64, ChainError> {
        let step = u64::from(matches!(event, Event::Rotation { .. }));
        self.epoch.checked_add(step).ok_or(ChainError::Epoch)
    }

    /// Checks that a change fits, and returns the administrators after it.
    pub(super) fn administrators_after(&self, event: &Event) -> Result<Administrators, ChainError> {
        let mut after = self.administrators.clone();
        let fits = match event {
            Event::Genesis { .. } => return Err(ChainError::Genesis),
            Event::MemberConfirmed {
                account,
                name,
                invitation,
                ..
            } => {
                self.check_new(account, name, invitation)?;
                true
            }
            Event::MemberDisabled { account } => {
                after.remove(account);
                self.members.contains_key(account)
            }
            Event::AdministratorAdded { account, key } => {
                let is_new = after.insert(account.clone(), *key).is_none();
                is_new && self.members.contains_key(account)
            }
            Event::AdministratorRemoved { account } => after.remove(account).is_some(),
            Event::Rotation { fingerprint } => {
                if self.has_had(fingerprint) {
                    return Err(ChainError::EarlierKey);
                }
                true
            }
        };
        if !fits {
            return Err(ChainError::Member);
        }
        if after.is_empty() {
            return Err(ChainError::LastAdministrator);
        }
        Ok(after)
    }

    /// Checks that the account, the name and the invitation of a new member are not those of another.
    fn check_new(
        &self,
        account: &str,
        name: &str,
        invitation: &[u8; 32],
    ) -> Result<(), ChainError> {
        if self.members.contains_key(account) {
            return Err(ChainError::Member);
        }
        if self.former.contains_key(account) {
            return Err(ChainError::FormerMember);
        }
        if self.has_used(invitation) {
            return Err(ChainError::UsedInvitation);
        }
        if !is_name(name) {
            return Err(ChainError::Name);
        }
        match self.members.values().any(|member| member.name == name) {
            true => Err(ChainError::NameTaken),
            false => Ok(()),
        }
    }

    /// Takes over a verified entry.
    pub(super) fn apply(&mut self, entry: &Entry, administrators: Administrators) {
        match &entry.content.event {
            Event::MemberConfirmed {
                account,
                name,
                invitation,
                public_key_hash,
            } => {
                let member = ChainMember {
                    name: name.clone(),
                    public_key_hash: *public_key_hash,
                };
                self.members.insert(account.clone(), member);
                self.invitations.insert(*invitation);
            }
            Event::MemberDisabled { account } => {
                let former = self.members.remove_entry(account);
                self.former.extend(former);
                self.last_disabled = Some(entry.content.sequence);
            }
            Event::Rotation { fingerprint } => {
                self.epoch = entry.content.epoch;
                self.fingerprint = *fingerprint;
                self.fingerprints.insert(self.epoch, *fingerprint);
                self.epoch_began = entry.content.sequence;
            }
            Event::Genesis { .. }
            | Event::AdministratorAdded { .. }
            | Event::AdministratorRemoved { .. } => {}
        }
        self.administrators = administrators;
        self.head = entry.head();
        self.hashes.push(self.head.hash);
    }
}

impl Anchor {
    /// Checks that the verified entries contain the anchor.
    pub(super) fn check(&self, entries: &[Entry]) -> Result<(), ChainError> {
        match self {
            Self::Key(key) => {
                let is_signer = entries.iter().any(|entry| entry.content.signer == *key);
                is_signer.then_some(()).ok_or(ChainError::Untrusted)
            }
            Self::Head(seen) => {
                // Sequence numbers have no gaps, so each one is an index.
                let place = usize::try_from(seen.sequence).map_err(|_| ChainError::Older)?;
                let entry = entries.get(place).ok_or(ChainError::Older)?;
                (entry.head() == *seen)
                    .then_some(())
                    .ok_or(ChainError::Fork)
            }
        }
    }
}

/// Returns true if these are the keys of the administrators, and no two administrators share a key.
pub(super) fn are_keys_of(
    keys: &BTreeSet<VerificationKey>,
    administrators: &Administrators,
) -> bool {
    let expected: BTreeSet<_> = administrators.values().copied().collect();
    *keys == expected && expected.len() == administrators.len()
}
