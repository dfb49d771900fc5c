//! Reads of one secret.

use std::sync::Arc;

use helvetisafe_crypto::{Envelope, Fingerprint, Payload};
use helvetisafe_proto::endpoint::{GetSecret, SecretRecord};
use helvetisafe_proto::{KeyName, ListedKey, Time};
use secrecy::SecretString;

use super::{Operation, parse};
use crate::cache::{Freshness, Value};
use crate::error::{Action, Cause, Error, ErrorKind};
use crate::org_keys::Purpose;
use crate::runtime::Runtime;
use crate::secret::Secret;

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

    /// Reads a secret from the vault, not from the cache, to encrypt its value again.
    pub(super) async fn get_to_seal(&self, key: KeyName) -> Result<Secret, Error> {
        let value = self.read_to_seal(&key, |record| match record.expires_at {
            // The copy would never expire.
            Time::Unreadable => Err(Error::new(
                Action::Get(key.clone()),
                Cause::UnreadableExpiry,
            )),
            _ => Ok(()),
        });
        let value = value.await?;
        self.check_binding(Secret::new(key, value, Freshness::Fresh), &[])
    }

    /// Reads and decrypts a secret from the vault, to encrypt its value again. `check` refuses a record before.
    pub(super) async fn read_to_seal(
        &self,
        key: &KeyName,
        check: impl Fn(&SecretRecord) -> Result<(), Error> + Send + Sync,
    ) -> Result<Value, Error> {
        let before = self.vault.org_keys.current().fingerprint();
        let read = async || {
            let record = self.read(key).await?;
            check(&record)?;
            self.value(key, record, Purpose::SealAgain).await
        };
        match read().await {
            // The org key was replaced after the vault had sent the value under the old one.
            Err(error) if error.may_be_replaced_org_key() && self.has_new_org_key(before) => {
                read().await
            }
            outcome => outcome,
        }
    }

    /// Reads a secret, or takes what was prefetched.
    pub(super) async fn get_value(&self, key: &KeyName) -> Result<Value, Error> {
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
                if error.may_be_replaced_org_key()
                    && (is_prefetched || self.has_new_org_key(before)) =>
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

    pub(super) async fn read(&self, key: &KeyName) -> Result<SecretRecord, Error> {
        let call = GetSecret { key: key.clone() };
        let api = &self.vault.api;
        api.call(&call, Action::Get(key.clone()), &self.bounds)
            .await
    }

    /// Decrypts a record.
    pub(super) async fn open(
        &self,
        key: &KeyName,
        record: SecretRecord,
        purpose: Purpose,
    ) -> Result<Payload, Error> {
        let failed = |error| Error::new(Action::Get(key.clone()), Cause::Crypto(error));
        let stated = record.key_epoch;
        let envelope = Envelope::decode_in_place(record.value, &record.nonce).map_err(failed)?;
        let opened = self
            .vault
            .open_envelope(key, envelope, purpose, &self.bounds)
            .await;
        let plaintext = opened.map_err(|error| self.with_epoch(error, key, stated))?;
        Payload::parse(plaintext, key.as_str()).map_err(failed)
    }

    /// Explains a value that does not open by its number, if that is of a later org key than the client has.
    fn with_epoch(&self, error: Error, key: &KeyName, stated: Option<u64>) -> Error {
        let known = self.vault.org_keys.current().epoch();
        match stated.zip(known) {
            Some((stated, known)) if error.is_decryption() && stated > known => Error::new(
                Action::Get(key.clone()),
                Cause::LaterEpoch { known, stated },
            ),
            _ => error,
        }
    }
}
