//! The org keys of a connected client. Some of them encrypt, others only decrypt.
//!
//! A vault could hand out an org key that it knows, to read what is encrypted under it. So there are two types.
//! An [`UnconfirmedKey`] comes from the vault and only decrypts. This module alone turns it into a
//! [`ConfirmedKey`], if the policy allows that, and only a [`ConfirmedKey`] gives access to the [`OrgKey`] that
//! encrypts.

mod rotation;

use std::sync::{Arc, PoisonError, RwLock};

#[cfg(feature = "organization")]
use helvetisafe_crypto::organization::{Anchor, Chain, ChainError, Head};
use helvetisafe_crypto::{Envelope, Fingerprint, OrgKey, Plaintext, WrappedOrgKey};

use crate::error::Cause;
#[cfg(feature = "organization")]
use crate::error::OrganizationCause;

pub(crate) use rotation::Verdict;
pub use rotation::{OrgKeyChange, OrgKeyRotation};

/// An org key from the vault. It decrypts, but does not encrypt.
#[derive(Clone)]
pub(crate) struct UnconfirmedKey(Arc<Unwrapped>, Epoch);

/// An org key that also encrypts: the first one of a client without pins, a pinned one, or one that the
/// application or the signed chain confirmed.
#[derive(Clone)]
pub(crate) struct ConfirmedKey(Arc<Unwrapped>, Epoch);

/// The number of an org key, if the vault counts them. Writes name it, so that a vault refuses a value under a key that
/// it has replaced.
type Epoch = Option<u64>;

struct Unwrapped {
    key: OrgKey,
    fingerprint: Fingerprint,
    wrapped: WrappedOrgKey,
}

impl UnconfirmedKey {
    pub(crate) fn new(key: OrgKey, wrapped: WrappedOrgKey) -> Self {
        let unwrapped = Unwrapped {
            fingerprint: key.fingerprint(),
            key,
            wrapped,
        };
        Self(Arc::new(unwrapped), None)
    }

    /// Returns the same key with its number.
    pub(crate) fn in_epoch(self, epoch: Epoch) -> Self {
        Self(self.0, epoch)
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        self.0.fingerprint
    }

    /// Returns true if the vault stores this key in these bytes.
    pub(crate) fn is_wrapped_as(&self, wrapped: &WrappedOrgKey) -> bool {
        self.0.wrapped == *wrapped
    }

    pub(crate) fn try_open(&self, envelope: Envelope) -> Result<Plaintext, Envelope> {
        self.0.key.try_open(envelope)
    }

    /// Opens a part of a resumption ticket, which an earlier client sealed under this key.
    pub(crate) fn open_ticket(&self, sealed: Envelope) -> Option<Plaintext> {
        self.0.key.open_ticket(sealed).ok()
    }

    /// Returns the key with the right to encrypt, if it is the present one of a verified chain.
    #[cfg(feature = "organization")]
    pub(crate) fn confirmed_by(&self, chain: &Chain) -> Option<ConfirmedKey> {
        (self.fingerprint() == *chain.fingerprint()).then(|| self.confirm())
    }

    fn confirm(&self) -> ConfirmedKey {
        ConfirmedKey(Arc::clone(&self.0), self.1)
    }
}

impl ConfirmedKey {
    pub(crate) fn org_key(&self) -> &OrgKey {
        &self.0.key
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        self.0.fingerprint
    }

    pub(crate) fn wrapped(&self) -> &WrappedOrgKey {
        &self.0.wrapped
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.1
    }

    /// Returns the same key without the right to encrypt.
    fn for_opening(&self) -> UnconfirmedKey {
        UnconfirmedKey(Arc::clone(&self.0), self.1)
    }
}

/// The policy that decides which org keys a client accepts.
#[derive(Default)]
pub(crate) struct OrgKeyPolicy {
    /// The only keys that `connect` accepts. Without pins it accepts any key.
    pub(crate) pins: Vec<Fingerprint>,
    /// The policy for a later key that is not pinned.
    pub(crate) rotation: OrgKeyRotation,
    /// The vault has numbered its org keys before.
    pub(crate) requires_epoch: bool,
}

impl OrgKeyPolicy {
    /// Returns true if a client may start with this key.
    pub(crate) fn accepts_first(&self, key: Fingerprint) -> bool {
        self.pins.is_empty() || self.pins.contains(&key)
    }
}

/// The use of a plaintext. The vault may choose a plaintext under an unconfirmed key, so it is not encrypted
/// again as if the user had written it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Read,
    SealAgain,
}

/// The org keys of one client and its clones.
pub(crate) struct OrgKeys {
    policy: OrgKeyPolicy,
    known: RwLock<Known>,
}

