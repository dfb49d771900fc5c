mod failure;
mod stored;
mod traits;

use std::fmt;
use std::sync::{Arc, Mutex};

use helvetisafe_crypto::{FieldValue, Payload};
use helvetisafe_proto::{KeyName, Version};
use http::StatusCode;
use secrecy::SecretString;

#[cfg(doc)]
use super::SecretStore;
use crate::config_error::ConfigError;
use crate::error::{Action, Cause, Error, ErrorKind};
use crate::expiry::Expiry;
use crate::operations::fields::field_values;
use crate::operations::{check_names, refuse_own_name};
use crate::secret::{Secret, SecretMetadata, Written};
use crate::secret_text::SecretText;
use failure::answered;
use stored::State;

/// A store of secrets in memory, for the tests of an application (feature `test-util`).
///
/// It behaves as a client with the default settings and a credential with all scopes, and needs no vault, no key
/// and no network. A clone shares the secrets. Expiries are counted by the clock of the system.
///
/// Its own methods are blocking and need no trait. As a [`SecretStore`] or an
/// `AsyncSecretStore` it goes to the code under test: by reference, in an `Arc`, or as a clone.
///
/// ```
/// use helvetisafe::{ErrorKind, MemoryStore};
///
/// let store = MemoryStore::from([("db_password", "s3cr3t-v@lue")]);
/// assert_eq!(store.get("db_password")?.expose_secret(), "s3cr3t-v@lue");
/// assert_eq!(store.get("absent").unwrap_err().kind(), ErrorKind::NotFound);
///
/// store.create_fields("SMTP", &[("user", "app"), ("pass", "word")], None)?;
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
    /// use helvetisafe::{ErrorKind, MemoryStore};
    ///
    /// let store = MemoryStore::new();
    /// store.fail_next(ErrorKind::Forbidden);
    /// assert_eq!(store.list().unwrap_err().kind(), ErrorKind::Forbidden);
    /// ```
    pub fn fail_next(&self, kind: ErrorKind) {
        self.lock().failures.push_back(kind);
    }

    /// As [`Secrets::get`](crate::Secrets::get).
    ///
    /// # Errors
    ///
    /// As [`Secrets::get`](crate::Secrets::get).
    pub fn get(&self, key: &str) -> Result<Secret, Error> {
        self.get_with_fields(key, &[])
    }

    /// As [`Secrets::get_field`](crate::Secrets::get_field).
    ///
    /// # Errors
    ///
    /// As [`Secrets::get_field`](crate::Secrets::get_field).
    pub fn get_field(&self, key: &str, field: &str) -> Result<SecretString, Error> {
        self.get_with_fields(key, &[field])?.field_text(field)
    }

    /// As [`Secrets::get_with_fields`](crate::Secrets::get_with_fields).
    ///
    /// # Errors
    ///
    /// As [`Secrets::get_with_fields`](crate::Secrets::get_with_fields).
    pub fn get_with_fields(&self, key: &str, fields: &[&str]) -> Result<Secret, Error> {
        self.read(&parse(key)?, fields)
    }

    /// As [`Secrets::exists`](crate::Secrets::exists).
    ///
    /// # Errors
    ///
    /// As [`Secrets::exists`](crate::Secrets::exists).
    pub fn exists(&self, key: &str) -> Result<bool, Error> {
        let key = parse(key)?;
        let (state, _) = self.begin(&Action::Get(key.clone()))?;
        Ok(state.secrets.contains_key(&key))
    }

    /// As [`Secrets::list`](crate::Secrets::list).
    ///
    /// # Errors
    ///
    /// As [`Secrets::list`](crate::Secrets::list).
    pub fn list(&self) -> Result<Vec<SecretMetadata>, Error> {
        let (state, _) = self.begin(&Action::List)?;
        let secrets = state.secrets.iter();
        Ok(secrets.map(|(key, stored)| stored.metadata(key)).collect())
    }

    /// As [`Secrets::create`](crate::Secrets::create).
    ///
    /// # Errors
    ///
    /// As [`Secrets::create`](crate::Secrets::create).
    pub fn create(
        &self,
        key: &str,
        value: impl SecretText,
        expiry: impl Into<Expiry>,
    ) -> Result<SecretMetadata, Error> {
        let plaintext = Payload::encode(key, value.expose_text());
        self.insert(parse(key)?, plaintext, expiry.into())
    }

    /// As [`Secrets::update`](crate::Secrets::update).
    ///
    /// # Errors
    ///
    /// As [`Secrets::update`](crate::Secrets::update).
    pub fn update(
        &self,
        key: &str,
        value: impl SecretText,
        expiry: impl Into<Expiry>,
    ) -> Result<SecretMetadata, Error> {
        let plaintext = Payload::encode(key, value.expose_text());
        self.replace(&parse(key)?, plaintext, expiry.into(), None)
    }

    /// As [`Secrets::update_if_unchanged`](crate::Secrets::update_if_unchanged).
    ///
    /// # Errors
    ///
    /// As [`Secrets::update_if_unchanged`](crate::Secrets::update_if_unchanged).
    pub fn update_if_unchanged(
        &self,
        key: &str,
        version: Option<&Version>,
        value: impl SecretText,
        expiry: impl Into<Expiry>,
    ) -> Result<SecretMetadata, Error> {
        let key = parse(key)?;
        let Some(version) = version else {
            return Err(Error::new(Action::Update(key), Cause::NoVersion));
        };
        let plaintext = Payload::encode(key.as_str(), value.expose_text());
        self.replace(&key, plaintext, expiry.into(), Some(version))
    }

    /// As [`Secrets::put`](crate::Secrets::put).
    ///
    /// # Errors
    ///
    /// As [`Secrets::put`](crate::Secrets::put).
    pub fn put(
        &self,
        key: &str,
        value: impl SecretText,
        expiry: impl Into<Expiry>,
    ) -> Result<Written, Error> {
        if self.contains(&parse(key)?) {
            self.update(key, value, expiry).map(Written::Updated)
        } else {
            self.create(key, value, expiry).map(Written::Created)
        }
    }

    /// As [`Secrets::create_fields`](crate::Secrets::create_fields).
    ///
    /// # Errors
    ///
    /// As [`Secrets::create_fields`](crate::Secrets::create_fields).
    pub fn create_fields<'f, V: Clone + Into<FieldValue<'f>>>(
        &self,
        key: &str,
        fields: &[(&str, V)],
        expiry: impl Into<Expiry>,
    ) -> Result<SecretMetadata, Error> {
        let key = parse(key)?;
        check_names(&key, fields)?;
        let plaintext = Payload::encode_fields(&field_values(fields));
        self.insert(key, plaintext, expiry.into())
    }

    /// As [`Secrets::set_field`](crate::Secrets::set_field).
    ///
    /// # Errors
    ///
    /// As [`Secrets::set_field`](crate::Secrets::set_field).
    pub fn set_field<'f>(
        &self,
        key: &str,
        field: &str,
        value: impl Into<FieldValue<'f>>,
        expiry: impl Into<Expiry>,
    ) -> Result<Written, Error> {
        let (name, value, expiry) = (parse(key)?, value.into(), expiry.into());
        refuse_own_name(&name, [field])?;
        if !self.contains(&name) {
            let created = self.insert(name, Payload::encode_fields(&[(field, value)]), expiry);
            return created.map(Written::Created);
        }
        let updated = self.replace_field(&name, field, &value, expiry);
        updated.map(Written::Updated)
    }

    /// As [`Secrets::update_field`](crate::Secrets::update_field).
    ///
    /// # Errors
    ///
    /// As [`Secrets::update_field`](crate::Secrets::update_field).
    pub fn update_field<'f>(
        &self,
        key: &str,
        field: &str,
        value: impl Into<FieldValue<'f>>,
        expiry: impl Into<Expiry>,
    ) -> Result<SecretMetadata, Error> {
        let key = parse(key)?;
        refuse_own_name(&key, [field])?;
        self.replace_field(&key, field, &value.into(), expiry.into())
    }

    /// As [`Secrets::delete`](crate::Secrets::delete).
    ///
    /// # Errors
    ///
    /// As [`Secrets::delete`](crate::Secrets::delete).
    pub fn delete(&self, key: &str) -> Result<(), Error> {
        let key = parse(key)?;
        let action = Action::Delete(key.clone());
        let (mut state, _) = self.begin(&action)?;
        match state.secrets.remove(&key) {
            Some(_) => Ok(()),
            None => Err(answered(action, StatusCode::NOT_FOUND, "secret_not_found")),
        }
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
