//! The secrets in memory, and the steps of the operations on them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::SystemTime;

use helvetisafe_crypto::{Error as CryptoError, FieldValue, Payload, Plaintext};
use helvetisafe_proto::{KeyName, ListedKey, Version};
use http::StatusCode;
use jiff::Timestamp;

use super::MemoryStore;
use super::failure::{answered, failure};
use crate::binding::Binding;
use crate::cache::{Freshness, Value};
use crate::config_error::ConfigError;
use crate::error::{Action, Cause, Error, ErrorKind};
use crate::expiry::{Expiry, in_microseconds, timestamp};
use crate::limits::BodyLimits;
use crate::operations::check_size;
use crate::secret::{Secret, SecretMetadata};

/// The content of a store.
#[derive(Default)]
pub(super) struct State {
    pub(super) secrets: BTreeMap<KeyName, Stored>,
    /// The number of writes.
    writes: u64,
    /// The kinds with which the next operations fail.
    pub(super) failures: VecDeque<ErrorKind>,
}

/// A secret in memory.
pub(super) struct Stored {
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
    /// Begins an operation: fails if that is due, and drops expired secrets.
    pub(super) fn begin(
        &self,
        action: &Action,
    ) -> Result<(MutexGuard<'_, State>, Timestamp), Error> {
        let mut state = self.lock();
        if let Some(kind) = state.failures.pop_front() {
            return Err(failure(action.clone(), kind));
        }
        let now = in_microseconds(timestamp(SystemTime::now()));
        let is_alive = |stored: &Stored| stored.expires_at.is_none_or(|at| at > now);
        state.secrets.retain(|_, stored| is_alive(stored));
        Ok((state, now))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn read(&self, key: &KeyName, fields: &[&str]) -> Result<Secret, Error> {
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

    pub(super) fn insert(
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

    pub(super) fn replace(
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
    pub(super) fn replace_field(
        &self,
        key: &KeyName,
        field: &str,
        value: &FieldValue<'_>,
        expiry: Expiry,
    ) -> Result<SecretMetadata, Error> {
        loop {
            let secret = self.read(key, &[field])?;
            let Some(plaintext) = secret.payload().encode_with_field(field, value.clone()) else {
                return Err(Error::new(Action::Update(key.clone()), Cause::NoFields));
            };
            match self.replace(key, plaintext, expiry, secret.version()) {
                Err(error) if error.kind() == ErrorKind::Changed => {}
                outcome => return outcome,
            }
        }
    }

    pub(super) fn contains(&self, key: &KeyName) -> bool {
        let now = timestamp(SystemTime::now());
        let state = self.lock();
        let is_live = |secret: &Stored| secret.expires_at.is_none_or(|at| at > now);
        state.secrets.get(key).is_some_and(is_live)
    }
}

impl Stored {
    fn parse(&self, key: &KeyName) -> Result<Payload, CryptoError> {
        Payload::parse(self.plaintext.to_vec().into(), key.as_str())
    }

    pub(super) fn metadata(&self, key: &KeyName) -> SecretMetadata {
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
    Ok(new)
}

/// Refuses a value that a client with default limits would refuse.
fn check_length(action: &Action, plaintext: &Plaintext) -> Result<(), Error> {
    const TAG: usize = 16;
    let base64 = (plaintext.len() + TAG).div_ceil(3) * 4;
    check_size(action, base64, BodyLimits::default().secret)
}