#[derive(Clone)]
struct Known {
    /// Encrypts and decrypts.
    current: ConfirmedKey,
    /// False until the vault has presented the current key to this client. A key from a ticket does not
    /// encrypt before that.
    is_compared: bool,
    /// The vault has numbered its org keys.
    has_epochs: bool,
    /// Pinned keys that were current before. During an announced rotation some secrets are still encrypted
    /// under them.
    earlier: Vec<ConfirmedKey>,
    /// The last unconfirmed key from the vault.
    unconfirmed: Option<UnconfirmedKey>,
    /// The newest entry of the chain that was verified.
    #[cfg(feature = "organization")]
    head: Option<Head>,
}

impl OrgKeys {
    /// Accepts the first org key of a client.
    ///
    /// Fails with [`Cause::OrgKeyRefused`] when others are pinned.
    pub(crate) fn accept(policy: OrgKeyPolicy, key: &UnconfirmedKey) -> Result<Self, Cause> {
        if !policy.accepts_first(key.fingerprint()) {
            return Err(refused(policy.pins, key));
        }
        if policy.requires_epoch && key.1.is_none() {
            return Err(Cause::NoEpoch);
        }
        Ok(Self::new(policy, key, true))
    }

    /// Accepts the first org key of a client that follows the chain.
    #[cfg(feature = "organization")]
    pub(crate) fn accept_by(
        policy: OrgKeyPolicy,
        key: &UnconfirmedKey,
        chain: &Chain,
    ) -> Result<Self, Cause> {
        let keys = Self::new(policy, key, true);
        keys.confirm_by(chain, key)?;
        Ok(keys)
    }

    /// Starts with the key of a ticket, under which an earlier client sealed. It decrypts; it encrypts after the
    /// vault has presented it too. The policy must accept it as the first key.
    pub(crate) fn resume(policy: OrgKeyPolicy, key: &UnconfirmedKey) -> Self {
        Self::new(policy, key, false)
    }

    fn new(policy: OrgKeyPolicy, key: &UnconfirmedKey, is_compared: bool) -> Self {
        Self {
            known: RwLock::new(Known {
                current: key.confirm(),
                is_compared,
                has_epochs: policy.requires_epoch || key.1.is_some(),
                earlier: Vec::new(),
                unconfirmed: None,
                #[cfg(feature = "organization")]
                head: None,
            }),
            policy,
        }
    }

    /// Returns the key in use. Secrets are encrypted under [`Self::sealing_key`].
    pub(crate) fn current(&self) -> ConfirmedKey {
        self.read(|known| known.current.clone())
    }

    /// Returns the key that encrypts. Returns `None` for the key of a ticket until the vault has presented it.
    pub(crate) fn sealing_key(&self) -> Option<ConfirmedKey> {
        self.read(|known| known.is_compared.then(|| known.current.clone()))
    }

    /// Returns the newest trusted part of the chain, if the policy follows it.
    #[cfg(feature = "organization")]
    pub(crate) fn anchor(&self) -> Option<Anchor> {
        let first = self.policy.rotation.anchor()?;
        Some(self.head().map_or(first, Anchor::Head))
    }

    /// Returns the newest entry of the chain that was verified.
    #[cfg(feature = "organization")]
    pub(crate) fn head(&self) -> Option<Head> {
        self.read(|known| known.head)
    }

    /// Makes this key the current one, if it is the present one of the chain, which was followed from the anchor. Does
    /// nothing if another thread has followed further, and fails if that thread followed another branch.
    #[cfg(feature = "organization")]
    pub(crate) fn confirm_by(&self, chain: &Chain, key: &UnconfirmedKey) -> Result<(), Cause> {
        let pins = &self.policy.pins;
        if !pins.is_empty() && !pins.iter().any(|pin| chain.has_had(pin)) {
            return Err(OrganizationCause::OtherPins.into());
        }
        let is_present = key.fingerprint() == *chain.fingerprint();
        self.write(|known| {
            match known.head {
                Some(seen) if seen.sequence > chain.head().sequence => return Ok(()),
                Some(seen) if !chain.contains(&seen) => {
                    return Err(OrganizationCause::Chain(ChainError::Fork).into());
                }
                _ => {}
            }
            known.head = Some(*chain.head());
            if !is_present {
                return Err(other_org_key(chain, key));
            }
            // The chain states the epoch, and the vault's statement does not count.
            self.replace(known, &key.clone().in_epoch(Some(chain.epoch())));
            Ok(())
        })
    }

    /// Returns the key in use, if it is the present one of a verified chain. The chain confirms a ticket's key too.
    #[cfg(feature = "organization")]
    pub(crate) fn of_chain(&self, chain: &Chain) -> Option<ConfirmedKey> {
        Some(self.current()).filter(|key| key.fingerprint() == *chain.fingerprint())
    }

