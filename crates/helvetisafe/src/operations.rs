//! The operations on secrets, for every runtime.

mod cached;
mod copy;
mod create;
pub(crate) mod fields;
mod list;
mod many;
mod observed;
#[cfg(feature = "organization")]
mod organization;
mod seal;
mod update;
pub(crate) mod watch;

#[cfg(feature = "test-util")]
pub(crate) use fields::{check_names, refuse_own_name};
#[cfg(feature = "test-util")]
pub(crate) use seal::check_size;

use std::sync::Arc;
use std::time::Duration;

use helvetisafe_crypto::{Envelope, Fingerprint, Payload};
use helvetisafe_proto::endpoint::{self, DeleteSecret, GetSecret, ListedSecret, SecretRecord};
use helvetisafe_proto::{KeyName, ListedKey, Time};
use jiff::Timestamp;
use secrecy::SecretString;

use crate::api::ReadBack;
use crate::bounds::Bounds;
use crate::cache::{Freshness, Value};
use crate::call_options::CallOptions;
use crate::cancel::CancelToken;
use crate::clock::Deadline;
use crate::config_error::ConfigError;
use crate::error::{Action, Cause, Error, ErrorKind};
use crate::event::{Event, HiddenKey};
use crate::expiry::{Expiry, timestamp};
use crate::org_keys::Purpose;
use crate::runtime::{Boxed, Runtime};
use crate::secret::{Secret, SecretMetadata};
use crate::vault::Vault;

/// Begins operations on the secrets of one vault. With a limit they share one deadline.
pub(crate) struct Operations<'a, R: Runtime> {
    vault: &'a Arc<Vault<R>>,
    limit: Option<Limit>,
    options: CallOptions,
    cancel: Option<&'a CancelToken>,
}

/// A timeout for several operations together.
#[derive(Clone, Copy)]
struct Limit {
    timeout: Duration,
    deadline: Deadline,
}

/// One operation, which may make several calls within its bounds.
pub(crate) struct Operation<'a, R: Runtime> {
    vault: &'a Arc<Vault<R>>,
    bounds: Bounds,
    bypasses_cache: bool,
}

impl<R: Runtime> Clone for Operations<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R: Runtime> Copy for Operations<'_, R> {}

impl<'a, R: Runtime> Operations<'a, R> {
    pub(crate) fn new(vault: &'a Arc<Vault<R>>) -> Self {
        Self {
            vault,
            limit: None,
            options: CallOptions::default(),
            cancel: None,
        }
    }

    /// Returns the same operations with a deadline for all of them, `timeout` from now at the latest.
    pub(crate) fn within(&self, timeout: Duration) -> Self {
        let deadline = self.vault.api.deadline_in(timeout);
        let limit = match self.limit {
            Some(limit) if limit.deadline <= deadline => limit,
            _ => Limit { timeout, deadline },
        };
        Self {
            limit: Some(limit),
            ..*self
        }
    }

    /// Returns the same operations with these options.
    pub(crate) fn with(&self, options: CallOptions) -> Self {
        Self { options, ..*self }
    }

    /// Returns the same operations with a token that cancels them.
    pub(crate) fn cancelled_by(&self, token: &'a CancelToken) -> Self {
        Self {
            cancel: Some(token),
            ..*self
        }
    }

    pub(crate) fn cancel_token(&self) -> Option<&'a CancelToken> {
        self.cancel
    }

    /// Begins an operation: it has the timeout of an operation from now, and ends with the limit.
    pub(crate) fn begin(&self) -> Operation<'a, R> {
        let api = &self.vault.api;
        let timeout = self.options.timeout.unwrap_or(api.timeouts.operation);
        let own = api.deadline_in(timeout);
        Operation {
            vault: self.vault,
            bounds: Bounds {
                deadline: self.limit.map_or(own, |limit| own.min(limit.deadline)),
                attempts: self.options.attempts,
                cancel: self.cancel.cloned(),
            },
            bypasses_cache: self.options.bypass_cache,
        }
    }

    pub(crate) fn invalidate(&self, key: &str) {
        self.vault.prefetched.forget(key);
        if let Some(cache) = &self.vault.cache {
            cache.forget(key);
        }
    }

    pub(crate) fn invalidate_all(&self) {
        self.vault.prefetched.clear();
        if let Some(cache) = &self.vault.cache {
            cache.clear();
        }
    }
}

