//! The operations on secrets, for every runtime.

mod cached;
mod copy;
mod create;
mod fields;
mod many;
mod update;
pub(crate) mod watch;

use std::sync::Arc;
use std::time::Duration;

use helvetisafe_crypto::{Envelope, Payload};
use helvetisafe_proto::KeyName;
use helvetisafe_proto::endpoint::{DeleteSecret, GetSecret, ListSecrets, SecretRecord};
use secrecy::SecretString;

use crate::api::ReadBack;
use crate::cache::{Freshness, Value};
use crate::clock::Deadline;
use crate::error::{Action, Cause, Error, ErrorKind};
use crate::org_keys::Purpose;
use crate::runtime::{Boxed, Runtime};
use crate::secret::{Secret, SecretMetadata};
use crate::vault::Vault;

/// Begins operations on the secrets of one vault. With a limit they share one deadline.
pub(crate) struct Operations<'a, R: Runtime> {
    vault: &'a Arc<Vault<R>>,
    limit: Option<Limit>,
}

/// A timeout for several operations together.
#[derive(Clone, Copy)]
struct Limit {
    timeout: Duration,
    deadline: Deadline,
}

/// One operation, which may make several calls before its deadline.
pub(crate) struct Operation<'a, R: Runtime> {
    vault: &'a Arc<Vault<R>>,
    deadline: Deadline,
}

impl<R: Runtime> Clone for Operations<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R: Runtime> Copy for Operations<'_, R> {}

impl<'a, R: Runtime> Operations<'a, R> {
    pub(crate) fn new(vault: &'a Arc<Vault<R>>) -> Self {
        Self { vault, limit: None }
    }

    /// Returns the same operations with a deadline for all of them, `timeout` from now at the latest.
    pub(crate) fn within(&self, timeout: Duration) -> Self {
        let deadline = self.vault.api.deadline_in(timeout);
        let limit = match self.limit {
            Some(limit) if limit.deadline <= deadline => limit,
            _ => Limit { timeout, deadline },
        };
        Self {
            vault: self.vault,
            limit: Some(limit),
        }
    }

    /// Begins an operation: it has the timeout of an operation from now, and ends with the limit.
    pub(crate) fn begin(&self) -> Operation<'a, R> {
        let own = self.vault.api.deadline();
        Operation {
            vault: self.vault,
            deadline: self.limit.map_or(own, |limit| own.min(limit.deadline)),
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
        self.get_with_fields(key, &[]).await
    }

    pub(crate) async fn get_with_fields(
        &self,
        key: &str,
        fields: &[&str],
    ) -> Result<Secret, Error> {
        let key = parse(key)?;
        let (value, freshness) = match &self.vault.cache {
            Some(cache) => self.get_cached(cache, &key).await?,
            None => {
                let value = self.get_value(&key).await?;
                (value, Freshness::Fresh)
            }
        };
        self.check_binding(Secret::new(key, value, freshness), fields)
    }

    pub(crate) async fn get_field(&self, key: &str, field: &str) -> Result<SecretString, Error> {
        let secret = self.get_with_fields(key, &[field]).await?;
        match secret.field(field) {
            Some(field) => Ok(field.expose_secret().into()),
            None => Err(Error::new(
                Action::Get(secret.key().clone()),
                Cause::NoSuchField(field.to_owned()),
            )),
        }
    }

    pub(crate) async fn delete(&self, key: &str) -> Result<(), Error> {
        let key = parse(key)?;
        self.vault.prefetched.forget(key.as_str());
        let _invalidates = self.vault.cache.as_ref().map(|it| it.begin_write(&key));
        let call = DeleteSecret { key: key.clone() };
        let action = Action::Delete(key.clone());
        // A 404 after an attempt without an answer confirms that the attempt deleted the secret.
        let is_gone = || -> Boxed<'_, _> { Box::pin(async { ReadBack::Done(()) }) };
        let api = &self.vault.api;
        api.call_with_read_back(&call, action, self.deadline, is_gone)
            .await
    }

    pub(crate) async fn list(&self) -> Result<Vec<SecretMetadata>, Error> {
        let api = &self.vault.api;
        let listed = api.call(&ListSecrets, Action::List, self.deadline);
        Ok(listed
            .await?
            .into_iter()
            .map(SecretMetadata::from)
            .collect())
    }

    pub(crate) async fn exists(&self, key: &str) -> Result<bool, Error> {
        match self.read(&parse(key)?).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Reads a secret from the vault, not from the cache, to encrypt its value again.
    async fn get_to_seal(&self, key: KeyName) -> Result<Secret, Error> {
        let record = self.read(&key).await?;
        let value = self.value(&key, record, Purpose::SealAgain).await?;
        self.check_binding(Secret::new(key, value, Freshness::Fresh), &[])
    }

    /// Reads a secret, or takes what was prefetched.
    async fn get_value(&self, key: &KeyName) -> Result<Value, Error> {
        let now = self.vault.api.runtime.both_clocks();
        let record = match self.vault.prefetched.take(key, now) {
            Some(fetched) => fetched?,
            None => self.read(key).await?,
        };
        self.value(key, record, Purpose::Read).await
    }

    async fn value(
        &self,
        key: &KeyName,
        record: SecretRecord,
        purpose: Purpose,
    ) -> Result<Value, Error> {
        let expires_at = record.expires_at;
        let payload = self.open(key, record, purpose).await?;
        Ok(Value {
            payload: Arc::new(payload),
            expires_at,
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
        api.call(&call, Action::Get(key.clone()), self.deadline)
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
            .open_envelope(key, envelope, purpose, self.deadline)
            .await?;
        Payload::parse(plaintext, key.as_str()).map_err(failed)
    }
}

fn parse(key: &str) -> Result<KeyName, Error> {
    KeyName::parse(key).map_err(Error::config)
}
