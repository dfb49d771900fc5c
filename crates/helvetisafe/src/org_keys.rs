//! The org keys of a connected client. Some of them encrypt, others only decrypt.
//!
//! A vault could hand out an org key that it knows, to read what is encrypted under it. So there are two types.
//! An [`UnconfirmedKey`] comes from the vault and only decrypts. This module alone turns it into a
//! [`ConfirmedKey`], if the policy allows that, and only a [`ConfirmedKey`] gives access to the
//! [`OrgKey`](helvetisafe_crypto::OrgKey) that encrypts.

#[cfg(feature = "organization")]
mod chain;
mod key;
mod rotation;

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

#[cfg(feature = "organization")]
use helvetisafe_crypto::organization::Head;
use helvetisafe_crypto::{Envelope, Fingerprint, Plaintext, WrappedOrgKey};

use crate::error::Cause;

#[cfg(feature = "organization")]
pub(crate) use chain::other_org_key;
pub(crate) use key::{ConfirmedKey, UnconfirmedKey};
pub(crate) use rotation::Verdict;
pub use rotation::{OrgKeyChange, OrgKeyRotation};

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
    /// The keys that are accepted without a question. A key that the application confirmed replaces them all.
    pins: Vec<Fingerprint>,
    /// Pinned keys that were current before. During an announced rotation some secrets are still encrypted
    /// under them.
    earlier: Vec<ConfirmedKey>,
    /// The last unconfirmed key from the vault.
    unconfirmed: Option<UnconfirmedKey>,
    /// The newest entry of the chain that was verified.
    #[cfg(feature = "organization")]
    head: Option<Head>,
}

impl Known {
    /// Returns true if this is the current key, under its number.
    fn knows(&self, key: &UnconfirmedKey) -> bool {
        let of = |key: &UnconfirmedKey| (key.fingerprint(), key.epoch());
        of(key) == of(&self.current.for_opening())
    }

    /// Returns the contradiction, if the vault has given a key another number before. It may have replaced the key since: a
    /// value under it would be stored as one of the present key.
    fn other_epoch(&self, key: &UnconfirmedKey) -> Option<Cause> {
        let mut confirmed = [&self.current].into_iter().chain(&self.earlier);
        let same = confirmed.find(|known| known.fingerprint() == key.fingerprint())?;
        let (known, stated) = (same.epoch()?, key.epoch()?);
        let key = key.fingerprint();
        (known != stated).then_some(Cause::OtherEpoch { key, known, stated })
    }
}

impl OrgKeys {
    /// Accepts the first org key of a client.
    ///
    /// Fails with [`Cause::OrgKeyRefused`] when others are pinned.
    pub(crate) fn accept(policy: OrgKeyPolicy, key: &UnconfirmedKey) -> Result<Self, Cause> {
        if !policy.accepts_first(key.fingerprint()) {
            return Err(refused(policy.pins, key));
        }
        if policy.requires_epoch && key.epoch().is_none() {
            return Err(Cause::NoEpoch);
        }
        Ok(Self::new(policy, key, true))
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
                has_epochs: policy.requires_epoch || key.epoch().is_some(),
                pins: policy.pins.clone(),
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

    /// Decides about the current key of the vault. With `is_doubted` the vault may give a replaced key, which a chain decides.
    pub(crate) fn judge(&self, key: &UnconfirmedKey, is_doubted: bool) -> Verdict {
        let (accepted, is_accepted, is_known) = self.read(|known| {
            let is_accepted = self.accepts(known, key.fingerprint());
            (known.current.fingerprint(), is_accepted, known.knows(key))
        });
        let is_certain = is_known && !is_doubted || !self.policy.rotation.is_chain();
        if is_accepted && is_certain {
            return Verdict::Confirm;
        }
        self.policy.rotation.judge(OrgKeyChange {
            accepted,
            offered: key.fingerprint(),
            offered_epoch: key.epoch(),
            time_left: Duration::ZERO,
        })
    }

    /// Returns true if a key needs no question: the current one, or a pinned one. A chain knows which of the pinned keys is
    /// the present one.
    fn accepts(&self, known: &Known, key: Fingerprint) -> bool {
        let is_pinned = known.pins.contains(&key) && !self.policy.rotation.is_chain();
        key == known.current.fingerprint() || is_pinned
    }

    /// Makes a key that needs no question the current one, under which the client encrypts from now on. Returns false if it
    /// needs one by now, since another thread has replaced the pins. Fails if the vault has numbered its org keys before, and
    /// does not number this one: a write under it could not be refused after the next rotation.
    pub(crate) fn confirm(&self, key: &UnconfirmedKey) -> Result<bool, Cause> {
        self.confirm_if(key, |known| self.accepts(known, key.fingerprint()))
    }

    /// Makes the key that the application confirmed the only accepted one, as [`Self::confirm`]. Returns false if the client
    /// has another key by now than the application was asked about, which may be a later one.
    pub(crate) fn confirm_change(
        &self,
        key: &UnconfirmedKey,
        change: OrgKeyChange,
    ) -> Result<bool, Cause> {
        self.confirm_if(key, |known| {
            let is_asked = known.current.fingerprint() == change.accepted;
            if is_asked {
                known.pins.clear();
            }
            is_asked
        })
    }

    fn confirm_if(
        &self,
        key: &UnconfirmedKey,
        is_confirmed: impl FnOnce(&mut Known) -> bool,
    ) -> Result<bool, Cause> {
        self.write(|known| {
            if known.has_epochs && key.epoch().is_none() {
                return Err(Cause::NoEpoch);
            }
            if let Some(contradiction) = known.other_epoch(key) {
                return Err(contradiction);
            }
            let is_confirmed = is_confirmed(known);
            if is_confirmed {
                self.replace(known, key);
            }
            Ok(is_confirmed)
        })
    }

    fn replace(&self, known: &mut Known, key: &UnconfirmedKey) {
        let old = std::mem::replace(&mut known.current, key.confirm());
        known.is_compared = true;
        known.has_epochs |= key.epoch().is_some();
        known.unconfirmed = None;
        known.earlier.push(old);
        let pins = &known.pins;
        known.earlier.retain(|old| {
            pins.contains(&old.fingerprint())
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
        let accepted = self.read(|known| {
            let current = known.current.fingerprint();
            let others = known.pins.iter().copied().filter(|pin| *pin != current);
            [current].into_iter().chain(others).collect()
        });
        refused(accepted, key)
    }

    fn read<T>(&self, inspect: impl FnOnce(&Known) -> T) -> T {
        inspect(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, change: impl FnOnce(&mut Known) -> T) -> T {
        change(&mut self.known.write().unwrap_or_else(PoisonError::into_inner))
    }
}

fn refused(accepted: Vec<Fingerprint>, key: &UnconfirmedKey) -> Cause {
    Cause::OrgKeyRefused {
        accepted,
        found: key.fingerprint(),
    }
}

#[cfg(test)]
mod tests;
