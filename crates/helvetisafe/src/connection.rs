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

/// What a client and all its clones share: how to make calls, and the keys.
pub(crate) struct Connection<D: Driver> {
    pub(crate) session: Arc<Session<D>>,
    pub(crate) require_binding: bool,
    pub(crate) cache: Option<Cache<D::Gate>>,
    private_key: Arc<PrivateKey>,
    /// As the vault keeps it, where a password unlocks it.
    locked_key: Option<LockedPrivateKey>,
    org_key: RwLock<Arc<OrgKey>>,
    pinned: Option<Fingerprint>,
}

impl<D: Driver> Connection<D> {
    /// Connects: brings or unlocks the private key, then the org key. The first access token may
    /// come from a ticket.
    pub(crate) async fn open(
        session: Session<D>,
        local_key: LocalKey,
        pinned: Option<Fingerprint>,
        require_binding: bool,
        cache: Option<CachePolicy>,
        ticket: Option<String>,
    ) -> Result<Self, Error> {
        let session = Arc::new(session);
        let deadline = session.deadline();
        if let Some(ticket) = ticket {
            resume(&session, &local_key, &ticket).await;
        }
        let (private_key, locked_key) = match local_key {
            LocalKey::Ready(key) => (key, None),
            LocalKey::Locked(password) => {
                let locked = fetch_private_key(&session, deadline).await?;
                let key = unlock(&session, locked.clone(), password).await?;
                (key, Some(locked))
            }
        };
        let org_key = fetch_org_key(&session, &private_key, deadline).await?;
        check_pin(pinned, &org_key)?;
        Ok(Self {
            session,
            require_binding,
            cache: cache.map(Cache::new),
            private_key,
            locked_key,
            org_key: RwLock::new(Arc::new(org_key)),
            pinned,
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
        let ticket = self.ticket(&token);
        ticket
            .map(|ticket| Some(ticket.encode()))
            .map_err(|error| Error::new(Action::FetchToken, error))
    }

    fn ticket(&self, token: &KeptToken) -> Result<Ticket, helvetisafe_crypto::Error> {
        let org_key = self.org_key();
        Ok(Ticket {
            token: token.seal(&org_key)?,
            org_key: self.private_key.public_key().wrap_org_key(&org_key)?,
            locked_key: self.locked_key.clone(),
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

/// Begins with the access token of a ticket. A ticket that does not serve is none: a token is fetched
/// then.
async fn resume<D: Driver>(session: &Session<D>, local_key: &LocalKey, ticket: &str) {
    let Authorizer::ServiceAccount(account) = &session.authorizer else {
        return;
    };
    let Some(ticket) = Ticket::decode(ticket) else {
        return;
    };
    if let Some(token) = open_ticket(session, local_key, ticket).await {
        account.begin_with(token, &session.base, session.now());
    }
}

async fn open_ticket<D: Driver>(
    session: &Session<D>,
    local_key: &LocalKey,
    ticket: Ticket,
) -> Option<KeptToken> {
    let private_key = match local_key {
        LocalKey::Ready(key) => Arc::clone(key),
        LocalKey::Locked(password) => {
            let unlocked = unlock(session, ticket.locked_key?, password.clone());
            unlocked.await.ok()?
        }
    };
    let org_key = unwrap(session, private_key, ticket.org_key).await.ok()?;
    KeptToken::open(&org_key, ticket.token)
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
) -> Result<Arc<PrivateKey>, Error> {
    let unlock = move || locked.unlock(password.expose_secret()).map(Arc::new);
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
    let wrapped = WrappedOrgKey::decode(&answer.encrypted_org_key)
        .map_err(|error| Error::new(Action::GetOrgKey, error))?;
    unwrap(session, Arc::clone(private_key), wrapped).await
}

async fn unwrap<D: Driver>(
    session: &Session<D>,
    private_key: Arc<PrivateKey>,
    wrapped: WrappedOrgKey,
) -> Result<OrgKey, Error> {
    let unwrap = move || private_key.unwrap_org_key(&wrapped);
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