    /// Decrypts an envelope with one of the known keys that may do so. Returns the envelope unchanged if none
    /// can.
    pub(crate) fn try_open(
        &self,
        envelope: Envelope,
        purpose: Purpose,
    ) -> Result<Plaintext, Envelope> {
        let mut opened = self.current().org_key().try_open(envelope);
        if opened.is_err() {
            for key in self.readable_besides(purpose) {
                opened = opened.or_else(|envelope| key.try_open(envelope));
            }
        }
        opened
    }

    /// Returns the keys that may decrypt, besides the current one.
    fn readable_besides(&self, purpose: Purpose) -> Vec<UnconfirmedKey> {
        let follows = self.policy.rotation.follows() && purpose == Purpose::Read;
        self.read(|known| {
            let earlier = known.earlier.iter().map(ConfirmedKey::for_opening);
            let followed = known.unconfirmed.iter().filter(|_| follows).cloned();
            earlier.chain(followed).collect()
        })
    }

    /// Returns the known key that the vault stores in these bytes, which need not be unwrapped again.
    pub(crate) fn unwrapped(&self, wrapped: &WrappedOrgKey) -> Option<UnconfirmedKey> {
        self.read(|known| {
            let confirmed = [&known.current].into_iter().chain(&known.earlier);
            confirmed
                .map(ConfirmedKey::for_opening)
                .chain(known.unconfirmed.clone())
                .find(|key| key.is_wrapped_as(wrapped))
        })
    }

    /// Decides about the current key of the vault.
    pub(crate) fn judge(&self, key: &UnconfirmedKey) -> Verdict {
        let change = OrgKeyChange {
            accepted: self.current().fingerprint(),
            offered: key.fingerprint(),
        };
        let is_accepted = change.offered == change.accepted;
        let is_pinned = self.policy.pins.contains(&change.offered);
        // A chain knows which of the pinned keys is the present one.
        if is_accepted || (is_pinned && !self.policy.rotation.is_chain()) {
            return Verdict::Confirm;
        }
        self.policy.rotation.judge(change)
    }

    /// Makes this key the current one, under which the client encrypts from now on. Fails if the vault has numbered its org keys
    /// before, and does not number this one: a write under it could not be refused after the next rotation.
    pub(crate) fn confirm(&self, key: &UnconfirmedKey) -> Result<(), Cause> {
        self.write(|known| {
            if known.has_epochs && key.1.is_none() {
                return Err(Cause::NoEpoch);
            }
            self.replace(known, key);
            Ok(())
        })
    }

    fn replace(&self, known: &mut Known, key: &UnconfirmedKey) {
        let old = std::mem::replace(&mut known.current, key.confirm());
        known.is_compared = true;
        known.has_epochs |= key.1.is_some();
        known.unconfirmed = None;
        known.earlier.push(old);
        known.earlier.retain(|old| {
            self.policy.pins.contains(&old.fingerprint())
                && !self.policy.rotation.is_chain()
                && old.fingerprint() != key.fingerprint()
        });
    }

    /// Remembers an unconfirmed key, so that it is not unwrapped again. It decrypts if the policy follows for
    /// reading.
    pub(crate) fn remember_unconfirmed(&self, key: &UnconfirmedKey) {
        self.write(|known| known.unconfirmed = Some(key.clone()));
    }

    /// Returns the failure of a call for which the vault has another key.
    pub(crate) fn refuse(&self, key: &UnconfirmedKey) -> Cause {
        let current = self.current().fingerprint();
        let mut accepted = vec![current];
        accepted.extend(self.policy.pins.iter().filter(|pin| **pin != current));
        refused(accepted, key)
    }

