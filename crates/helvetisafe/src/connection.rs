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
use crate::ticket::Ticket;
use crate::token::{Authorizer, KeptToken};

/// What does not need the vault is done: the arguments are sound, the key file is read.
pub(crate) struct Prepared<D: Driver> {
    pub(crate) session: Session<D>,
    pub(crate) local_key: LocalKey,
    pub(crate) pinned: Option<Fingerprint>,
    pub(crate) require_binding: bool,
    pub(crate) cache: Option<CachePolicy>,
    pub(crate) ticket: Option<String>,
}

/// What a client and all its clones share: how to make calls, and the keys.
pub(crate) struct Connection<D: Driver> {
    pub(crate) session: Arc<Session<D>>,
    pub(crate) require_binding: bool,
    pub(crate) cache: Option<Cache<D::Gate>>,
    private_key: AccountKey,
    org_key: RwLock<UnwrappedKey>,
    pinned: Option<Fingerprint>,
}

/// The account's private key.
#[derive(Clone)]
struct AccountKey {
    key: Arc<PrivateKey>,
    /// As the vault keeps it, where a password unlocks it.
    locked: Option<LockedPrivateKey>,
}

/// The org key, and as the vault keeps it.
#[derive(Clone)]
pub(crate) struct UnwrappedKey {
    pub(crate) key: Arc<OrgKey>,
    wrapped: WrappedOrgKey,
}

/// The keys of a ticket: what the vault still has need not be unlocked and unwrapped once more.
struct ResumedKeys {
    private_key: AccountKey,
    org_key: UnwrappedKey,
}

impl<D: Driver> Connection<D> {
    /// Connects: brings or unlocks the private key, then the org key. The first access token may
    /// come from a ticket.
    pub(crate) async fn open(prepared: Prepared<D>) -> Result<Self, Error> {
        let session = Arc::new(prepared.session);
        let local_key = prepared.local_key;
        let deadline = session.deadline();
        let resumed = match prepared.ticket {
            Some(ticket) => resume(&session, &local_key, &ticket).await,
            None => None,
        };
        let private_key = match local_key {
            LocalKey::Ready(key) => AccountKey { key, locked: None },
            LocalKey::Locked(password) => {
                let locked = fetch_private_key(&session, deadline).await?;
                match resumed.as_ref().map(|keys| &keys.private_key) {
                    Some(same) if same.locked.as_ref() == Some(&locked) => same.clone(),
                    _ => unlock(&session, locked, password).await?,
                }
            }
        };
        let wrapped = fetch_org_key(&session, deadline).await?;
        let org_key = match resumed {
            Some(same) if same.has(&private_key, &wrapped) => same.org_key,
            _ => unwrap(&session, &private_key, wrapped).await?,
        };
        check_pin(prepared.pinned, &org_key.key)?;
        Ok(Self {
            session,
            require_binding: prepared.require_binding,
            cache: prepared.cache.map(Cache::new),
            private_key,
            org_key: RwLock::new(org_key),
            pinned: prepared.pinned,
        })
    }

    /// What a later client begins with. `None` where there is no access token for it.
    pub(crate) fn resumption_ticket(&self) -> Result<Option<String>, Error> {
        let session = &self.session;
        let Authorizer::ServiceAccount(account) = &session.authorizer else {
            return Ok(None);
        };
        let Some(token) = account.kept(&session.base, session.now()) else {
            return Ok(None);
        };
        let UnwrappedKey { key, wrapped } = self.unwrapped_key();
        let sealed = token.seal(&key);
        let ticket = Ticket {
            token: sealed.map_err(|error| Error::new(Action::FetchToken, error))?,
            org_key: wrapped,
            locked_key: self.private_key.locked.clone(),
        };
        Ok(Some(ticket.encode()))
    }

    pub(crate) fn org_key(&self) -> Arc<OrgKey> {
        self.unwrapped_key().key
    }

    fn unwrapped_key(&self) -> UnwrappedKey {
        let org_key = self.org_key.read().unwrap_or_else(PoisonError::into_inner);
        org_key.clone()
    }

