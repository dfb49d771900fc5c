use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use helvetisafe_crypto::{Error as CryptoError, OrgKey, Payload, Plaintext};
use helvetisafe_proto::{ApiError, KeyName, ListedKey, Version};
use http::{Response, StatusCode};
use jiff::Timestamp;

use super::SecretStore;
use crate::binding::Binding;
use crate::cache::{Freshness, Value};
use crate::config_error::ConfigError;
use crate::error::{Action, Cause, Error, ErrorKind};
use crate::expiry::{Expiry, timestamp};
use crate::http::{Failure, TransportError};
use crate::limits::BodyLimits;
use crate::operations::{check_names, check_size, refuse_own_name};
use crate::secret::{Secret, SecretMetadata, Written};

/// A store of secrets in memory, for the tests of an application (feature `test-util`).
///
/// It behaves as a client with the default settings and a credential with all scopes, and needs no vault, no key
/// and no network. A clone shares the secrets. Expiries are counted by the clock of the system.
///
/// ```
/// use helvetisafe::{ErrorKind, Expiry, MemoryStore, SecretStore};
///
/// let store = MemoryStore::from([("db_password", "s3cr3t-v@lue")]);
/// assert_eq!(store.get("db_password")?.expose_secret(), "s3cr3t-v@lue");
/// assert_eq!(store.get("absent").unwrap_err().kind(), ErrorKind::NotFound);
///
/// store.create_fields("SMTP", &[("user", "app"), ("pass", "word")], Expiry::Keep)?;
/// assert_eq!(store.get("SMTP")?.fields().len(), 2);
///
/// // The application meets a vault that does not answer, once.
/// store.fail_next(ErrorKind::Transport);
/// assert!(store.get("db_password").unwrap_err().is_retryable());
/// assert!(store.get("db_password").is_ok());
/// # Ok::<(), helvetisafe::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct MemoryStore(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    secrets: BTreeMap<KeyName, Stored>,
    /// The number of writes.
    writes: u64,
    failures: VecDeque<ErrorKind>,
}

struct Stored {
    plaintext: Plaintext,
    created_at: Timestamp,
    updated_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    version: Version,
}

impl State {
    /// Returns the version of a new write.
    fn next_version(&mut self) -> Version {
        self.writes += 1;
        self.writes.into()
    }
}

impl MemoryStore {
    /// Makes an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets the next operation fail with an error of this kind. It then does nothing. Several calls count for
    /// as many operations, in their order.
    ///
    /// ```
    /// use helvetisafe::{ErrorKind, MemoryStore, SecretStore};
    ///
    /// let store = MemoryStore::new();
    /// store.fail_next(ErrorKind::Forbidden);
    /// assert_eq!(store.list().unwrap_err().kind(), ErrorKind::Forbidden);
    /// ```
    pub fn fail_next(&self, kind: ErrorKind) {
        self.lock().failures.push_back(kind);
    }

    /// Begins an operation: fails if that is due, and drops expired secrets.
    fn begin(&self, action: &Action) -> Result<(MutexGuard<'_, State>, Timestamp), Error> {
        let mut state = self.lock();
        if let Some(kind) = state.failures.pop_front() {
            return Err(failure(action.clone(), kind));
        }
        let now = timestamp(SystemTime::now());
        let is_alive = |stored: &Stored| stored.expires_at.is_none_or(|at| at > now);
        state.secrets.retain(|_, stored| is_alive(stored));
        Ok((state, now))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, key: &KeyName, fields: &[&str]) -> Result<Secret, Error> {
        let action = Action::Get(key.clone());
        let (state, _) = self.begin(&action)?;
        let Some(stored) = state.secrets.get(key) else {
            return Err(answered(action, StatusCode::NOT_FOUND, "secret_not_found"));
        };
        let payload = stored
            .parse(key)
            .map_err(|error| Error::new(action.clone(), error))?;
        let checked = Binding::default().check(key, &payload, fields);
        checked.map_err(|cause| Error::new(action, cause))?;
        let value = Value {
            payload: Arc::new(payload),
            expires_at: stored.expires_at,
            updated_at: stored.updated_at.or(Some(stored.created_at)),
            version: Some(stored.version.clone()),
        };
        Ok(Secret::new(key.clone(), value, Freshness::Fresh))
    }

    fn insert(
        &self,
        key: KeyName,
        plaintext: Plaintext,
        expiry: Expiry,
    ) -> Result<SecretMetadata, Error> {
        let action = Action::Create(key.clone());
        let (mut state, now) = self.begin(&action)?;
        check_length(&action, &plaintext)?;
        let expires_at = new_expiry(&action, expiry, None, now)?;
        if state.secrets.contains_key(&key) {
            return Err(answered(action, StatusCode::CONFLICT, "secret_exists"));
        }
        let stored = Stored {
            plaintext,
            created_at: now,
            updated_at: None,
            expires_at,
            version: state.next_version(),
        };
        let metadata = stored.metadata(&key);
        state.secrets.insert(key, stored);
        Ok(metadata)
    }

