use std::env;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use helvetisafe_crypto::{
    EncodedLockedKey, Fingerprint, LockedPrivateKey, OrgKey, PrivateKey, WrappedOrgKey,
};
use helvetisafe_proto::endpoint::{GetOrgKey, GetPrivateKey};
use secrecy::ExposeSecret;

use crate::builder::ClientBuilder;
use crate::credentials::{Credentials, Environment, KeySource, LocalKey};
use crate::error::{Action, Cause, Error};
use crate::secrets::Secrets;
use crate::session::{Deadline, Session};

/// A connection to a vault: it holds the account's private key and the org key, and keeps an access
/// token fresh.
///
/// Cloning is cheap and shares everything; it is `Send` and `Sync`, and meant to be used by many
/// threads at once. All keys are wiped when the last clone is dropped.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) session: Session,
    pub(crate) require_binding: bool,
    private_key: PrivateKey,
    org_key: RwLock<Arc<OrgKey>>,
    pinned: Option<Fingerprint>,
}

impl Client {
    /// Begins a client with what is required. The base URL is `https://host[:port][/prefix]`, or
    /// `http://` to a loopback address.
    pub fn builder(
        base_url: impl Into<String>,
        credentials: Credentials,
        key_source: KeySource,
    ) -> ClientBuilder {
        ClientBuilder::new(base_url.into(), credentials, key_source)
    }

    /// Connects with what the environment says: `HELVETISAFE_BASE_URL`; either
    /// `HELVETISAFE_API_TOKEN`, or `HELVETISAFE_CLIENT_ID` and `HELVETISAFE_CLIENT_SECRET`; and
    /// one of `HELVETISAFE_PRIVATE_KEY_PATH`, `HELVETISAFE_PRIVATE_KEY_PEM` and
    /// `HELVETISAFE_PASSWORD`. An empty variable counts as unset.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) when a variable is missing, doubled or
    /// malformed, which it names; and as [`ClientBuilder::connect`].
    pub fn from_env() -> Result<Self, Error> {
        Self::builder_from_env()?.connect()
    }

    /// As [`Client::from_env`], but to set more before connecting.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) when a variable is missing, doubled or
    /// malformed, which it names.
    pub fn builder_from_env() -> Result<ClientBuilder, Error> {
        let Environment {
            base_url,
            credentials,
            key_source,
        } = Environment::read(|name| env::var_os(name))?;
        Ok(Self::builder(base_url, credentials, key_source))
    }

    /// The operations on secrets.
    #[must_use]
    pub fn secrets(&self) -> Secrets<'_> {
        Secrets::new(&self.0)
    }

    /// The fingerprint of the org key in use, to compare or to pin:
    /// [`ClientBuilder::pin_org_key`].
    #[must_use]
    pub fn org_key_fingerprint(&self) -> Fingerprint {
        self.0.org_key().fingerprint()
    }

    pub(crate) fn connect(
        session: Session,
        local_key: LocalKey<'_>,
        pinned: Option<Fingerprint>,
        require_binding: bool,
    ) -> Result<Self, Error> {
        let deadline = session.deadline();
        let private_key = match local_key {
            LocalKey::Ready(key) => *key,
            LocalKey::Locked(password) => {
                fetch_private_key(&session, password.expose_secret(), deadline)?
            }
        };
        let org_key = fetch_org_key(&session, &private_key, deadline)?;
        check_pin(pinned, &org_key)?;
        let org_key = RwLock::new(Arc::new(org_key));
        Ok(Self(Arc::new(Inner {
            session,
            require_binding,
            private_key,
            org_key,
            pinned,
        })))
    }
}

impl Inner {
    pub(crate) fn org_key(&self) -> Arc<OrgKey> {
        Arc::clone(&self.org_key.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the org key again, for a secret that did not open under `old`. `None` when it is
    /// pinned or has not changed. It is not kept before a secret opened under it: see
    /// [`Self::keep_org_key`].
    pub(crate) fn rotated_org_key(
        &self,
        old: &OrgKey,
        deadline: Deadline,
    ) -> Result<Option<Arc<OrgKey>>, Error> {
        if self.pinned.is_some() {
            return Ok(None);
        }
        let new = fetch_org_key(&self.session, &self.private_key, deadline)?;
        Ok((new.fingerprint() != old.fingerprint()).then(|| Arc::new(new)))
    }

    /// Keeps a new org key under which a secret has opened.
    pub(crate) fn keep_org_key(&self, new: Arc<OrgKey>) {
        *self.org_key.write().unwrap_or_else(PoisonError::into_inner) = new;
    }
}

fn fetch_private_key(
    session: &Session,
    password: &str,
    deadline: Deadline,
) -> Result<PrivateKey, Error> {
    let answer = session.call(&GetPrivateKey, Action::GetPrivateKey, deadline)?;
    let locked = LockedPrivateKey::decode(&EncodedLockedKey {
        ciphertext: answer.encrypted_private_key,
        nonce: answer.nonce,
        salt: answer.salt,
        tag: answer.auth_tag,
    });
    locked
        .and_then(|locked| locked.unlock(password))
        .map_err(|error| Error::new(Action::GetPrivateKey, error))
}

fn fetch_org_key(
    session: &Session,
    private_key: &PrivateKey,
    deadline: Deadline,
) -> Result<OrgKey, Error> {
    let answer = session.call(&GetOrgKey, Action::GetOrgKey, deadline)?;
    WrappedOrgKey::decode(&answer.encrypted_org_key)
        .and_then(|wrapped| private_key.unwrap_org_key(&wrapped))
        .map_err(|error| Error::new(Action::GetOrgKey, error))
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

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.0.session.base)
            .finish_non_exhaustive()
    }
}
