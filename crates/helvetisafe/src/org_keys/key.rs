//! One org key, which encrypts or only decrypts.

use std::sync::Arc;

use helvetisafe_crypto::{Envelope, Fingerprint, OrgKey, Plaintext, WrappedOrgKey};

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

    pub(super) fn epoch(&self) -> Epoch {
        self.1
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

    /// Returns the key with the right to encrypt. The policy has to allow it.
    pub(super) fn confirm(&self) -> ConfirmedKey {
        ConfirmedKey(Arc::clone(&self.0), self.1)
    }

    /// Returns the bytes in which the vault stores it.
    #[cfg(test)]
    pub(super) fn wrapped(&self) -> &WrappedOrgKey {
        &self.0.wrapped
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
    pub(crate) fn for_opening(&self) -> UnconfirmedKey {
        UnconfirmedKey(Arc::clone(&self.0), self.1)
    }
}