    fn replace(
        &self,
        key: &KeyName,
        plaintext: Plaintext,
        expiry: Expiry,
        if_match: Option<&Version>,
    ) -> Result<SecretMetadata, Error> {
        let action = Action::Update(key.clone());
        let (mut state, now) = self.begin(&action)?;
        check_length(&action, &plaintext)?;
        let version = state.next_version();
        let Some(stored) = state.secrets.get_mut(key) else {
            return Err(answered(action, StatusCode::NOT_FOUND, "secret_not_found"));
        };
        if if_match.is_some_and(|version| *version != stored.version) {
            let status = StatusCode::PRECONDITION_FAILED;
            return Err(answered(action, status, "version_mismatch"));
        }
        stored.expires_at = new_expiry(&action, expiry, stored.expires_at, now)?;
        stored.plaintext = plaintext;
        stored.updated_at = Some(now);
        stored.version = version;
        Ok(stored.metadata(key))
    }

    /// Replaces one field. Another thread may write in between.
    fn replace_field(
        &self,
        key: &KeyName,
        field: &str,
        value: &str,
        expiry: Expiry,
    ) -> Result<SecretMetadata, Error> {
        loop {
            let secret = self.read(key, &[field])?;
            let Some(plaintext) = secret.payload().encode_with_field(field, value) else {
                return Err(Error::new(Action::Update(key.clone()), Cause::NoFields));
            };
            match self.replace(key, plaintext, expiry, secret.version()) {
                Err(error) if error.kind() == ErrorKind::Changed => {}
                outcome => return outcome,
            }
        }
    }

    fn contains(&self, key: &KeyName) -> bool {
        let now = timestamp(SystemTime::now());
        let state = self.lock();
        let is_live = |secret: &Stored| secret.expires_at.is_none_or(|at| at > now);
        state.secrets.get(key).is_some_and(is_live)
    }
}

impl SecretStore for MemoryStore {
    fn get_with_fields(&self, key: &str, fields: &[&str]) -> Result<Secret, Error> {
        self.read(&parse(key)?, fields)
    }

    fn list(&self) -> Result<Vec<SecretMetadata>, Error> {
        let (state, _) = self.begin(&Action::List)?;
        let secrets = state.secrets.iter();
        Ok(secrets.map(|(key, stored)| stored.metadata(key)).collect())
    }

    fn create(&self, key: &str, value: &str, expiry: Expiry) -> Result<SecretMetadata, Error> {
        self.insert(parse(key)?, Payload::encode(key, value), expiry)
    }

    fn update(&self, key: &str, value: &str, expiry: Expiry) -> Result<SecretMetadata, Error> {
        self.replace(&parse(key)?, Payload::encode(key, value), expiry, None)
    }

    fn update_if_unchanged(
        &self,
        key: &str,
        version: Option<&Version>,
        value: &str,
        expiry: Expiry,
    ) -> Result<SecretMetadata, Error> {
        let key = parse(key)?;
        let Some(version) = version else {
            return Err(Error::new(Action::Update(key), Cause::NoVersion));
        };
        let plaintext = Payload::encode(key.as_str(), value);
        self.replace(&key, plaintext, expiry, Some(version))
    }

    fn put(&self, key: &str, value: &str, expiry: Expiry) -> Result<Written, Error> {
        if self.contains(&parse(key)?) {
            self.update(key, value, expiry).map(Written::Updated)
        } else {
            self.create(key, value, expiry).map(Written::Created)
        }
    }

    fn create_fields(
        &self,
        key: &str,
        fields: &[(&str, &str)],
        expiry: Expiry,
    ) -> Result<SecretMetadata, Error> {
        let key = parse(key)?;
        check_names(&key, fields)?;
        self.insert(key, Payload::encode_fields(fields), expiry)
    }

    fn set_field(
        &self,
        key: &str,
        field: &str,
        value: &str,
        expiry: Expiry,
    ) -> Result<Written, Error> {
        let name = parse(key)?;
        refuse_own_name(&name, [field])?;
        if !self.contains(&name) {
            let created = self.insert(name, Payload::encode_fields(&[(field, value)]), expiry);
            return created.map(Written::Created);
        }
        let updated = self.replace_field(&name, field, value, expiry);
        updated.map(Written::Updated)
    }

    fn update_field(
        &self,
        key: &str,
        field: &str,
        value: &str,
        expiry: Expiry,
    ) -> Result<SecretMetadata, Error> {
        let key = parse(key)?;
        refuse_own_name(&key, [field])?;
        self.replace_field(&key, field, value, expiry)
    }

