//! The account's private key, and the org key that it unwraps.

use std::sync::Arc;

use helvetisafe_crypto::{Error as CryptoError, LockedPrivateKey, PrivateKey, WrappedOrgKey};
use secrecy::{ExposeSecret, SecretString};

use crate::error::{Action, Cause, Error};
use crate::org_keys::UnconfirmedKey;
use crate::runtime::Runtime;

/// The account's private key.
#[derive(Clone)]
pub(crate) struct AccountKey {
    pub(crate) key: Arc<PrivateKey>,
    /// The key as the vault stores it, if a password unlocks it.
    pub(crate) locked: Option<LockedPrivateKey>,
}

impl AccountKey {
    pub(crate) async fn unlock<R: Runtime>(
        runtime: &R,
        locked: LockedPrivateKey,
        password: SecretString,
    ) -> Result<Self, Error> {
        let unlock = move || {
            let key = locked.unlock(password.expose_secret())?;
            Ok(Self {
                key: Arc::new(key),
                locked: Some(locked),
            })
        };
        compute(runtime, Action::GetPrivateKey, unlock).await
    }

    pub(crate) async fn unwrap<R: Runtime>(
        &self,
        runtime: &R,
        wrapped: WrappedOrgKey,
    ) -> Result<UnconfirmedKey, Error> {
        let key = Arc::clone(&self.key);
        let unwrap = move || {
            let org_key = key.unwrap_org_key(&wrapped)?;
            Ok(UnconfirmedKey::new(org_key, wrapped))
        };
        compute(runtime, Action::GetOrgKey, unwrap).await
    }
}

/// Does work that takes milliseconds where it may block.
pub(crate) async fn compute<R: Runtime, T: Send + 'static>(
    runtime: &R,
    action: Action,
    work: impl FnOnce() -> Result<T, CryptoError> + Send + 'static,
) -> Result<T, Error> {
    match runtime.compute(work).await {
        Some(outcome) => outcome.map_err(|error| Error::new(action, error)),
        None => Err(Error::new(action, Cause::RuntimeEnded)),
    }
}
