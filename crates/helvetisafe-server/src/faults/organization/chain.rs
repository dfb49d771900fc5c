//! The chain: withheld, repeated and forged entries, and a chain of the attacker.

use helvetisafe_crypto::organization::{Anchor, Chain, Entry, Event};
use helvetisafe_proto::Base64;
use helvetisafe_proto::endpoint::organization::ChainAnswer;

use super::forgery::Forger;
use super::{Attacker, Lie};

/// The id of an invitation that was never made.
const INVITATION: [u8; 32] = [0xff; 32];

/// Changes an answer that has the whole chain.
pub(super) fn changed(
    mut answer: ChainAnswer,
    lie: Lie,
    attacker: &Attacker,
) -> Option<ChainAnswer> {
    let real = Real::read(&answer)?;
    let entries = &mut answer.entries;
    match lie {
        Lie::Withhold(count) => entries.truncate(entries.len().saturating_sub(count)),
        Lie::Omit(number) if number < entries.len() => drop(entries.remove(number)),
        Lie::Repeat(number) => entries.push(entries.get(number)?.clone()),
        Lie::ConfirmItself => {
            entries.push(real.confirmation(attacker, attacker.verification_key()))
        }
        Lie::ForgeSignature => {
            let founders = real.founders_key;
            entries.push(real.confirmation(attacker, founders));
        }
        Lie::Invent => *entries = real.invented(attacker),
        _ => return None,
    }
    Some(answer)
}

/// The chain that the vault really has.
struct Real {
    chain: Chain,
    founder: String,
    founders_name: String,
    founders_hash: [u8; 32],
    founders_key: [u8; 32],
}

impl Real {
    /// Returns `None` if the answer is only a part of the chain.
    fn read(answer: &ChainAnswer) -> Option<Self> {
        let entries = answer.entries.iter();
        let entries: Vec<_> = entries
            .map(|entry| Entry::from_bytes(&entry.0).ok())
            .collect::<Option<_>>()?;
        let Event::Genesis {
            account,
            name,
            public_key_hash,
            key,
            ..
        } = entries.first()?.event()
        else {
            return None;
        };
        let organization = organization(&answer.entries.first()?.0)?;
        let chain = Chain::follow(&organization, &Anchor::Key(*key), &entries);
        Some(Self {
            chain: chain.ok().filter(|_| !answer.has_more)?,
            founder: account.clone(),
            founders_name: name.clone(),
            founders_hash: *public_key_hash,
            founders_key: *key.as_bytes(),
        })
    }

    /// Returns an entry that confirms the attacker's account.
    fn confirmation(&self, attacker: &Attacker, signer: [u8; 32]) -> Base64 {
        let mut forger = Forger::after(&self.chain, attacker);
        forger.signer = signer;
        let (account, hash) = (Attacker::ACCOUNT.as_bytes(), attacker.public_key().hash());
        let member = [account, Attacker::NAME.as_bytes(), &INVITATION[..], &hash];
        Base64(forger.sign("member confirmed", &member))
    }

    /// Returns a chain of the attacker with as many entries. From three entries on it has the founder as an administrator.
    fn invented(&self, attacker: &Attacker) -> Vec<Base64> {
        let length = self.chain.head().sequence.saturating_add(1);
        let mut forger = Forger::new(self.chain.organization(), attacker);
        let (account, hash) = (Attacker::ACCOUNT.as_bytes(), attacker.public_key().hash());
        let (founder, own) = (self.founder.as_bytes(), attacker.verification_key());
        let fingerprint = org_key(1, length, attacker);
        let genesis = [
            &fingerprint[..],
            account,
            Attacker::NAME.as_bytes(),
            &hash,
            &own,
        ];
        let mut entries = vec![forger.sign("genesis", &genesis)];
        if length >= 3 {
            let name = self.founders_name.as_bytes();
            let member = [founder, name, &INVITATION[..], &self.founders_hash];
            entries.push(forger.sign("member confirmed", &member));
            forger.keys.insert(self.founders_key);
            entries.push(forger.sign("administrator added", &[founder, &self.founders_key]));
        }
        for number in entries.len() as u64 + 1..=length {
            forger.epoch += 1;
            let fingerprint = org_key(number, length, attacker);
            entries.push(forger.sign("rotation", &[&fingerprint]));
        }
        entries.into_iter().map(Base64).collect()
    }
}

/// Returns a fingerprint for the entry of this number, counted from 1. The last one is that of the attacker's org key.
fn org_key(number: u64, length: u64, attacker: &Attacker) -> [u8; 32] {
    match number == length {
        true => *attacker.org_key().fingerprint().as_bytes(),
        false => [u8::try_from(number).unwrap_or(u8::MAX); 32],
    }
}

/// Returns the organization of an entry: its second field.
fn organization(entry: &[u8]) -> Option<String> {
    let (_, rest) = field(entry)?;
    let (organization, _) = field(rest)?;
    String::from_utf8(organization.to_vec()).ok()
}

fn field(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u64::from_be_bytes(*length)).ok()?)
}
