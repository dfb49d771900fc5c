//! A client that has connected, for every driver.

use std::sync::{Arc, PoisonError, RwLock};

use helvetisafe_crypto::{
    EncodedLockedKey, Fingerprint, LockedPrivateKey, OrgKey, PrivateKey, WrappedOrgKey,
};
use helvetisafe_proto::endpoint::{GetOrgKey, GetPrivateKey};
use secrecy::{ExposeSecret, SecretString};

use crate::cache::{Cache, CachePolicy};
use crate::credentials::LocalKey;
use crate::driver::Driver;
use crate::error::{Action, Cause, Error};
use crate::session::{Deadline, Session};

/// What a client and all its clones share: how to make calls, and the keys.
pub(crate) struct Connection<D: Driver> {
    pub(crate) session: Arc<Session<D>>,
    pub(crate) require_binding: bool,
    pub(crate) cache: Option<Cache<D::Gate>>,
    private_key: Arc<PrivateKey>,
    org_key: RwLock<Arc<OrgKey>>,
    pinned: Option<Fingerprint>,
}

impl<D: Driver> Connection<D> {
    /// Connects: brings or unlocks the private key, then the org key.
    pub(crate) async fn open(
        session: Session<D>,
        local_key: LocalKey,
        pinned: Option<Fingerprint>,
        require_binding: bool,
        cache: Option<CachePolicy>,
    ) -> Result<Self, Error> {
        let session = Arc::new(session);
        let deadline = session.deadline();
        let private_key = match local_key {
            LocalKey::Ready(key) => *key,
            LocalKey::Locked(password) => fetch_private_key(&session, password, deadline).await?,
        };
        let private_key = Arc::new(private_key);
        let org_key = fetch_org_key(&session, &private_key, deadline).await?;
        check_pin(pinned, &org_key)?;
        Ok(Self {
            session,
            require_binding,
            cache: cache.map(Cache::new),
            private_key,
            org_key: RwLock::new(Arc::new(org_key)),
            pinned,
        })
    }

    pub(crate) fn org_key(&self) -> Arc<OrgKey> {
        Arc::clone(&self.org_key.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the org key again, for a secret that did not open under `old`. `None` when it is
    /// pinned or has not changed. It is not kept before a secret opened under it: see
    /// [`Self::keep_org_key`].
    pub(crate) async fn rotated_org_key(
        &self,
        old: &OrgKey,
        deadline: Deadline,
    ) -> Result<Option<Arc<OrgKey>>, Error> {
        if self.pinned.is_some() {
            return Ok(None);
        }
        let new = fetch_org_key(&self.session, &self.private_key, deadline).await?;
        Ok((new.fingerprint() != old.fingerprint()).then(|| Arc::new(new)))
    }

    /// Keeps a new org key under which a secret has opened.
    pub(crate) fn keep_org_key(&self, new: Arc<OrgKey>) {
        *self.org_key.write().unwrap_or_else(PoisonError::into_inner) = new;
    }
}

async fn fetch_private_key<D: Driver>(
    session: &Arc<Session<D>>,
    password: SecretString,
    deadline: Deadline,
) -> Result<PrivateKey, Error> {
    let answer = session
        .call(&GetPrivateKey, Action::GetPrivateKey, deadline)
        .await?;
    let locked = LockedPrivateKey::decode(&EncodedLockedKey {
        ciphertext: answer.encrypted_private_key,
        nonce: answer.nonce,
        salt: answer.salt,
        tag: answer.auth_tag,
    });
    let unlock = move || locked.and_then(|locked| locked.unlock(password.expose_secret()));
    compute(session, Action::GetPrivateKey, unlock).await
}

async fn fetch_org_key<D: Driver>(
    session: &Arc<Session<D>>,
    private_key: &Arc<PrivateKey>,
    deadline: Deadline,
) -> Result<OrgKey, Error> {
    let answer = session
        .call(&GetOrgKey, Action::GetOrgKey, deadline)
        .await?;
    let private_key = Arc::clone(private_key);
    let unwrap = move || {
        WrappedOrgKey::decode(&answer.encrypted_org_key)
            .and_then(|wrapped| private_key.unwrap_org_key(&wrapped))
    };
    compute(session, Action::GetOrgKey, unwrap).await
}

/// Does what takes milliseconds where it holds nobody up.
async fn compute<D: Driver, T: Send + 'static>(
    session: &Session<D>,
    action: Action,
    work: impl FnOnce() -> Result<T, helvetisafe_crypto::Error> + Send + 'static,
) -> Result<T, Error> {
    match session.driver.compute(work).await {
        Some(outcome) => outcome.map_err(|error| Error::new(action, error)),
        None => Err(Error::new(action, Cause::RuntimeEnded)),
    }
}

fn check_pin(pinned: Option<Fingerprint>, org_key: &OrgKey) -> Result<(), Error> {
    let found = org_key.fingerprint();
    match pinned {
        Some(pinned) if pinned != found => {
            Err(Error::new(Action::GetOrgKey, Cause::NotPinned { found }))
        }
        _ => Ok(()),
    }
}