impl<R: Runtime> Operation<'_, R> {
    pub(crate) async fn get(&self, key: &str) -> Result<Secret, Error> {
        let read = self.read_through(key, &[]);
        self.observed("secrets.get", Some(key), read).await
    }

    pub(crate) async fn get_with_fields(
        &self,
        key: &str,
        fields: &[&str],
    ) -> Result<Secret, Error> {
        let read = self.read_through(key, fields);
        self.observed("secrets.get_with_fields", Some(key), read)
            .await
    }

    /// Reads a secret through the cache, if there is one.
    async fn read_through(&self, key: &str, fields: &[&str]) -> Result<Secret, Error> {
        let key = parse(key)?;
        let (value, freshness) = match &self.vault.cache {
            Some(cache) if self.bypasses_cache => {
                let value = self.get_past_cache(cache, &key).await?;
                (value, Freshness::Fresh)
            }
            Some(cache) => self.get_cached(cache, &key).await?,
            None => {
                let value = self.get_value(&key).await?;
                (value, Freshness::Fresh)
            }
        };
        self.check_binding(Secret::new(key, value, freshness), fields)
    }

    pub(crate) async fn get_field(&self, key: &str, field: &str) -> Result<SecretString, Error> {
        let read = async {
            let secret = self.read_through(key, &[field]).await?;
            secret.field_text(field)
        };
        self.observed("secrets.get_field", Some(key), read).await
    }

    pub(crate) async fn delete(&self, key: &str) -> Result<(), Error> {
        let work = async {
            let key = parse(key)?;
            self.vault.prefetched.forget(key.as_str());
            let _invalidates = self.vault.cache.as_ref().map(|it| it.begin_write(&key));
            let call = DeleteSecret { key: key.clone() };
            let action = Action::Delete(key.clone());
            // A 404 after an attempt without an answer confirms that the attempt deleted the secret.
            let is_gone = || -> Boxed<'_, _> { Box::pin(async { ReadBack::Done(()) }) };
            let api = &self.vault.api;
            api.call_with_read_back(&call, action, &self.bounds, is_gone)
                .await
        };
        self.observed("secrets.delete", Some(key), work).await
    }

    pub(crate) async fn list(&self) -> Result<Vec<SecretMetadata>, Error> {
        let work = async {
            let listed = self.list_all().await?.into_iter();
            Ok(listed.map(|secret| self.metadata(secret)).collect())
        };
        self.observed("secrets.list", None, work).await
    }

    pub(crate) async fn exists(&self, key: &str) -> Result<bool, Error> {
        let work = async {
            match self.read(&parse(key)?).await {
                Ok(_) => Ok(true),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
                Err(error) => Err(error),
            }
        };
        self.observed("secrets.exists", Some(key), work).await
    }

    /// Returns the change of an expiry on the wire, counted from now.
    fn expiry(&self, expiry: Expiry) -> endpoint::Expiry {
        expiry.on_wire(timestamp(self.vault.api.runtime.wall()))
    }

    /// Reads a secret from the vault, not from the cache, to encrypt its value again.
    async fn get_to_seal(&self, key: KeyName) -> Result<Secret, Error> {
        let record = self.read(&key).await?;
        if record.expires_at == Time::Unreadable {
            // The copy would never expire.
            return Err(Error::new(Action::Get(key), Cause::UnreadableExpiry));
        }
        let value = self.value(&key, record, Purpose::SealAgain).await?;
        self.check_binding(Secret::new(key, value, Freshness::Fresh), &[])
    }

    fn metadata(&self, listed: ListedSecret) -> SecretMetadata {
        let key = ListedKey::new(listed.key);
        let time = |member, time| self.known_time(&key, member, time);
        let created_at = time("created_at", listed.created_at);
        let updated_at = time("updated_at", listed.updated_at);
        let expires_at = time("expires_at", listed.expires_at);
        SecretMetadata::new(key, created_at, updated_at, expires_at, listed.version)
    }

    /// Returns the time of an answer, if it is known. Reports a time that cannot be read or represented.
    fn known_time(&self, key: &ListedKey, member: &'static str, time: Time) -> Option<Timestamp> {
        let used = time.known();
        if time.is_altered() {
            let key = HiddenKey(key);
            let event = Event::InvalidTime { key, member, used };
            self.vault.api.observer.emit(event);
        }
        used
    }

    /// Reads a secret, or takes what was prefetched.
    async fn get_value(&self, key: &KeyName) -> Result<Value, Error> {
        let now = self.vault.api.runtime.both_clocks();
        let before = self.vault.org_keys.current().fingerprint();
        let prefetched = self.vault.prefetched.take(key, now);
        let prefetched = prefetched.filter(|_| !self.bypasses_cache);
        let is_prefetched = prefetched.is_some();
        let record = match prefetched {
            Some(fetched) => fetched?,
            None => self.read(key).await?,
        };
        match self.value(key, record, Purpose::Read).await {
            // The org key was replaced after the vault had sent the value under the old one.
            Err(error)
                if error.is_decryption() && (is_prefetched || self.has_new_org_key(before)) =>
            {
                let record = self.read(key).await?;
                self.value(key, record, Purpose::Read).await
            }
            outcome => outcome,
        }
    }

    fn has_new_org_key(&self, before: Fingerprint) -> bool {
        self.vault.org_keys.current().fingerprint() != before
    }

    async fn value(
        &self,
        key: &KeyName,
        record: SecretRecord,
        purpose: Purpose,
    ) -> Result<Value, Error> {
        let listed = ListedKey::Valid(key.clone());
        let expires_at = self.known_time(&listed, "expires_at", record.expires_at);
        let updated_at = self.known_time(&listed, "updated_at", record.updated_at);
        let version = record.version.clone();
        let payload = self.open(key, record, purpose).await?;
        Ok(Value {
            payload: Arc::new(payload),
            expires_at,
            updated_at,
            version,
        })
    }

    /// Refuses a secret that may be another one. `fields` are those that the caller names.
    fn check_binding(&self, secret: Secret, fields: &[&str]) -> Result<Secret, Error> {
        let binding = self.vault.binding;
        let checked = binding.check(secret.key(), secret.payload(), fields);
        checked.map_err(|cause| Error::new(Action::Get(secret.key().clone()), cause))?;
        Ok(secret)
    }

    async fn read(&self, key: &KeyName) -> Result<SecretRecord, Error> {
        let call = GetSecret { key: key.clone() };
        let api = &self.vault.api;
        api.call(&call, Action::Get(key.clone()), &self.bounds)
            .await
    }

    /// Decrypts a record.
    async fn open(
        &self,
        key: &KeyName,
        record: SecretRecord,
        purpose: Purpose,
    ) -> Result<Payload, Error> {
        let failed = |error| Error::new(Action::Get(key.clone()), Cause::Crypto(error));
        let envelope = Envelope::decode_in_place(record.value, &record.nonce).map_err(failed)?;
        let plaintext = self
            .vault
            .open_envelope(key, envelope, purpose, &self.bounds)
            .await?;
        Payload::parse(plaintext, key.as_str()).map_err(failed)
    }
}

fn parse(key: &str) -> Result<KeyName, Error> {
    KeyName::parse(key).map_err(|reason| Error::config(ConfigError::key_name(key, reason)))
}

/// Parses a name that is given with a value. If the value would be a valid name, the two may be swapped, and the
/// error does not show the text in place of the name.
fn parse_beside(key: &str, value: &str) -> Result<KeyName, Error> {
    KeyName::parse(key).map_err(|reason| {
        let may_be_swapped = KeyName::parse(value).is_ok();
        Error::config(if may_be_swapped {
            ConfigError::HiddenKeyName(reason)
        } else {
            ConfigError::key_name(key, reason)
        })
    })
}