    /// Reads the org key again, for a secret that did not open under `old`. `None` when it is
    /// pinned or has not changed. It is not kept before a secret opened under it: see
    /// [`Self::keep_org_key`].
    pub(crate) async fn rotated_org_key(
        &self,
        old: &OrgKey,
        deadline: Deadline,
    ) -> Result<Option<UnwrappedKey>, Error> {
        if self.pinned.is_some() {
            return Ok(None);
        }
        let wrapped = fetch_org_key(&self.session, deadline).await?;
        let new = unwrap(&self.session, &self.private_key, wrapped).await?;
        Ok((new.key.fingerprint() != old.fingerprint()).then_some(new))
    }

    /// Keeps a new org key under which a secret has opened.
    pub(crate) fn keep_org_key(&self, new: UnwrappedKey) {
        *self.org_key.write().unwrap_or_else(PoisonError::into_inner) = new;
    }
}

impl ResumedKeys {
    /// Whether its org key is what another unwrapping would bring.
    fn has(&self, private_key: &AccountKey, wrapped: &WrappedOrgKey) -> bool {
        Arc::ptr_eq(&self.private_key.key, &private_key.key) && self.org_key.wrapped == *wrapped
    }
}

/// Begins with the access token of a ticket. A ticket that does not open is none: a token is fetched
/// then.
async fn resume<D: Driver>(
    session: &Session<D>,
    local_key: &LocalKey,
    ticket: &str,
) -> Option<ResumedKeys> {
    let Authorizer::ServiceAccount(account) = &session.authorizer else {
        return None;
    };
    let ticket = Ticket::decode(ticket)?;
    let private_key = match local_key {
        LocalKey::Ready(key) => AccountKey {
            key: Arc::clone(key),
            locked: None,
        },
        LocalKey::Locked(password) => {
            let unlocked = unlock(session, ticket.locked_key?, password.clone());
            unlocked.await.ok()?
        }
    };
    let org_key = unwrap(session, &private_key, ticket.org_key).await.ok()?;
    let token = KeptToken::open(&org_key.key, ticket.token)?;
    account.begin_with(token, &session.base, session.now());
    Some(ResumedKeys {
        private_key,
        org_key,
    })
}

async fn fetch_private_key<D: Driver>(
    session: &Arc<Session<D>>,
    deadline: Deadline,
) -> Result<LockedPrivateKey, Error> {
    let answer = session
        .call(&GetPrivateKey, Action::GetPrivateKey, deadline)
        .await?;
    LockedPrivateKey::decode(&EncodedLockedKey {
        ciphertext: answer.encrypted_private_key,
        nonce: answer.nonce,
        salt: answer.salt,
        tag: answer.auth_tag,
    })
    .map_err(|error| Error::new(Action::GetPrivateKey, error))
}

async fn unlock<D: Driver>(
    session: &Session<D>,
    locked: LockedPrivateKey,
    password: SecretString,
) -> Result<AccountKey, Error> {
    let unlock = move || {
        let key = locked.unlock(password.expose_secret())?;
        Ok(AccountKey {
            key: Arc::new(key),
            locked: Some(locked),
        })
    };
    compute(session, Action::GetPrivateKey, unlock).await
}

async fn fetch_org_key<D: Driver>(
    session: &Arc<Session<D>>,
    deadline: Deadline,
) -> Result<WrappedOrgKey, Error> {
    let answer = session
        .call(&GetOrgKey, Action::GetOrgKey, deadline)
        .await?;
    WrappedOrgKey::decode(&answer.encrypted_org_key)
        .map_err(|error| Error::new(Action::GetOrgKey, error))
}

async fn unwrap<D: Driver>(
    session: &Session<D>,
    private_key: &AccountKey,
    wrapped: WrappedOrgKey,
) -> Result<UnwrappedKey, Error> {
    let private_key = Arc::clone(&private_key.key);
    let unwrap = move || {
        let key = private_key.unwrap_org_key(&wrapped)?;
        Ok(UnwrappedKey {
            key: Arc::new(key),
            wrapped,
        })
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
