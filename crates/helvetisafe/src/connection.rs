//! A client that has connected, for every driver.

use std::sync::Arc;

use helvetisafe_crypto::{
    EncodedLockedKey, Envelope, Error as CryptoError, LockedPrivateKey, Plaintext, PrivateKey,
    WrappedOrgKey,
};
use helvetisafe_proto::KeyName;
use helvetisafe_proto::endpoint::{GetOrgKey, GetPrivateKey};
use secrecy::{ExposeSecret, SecretString};

use crate::binding::Binding;
use crate::cache::{Cache, CachePolicy};
use crate::credentials::LocalKey;
use crate::driver::{Boxed, Driver};
use crate::error::{Action, Cause, Error};
use crate::org_keys::{OrgKeyPolicy, OrgKeys, Purpose, UnconfirmedKey, Verdict};
use crate::session::{Deadline, Session};
use crate::ticket::Ticket;
use crate::token::Authorizer;

/// A client before its first request: the arguments are sound, and the key file is read.
pub(crate) struct Prepared<D: Driver> {
    pub(crate) session: Session<D>,
    pub(crate) local_key: LocalKey,
    pub(crate) org_key_policy: OrgKeyPolicy,
    pub(crate) binding: Binding,
    pub(crate) cache: Option<CachePolicy>,
    pub(crate) ticket: Option<String>,
}

/// The session, the keys and the cache that a client shares with its clones.
pub(crate) struct Connection<D: Driver> {
    pub(crate) session: Arc<Session<D>>,
    pub(crate) binding: Binding,
    pub(crate) cache: Option<Cache<D::Gate>>,
    pub(crate) org_keys: OrgKeys,
    private_key: AccountKey,
}

/// The account's private key.
#[derive(Clone)]
struct AccountKey {
    key: Arc<PrivateKey>,
    /// As the vault keeps it, where a password unlocks it.
    locked: Option<LockedPrivateKey>,
}

/// The keys of a ticket. A key that the vault still stores in the same bytes is not unlocked or
/// unwrapped again.
struct ResumedKeys {
    private_key: AccountKey,
    org_key: UnconfirmedKey,
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
        let org_keys = OrgKeys::accept(prepared.org_key_policy, &org_key)
            .map_err(|cause| Error::new(Action::GetOrgKey, cause))?;
        Ok(Self {
            session,
            binding: prepared.binding,
            cache: prepared.cache.map(Cache::new),
            org_keys,
            private_key,
        })
    }

    /// Returns the ticket for a later client. `None` where there is no access token for it.
    pub(crate) fn resumption_ticket(&self) -> Result<Option<String>, Error> {
        let session = &self.session;
        let Authorizer::ServiceAccount(account) = &session.authorizer else {
            return Ok(None);
        };
        let Some(token) = account.kept(&session.base, session.now()) else {
            return Ok(None);
        };
        let key = self.org_keys.current();
        let sealed = token.seal(key.org_key());
        let ticket = Ticket {
            token: sealed.map_err(|error| Error::new(Action::FetchToken, error))?,
            org_key: key.wrapped().clone(),
            locked_key: self.private_key.locked.clone(),
        };
        Ok(Some(ticket.encode()))
    }

    /// Decrypts the secret `key`. Where it does not open, the vault's org key is compared with the
    /// client's.
    pub(crate) async fn open_envelope(
        &self,
        key: &KeyName,
        envelope: Envelope,
        purpose: Purpose,
        deadline: Deadline,
    ) -> Result<Plaintext, Error> {
        let envelope = match self.org_keys.try_open(envelope, purpose) {
            Ok(plaintext) => return Ok(plaintext),
            Err(envelope) => envelope,
        };
        // Boxed, so that the compiler sees that it is `Send`.
        let checked: Boxed<'_, _> = Box::pin(self.check_org_key(key, purpose, deadline));
        checked.await?;
        self.org_keys
            .try_open(envelope, purpose)
            .map_err(|_| Error::new(Action::Get(key.clone()), CryptoError::Decryption))
    }

    /// Compares the vault's org key with the client's, and applies the policy when they differ.
    async fn check_org_key(
        &self,
        key: &KeyName,
        purpose: Purpose,
        deadline: Deadline,
    ) -> Result<(), Error> {
        let offered = self.fetch_unwrapped(deadline).await?;
        if self.accepts(&offered, purpose).await? {
            return Ok(());
        }
        let cause = self.org_keys.refuse(&offered);
        Err(Error::new(Action::Get(key.clone()), cause))
    }

    /// Fetches the org key that the vault has now. It is unwrapped only if its bytes are new.
    async fn fetch_unwrapped(&self, deadline: Deadline) -> Result<UnconfirmedKey, Error> {
        let wrapped = fetch_org_key(&self.session, deadline).await?;
        match self.org_keys.unwrapped(&wrapped) {
            Some(key) => Ok(key),
            None => unwrap(&self.session, &self.private_key, wrapped).await,
        }
    }

    /// Applies the policy to the org key that the vault has now. Returns whether it may open secrets.
    async fn accepts(&self, key: &UnconfirmedKey, purpose: Purpose) -> Result<bool, Error> {
        let is_confirmed = match self.org_keys.judge(key) {
            Verdict::Confirm => true,
            Verdict::Refuse => false,
            Verdict::Follow => {
                self.org_keys.remember_unconfirmed(key);
                return Ok(purpose == Purpose::Read);
            }
            Verdict::Ask(confirm, change) => {
                let ask = move || Ok(confirm(&change));
                compute(&self.session, Action::GetOrgKey, ask).await?
            }
        };
        if is_confirmed {
            self.org_keys.confirm(key);
        } else {
            self.org_keys.remember_unconfirmed(key);
        }
        Ok(is_confirmed)
    }
}

impl ResumedKeys {
    /// Returns whether unwrapping again would give the same org key.
    fn has(&self, private_key: &AccountKey, wrapped: &WrappedOrgKey) -> bool {
        Arc::ptr_eq(&self.private_key.key, &private_key.key) && self.org_key.is_wrapped_as(wrapped)
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
    let token = org_key.open_token(ticket.token)?;
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
) -> Result<UnconfirmedKey, Error> {
    let private_key = Arc::clone(&private_key.key);
    let unwrap = move || {
        let key = private_key.unwrap_org_key(&wrapped)?;
        Ok(UnconfirmedKey::new(key, wrapped))
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