    fn read<T>(&self, inspect: impl FnOnce(&Known) -> T) -> T {
        inspect(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, change: impl FnOnce(&mut Known) -> T) -> T {
        change(&mut self.known.write().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Returns the failure of a call for which the vault has another key than a verified chain.
#[cfg(feature = "organization")]
pub(crate) fn other_org_key(chain: &Chain, key: &UnconfirmedKey) -> Cause {
    let cause = OrganizationCause::OtherOrgKey {
        expected: *chain.fingerprint(),
        found: key.fingerprint(),
    };
    cause.into()
}

fn refused(accepted: Vec<Fingerprint>, key: &UnconfirmedKey) -> Cause {
    Cause::OrgKeyRefused {
        accepted,
        found: key.fingerprint(),
    }
}

#[cfg(test)]
mod tests {
    use helvetisafe_crypto::PrivateKey;

    use super::*;

    const PEM: &str = include_str!("../../helvetisafe-crypto/tests/data/rsa-2048-pkcs8.pem");

    /// An org key as from a vault, in bytes that differ each time.
    fn given(byte: u8) -> UnconfirmedKey {
        let key = OrgKey::from_bytes(&[byte; 32]);
        let public = PrivateKey::from_pem(PEM).unwrap().public_key();
        let wrapped = public.wrap_org_key(&key).unwrap();
        UnconfirmedKey::new(key, wrapped)
    }

    fn keys(pins: &[&UnconfirmedKey], first: &UnconfirmedKey) -> OrgKeys {
        let pins = pins.iter().map(|key| key.fingerprint()).collect();
        let policy = OrgKeyPolicy {
            pins,
            ..OrgKeyPolicy::default()
        };
        OrgKeys::accept(policy, first).unwrap()
    }

    #[test]
    fn a_key_in_the_same_bytes_is_not_unwrapped_again() {
        let (first, other) = (given(1), given(2));
        let keys = keys(&[], &first);
        let is_known = |key: &UnconfirmedKey| keys.unwrapped(&key.0.wrapped).is_some();
        assert!(is_known(&first));
        assert!(!is_known(&other));
        keys.remember_unconfirmed(&other);
        assert!(is_known(&other), "refused, and remembered");
        assert!(!is_known(&given(2)), "other bytes");
    }

    #[test]
    fn the_same_key_in_new_bytes_is_the_current_one() {
        let keys = keys(&[], &given(1));
        let again = given(1);
        assert!(matches!(keys.judge(&again), Verdict::Confirm));
        keys.confirm(&again).unwrap();
        assert!(keys.unwrapped(&again.0.wrapped).is_some());
    }

    #[test]
    fn a_key_without_a_number_is_refused_after_one_with_a_number() {
        let key = |epoch| given(1).in_epoch(epoch);
        let keys = keys(&[], &key(None));
        keys.confirm(&key(None)).unwrap();
        keys.confirm(&key(Some(1))).unwrap();
        assert!(matches!(keys.confirm(&key(None)), Err(Cause::NoEpoch)));
        assert_eq!(keys.current().epoch(), Some(1));
        let policy = || OrgKeyPolicy {
            requires_epoch: true,
            ..OrgKeyPolicy::default()
        };
        assert!(matches!(
            OrgKeys::accept(policy(), &key(None)),
            Err(Cause::NoEpoch)
        ));
        assert!(OrgKeys::accept(policy(), &key(Some(1))).is_ok());
        // A ticket has no number, and the vault has to state one before anything is sealed.
        let resumed = OrgKeys::resume(policy(), &key(None));
        assert!(matches!(resumed.confirm(&key(None)), Err(Cause::NoEpoch)));
        assert!(resumed.sealing_key().is_none());
    }

    /// Two threads follow two branches of the chain at once.
    #[cfg(feature = "organization")]
    #[test]
    fn a_head_is_only_replaced_by_one_of_a_chain_that_contains_it() {
        use helvetisafe_crypto::organization::{PublicKeyInfo, SigningKey};

        let signing_key = SigningKey::generate().unwrap();
        let public_key = PrivateKey::from_pem(PEM).unwrap().public_key();
        let public_key = PublicKeyInfo::try_from(&public_key).unwrap();
        let first = given(0).fingerprint();
        let genesis = Chain::found("acme", 1, &first, "a-1", "ada", &public_key, &signing_key);
        let chain = |numbers: &[u8]| {
            let anchor = Anchor::Head(genesis.head());
            let mut chain = Chain::follow("acme", &anchor, std::slice::from_ref(&genesis)).unwrap();
            for number in numbers {
                let entry = chain.rotate(&given(*number).fingerprint(), &signing_key);
                chain.append(&entry.unwrap()).unwrap();
            }
            chain
        };
        let keys = keys(&[], &given(1));
        keys.confirm_by(&chain(&[1]), &given(1)).unwrap();
        keys.confirm_by(&chain(&[1, 2]), &given(2)).unwrap();
        let head = keys.head();
        let forked = keys.confirm_by(&chain(&[1, 3, 4]), &given(4));
        assert!(matches!(
            forked,
            Err(Cause::Organization(OrganizationCause::Chain(
                ChainError::Fork
            )))
        ));
        // A shorter one proves nothing.
        keys.confirm_by(&chain(&[5]), &given(5)).unwrap();
        assert_eq!(keys.head(), head);
        assert_eq!(keys.current().fingerprint(), given(2).fingerprint());
    }

    #[test]
    fn only_pinned_keys_go_on_opening() {
        let (old, new) = (given(1), given(2));
        for (pins, opens) in [(vec![], false), (vec![&old, &new], true)] {
            let keys = keys(&pins, &old);
            let sealed = keys.current().org_key().seal(b"text").unwrap();
            keys.confirm(&new).unwrap();
            assert_eq!(keys.current().fingerprint(), new.fingerprint());
            assert_eq!(keys.try_open(sealed, Purpose::Read).is_ok(), opens);
        }
    }
}