    fn delete(&self, key: &str) -> Result<(), Error> {
        let key = parse(key)?;
        let action = Action::Delete(key.clone());
        let (mut state, _) = self.begin(&action)?;
        match state.secrets.remove(&key) {
            Some(_) => Ok(()),
            None => Err(answered(action, StatusCode::NOT_FOUND, "secret_not_found")),
        }
    }

    fn exists(&self, key: &str) -> Result<bool, Error> {
        let key = parse(key)?;
        let (state, _) = self.begin(&Action::Get(key.clone()))?;
        Ok(state.secrets.contains_key(&key))
    }
}

impl Stored {
    fn parse(&self, key: &KeyName) -> Result<Payload, CryptoError> {
        Payload::parse(self.plaintext.to_vec().into(), key.as_str())
    }

    fn metadata(&self, key: &KeyName) -> SecretMetadata {
        let created_at = Some(self.created_at);
        SecretMetadata::new(
            ListedKey::Valid(key.clone()),
            created_at,
            self.updated_at,
            self.expires_at,
            Some(self.version.clone()),
        )
    }
}

impl<K: AsRef<str>, V: AsRef<str>, const N: usize> From<[(K, V); N]> for MemoryStore {
    /// Makes a store with these single values.
    ///
    /// # Panics
    ///
    /// Panics when a name is invalid or appears twice: a mistake in a test.
    #[expect(clippy::panic, reason = "a test fails loudly")]
    fn from(secrets: [(K, V); N]) -> Self {
        let store = Self::new();
        for (key, value) in secrets {
            if let Err(error) = store.create(key.as_ref(), value.as_ref(), Expiry::Never) {
                panic!("{error}");
            }
        }
        store
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("keys", &self.lock().secrets.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

fn parse(key: &str) -> Result<KeyName, Error> {
    KeyName::parse(key).map_err(|reason| Error::config(ConfigError::key_name(key, reason)))
}

/// Returns the expiry after a write.
fn new_expiry(
    action: &Action,
    expiry: Expiry,
    old: Option<Timestamp>,
    now: Timestamp,
) -> Result<Option<Timestamp>, Error> {
    let new = match expiry {
        Expiry::Keep => return Ok(old),
        expiry => expiry.on_wire(now).time(),
    };
    if let Some(expires_at) = new.filter(|at| *at <= now) {
        let cause = ConfigError::ExpiryInThePast { expires_at, now };
        return Err(Error::new(action.clone(), cause));
    }
    // A vault stores microseconds.
    let stored = |at: Timestamp| Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at);
    Ok(new.map(stored))
}

/// Refuses a value that a client with default limits would refuse.
fn check_length(action: &Action, plaintext: &Plaintext) -> Result<(), Error> {
    const TAG: usize = 16;
    let base64 = (plaintext.len() + TAG).div_ceil(3) * 4;
    check_size(action, base64, BodyLimits::default().secret)
}

/// Returns the error that a vault's answer causes.
fn answered(action: Action, status: StatusCode, code: &str) -> Error {
    let mut response = Response::new(format!(r#"{{"error":"","code":"{code}"}}"#));
    *response.status_mut() = status;
    Error::new(action, ApiError::from_response(&response))
}

/// Returns an error of this kind.
fn failure(action: Action, kind: ErrorKind) -> Error {
    let lost = || TransportError::new(Failure::Lost);
    let cause: Cause = match kind {
        ErrorKind::Auth => return answered(action, StatusCode::UNAUTHORIZED, "invalid_token"),
        ErrorKind::Forbidden => return answered(action, StatusCode::FORBIDDEN, "missing_scope"),
        ErrorKind::NotFound => return answered(action, StatusCode::NOT_FOUND, "secret_not_found"),
        ErrorKind::Conflict => return answered(action, StatusCode::CONFLICT, "secret_exists"),
        ErrorKind::Changed => {
            return answered(action, StatusCode::PRECONDITION_FAILED, "version_mismatch");
        }
        ErrorKind::Unsupported => Cause::NoVersion,
        ErrorKind::RateLimited => {
            return answered(action, StatusCode::TOO_MANY_REQUESTS, "too_many_requests");
        }
        ErrorKind::Api => {
            return answered(action, StatusCode::INTERNAL_SERVER_ERROR, "database_failed");
        }
        ErrorKind::Crypto => CryptoError::Decryption.into(),
        ErrorKind::OrgKeyRefused => Cause::OrgKeyRefused {
            accepted: Vec::new(),
            found: OrgKey::from_bytes(&[0; 32]).fingerprint(),
        },
        ErrorKind::Transport => Cause::Transport(lost()),
        ErrorKind::Ambiguous => Cause::Ambiguous(Arc::new(Cause::Transport(lost()))),
        ErrorKind::Config => Cause::Config(ConfigError::Empty("the setting of a test")),
        ErrorKind::Value => Cause::NotBase64(None),
        ErrorKind::Cancelled => Cause::Cancelled,
    };
    Error::new(action, cause)
}
