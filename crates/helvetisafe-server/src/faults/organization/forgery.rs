//! Entries that the attacker signs. `helvetisafe-crypto` makes none that its own rules refuse, so they are encoded here:
//! section Chain of `docs/organization-keys.md`.

use std::collections::BTreeSet;

use helvetisafe_crypto::organization::{Chain, Entry, Head, VerificationKey};

use super::Attacker;

/// Signs entries after a chain, or from a genesis on.
pub(super) struct Forger<'a> {
    attacker: &'a Attacker,
    organization: &'a str,
    /// The last entry; none before the genesis.
    head: Option<Head>,
    pub(super) epoch: u64,
    /// The verification keys after the next entry.
    pub(super) keys: BTreeSet<[u8; 32]>,
    /// The key that is named as the signer.
    pub(super) signer: [u8; 32],
}

impl<'a> Forger<'a> {
    /// Starts after the last entry of a chain.
    pub(super) fn after(chain: &'a Chain, attacker: &'a Attacker) -> Self {
        let keys = chain.administrators().values();
        Self {
            head: Some(*chain.head()),
            epoch: chain.epoch(),
            keys: keys.map(VerificationKey::as_bytes).copied().collect(),
            ..Self::new(chain.organization(), attacker)
        }
    }

    /// Starts before the genesis of an organization, whose administrator is the attacker.
    pub(super) fn new(organization: &'a str, attacker: &'a Attacker) -> Self {
        let signer = attacker.verification_key();
        Self {
            attacker,
            organization,
            head: None,
            epoch: 1,
            keys: [signer].into(),
            signer,
        }
    }

    /// Returns the next entry: its label without the words that all labels have, and the fields of its change.
    pub(super) fn sign(&mut self, label: &str, change: &[&[u8]]) -> Vec<u8> {
        let (sequence, previous) = match self.head {
            Some(head) => (head.sequence.saturating_add(1), head.hash),
            None => (0, [0; 32]),
        };
        let mut fields = Fields(Vec::new());
        fields.add(format!("HelvetiSafe chain {label} v1").as_bytes());
        fields.add(self.organization.as_bytes());
        fields.add(&sequence.to_be_bytes());
        fields.add(&previous);
        fields.add(&self.epoch.to_be_bytes());
        change.iter().for_each(|field| fields.add(field));
        fields.add(&(self.keys.len() as u64).to_be_bytes());
        self.keys.iter().for_each(|key| fields.add(key));
        fields.add(&self.signer);
        let signature = self.attacker.sign(&fields.0);
        fields.add(&signature);
        self.head = Entry::from_bytes(&fields.0).ok().map(|entry| entry.head());
        fields.0
    }
}

/// The encoding of authenticated data: each field after its length.
struct Fields(Vec<u8>);

impl Fields {
    fn add(&mut self, field: &[u8]) {
        let length = (field.len() as u64).to_be_bytes();
        self.0.extend_from_slice(&length);
        self.0.extend_from_slice(field);
    }
}
