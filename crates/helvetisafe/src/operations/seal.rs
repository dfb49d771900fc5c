//! Encrypts what a write sends, and checks it before.

use helvetisafe_proto::ErrorCode;
use jiff::Timestamp;

use super::Operation;
use crate::config_error::ConfigError;
use crate::error::{Action, Cause, Error, ErrorKind};
use crate::runtime::Runtime;
use crate::secret::SecretMetadata;

/// A bound for everything in an answer with a secret except the ciphertext.
const RECORD_OVERHEAD: usize = 1024;

/// The largest number of times that a write is sealed, if one rotation follows another.
const SEALS: u32 = 5;

/// An envelope in base64.
pub(super) struct Sealed {
    pub(super) value: String,
    pub(super) nonce: String,
    /// The number of the org key that sealed it.
    pub(super) key_epoch: Option<u64>,
}

impl<R: Runtime> Operation<'_, R> {
    /// Refuses an expiry in the past, which would delete the secret or be refused by the vault.
    pub(super) fn check_expiry(
        &self,
        action: &Action,
        expires_at: Option<Timestamp>,
    ) -> Result<(), Error> {
        let now = self.vault.api.runtime.both_clocks().wall;
        match expires_at.filter(|at| *at <= now) {
            Some(expires_at) => {
                let cause = ConfigError::ExpiryInThePast { expires_at, now };
                Err(Error::new(action.clone(), cause))
            }
            None => Ok(()),
        }
    }

    /// Sends a write, whose value `send` seals. It is sealed and sent again while the vault has replaced the org key meanwhile,
    /// and the policy confirms the new one. A write of which an earlier attempt may have happened is not sent again.
    pub(super) async fn send_sealed<F>(
        &self,
        action: &Action,
        send: impl Fn() -> F,
    ) -> Result<SecretMetadata, Error>
    where
        F: Future<Output = Result<SecretMetadata, Error>>,
    {
        for _ in 1..SEALS {
            let sealed_under = self.vault.org_keys.current();
            let outcome = send().await;
            let is_refused = |error: &Error| {
                error.code() == Some(ErrorCode::KeyEpochMismatch)
                    && error.kind() != ErrorKind::Ambiguous
            };
            if !outcome.as_ref().is_err_and(is_refused) {
                return outcome;
            }
            self.vault
                .replace_key(&sealed_under, action, &self.bounds)
                .await?;
        }
        send().await
    }

    /// Encrypts a payload.
    pub(super) async fn seal(&self, action: &Action, plaintext: &[u8]) -> Result<Sealed, Error> {
        let key = self.vault.sealing_key(action, &self.bounds).await?;
        let envelope = key.org_key().seal(plaintext);
        let envelope = envelope.map_err(|error| Error::new(action.clone(), error))?;
        let sealed = Sealed {
            value: envelope.encode_value(),
            nonce: envelope.encode_nonce(),
            key_epoch: key.epoch(),
        };
        check_size(action, sealed.value.len(), self.vault.api.limits.secret)?;
        Ok(sealed)
    }
}

/// Refuses a sealed value, in base64, that could be written but not read back.
pub(crate) fn check_size(action: &Action, length: usize, limit: usize) -> Result<(), Error> {
    if length + RECORD_OVERHEAD > limit {
        let cause = Cause::TooLarge { length, limit };
        return Err(Error::new(action.clone(), cause));
    }
    Ok(())
}
