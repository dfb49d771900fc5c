//! What a client does with secrets, for every driver.

mod cached;
mod copy;
mod create;
mod fields;
mod many;
pub(crate) mod watch;
mod within;

use std::sync::Arc;

use helvetisafe_crypto::{Envelope, Payload};
use helvetisafe_proto::KeyName;
use helvetisafe_proto::endpoint::{
    DeleteSecret, Expiry, GetSecret, ListSecrets, SecretRecord, SecretUpdate, UpdateSecret,
};
use jiff::Timestamp;
use secrecy::SecretString;

use crate::cache::{Freshness, Value};
use crate::connection::Connection;
use crate::driver::Driver;
use crate::error::{Action, Cause, Error, ErrorKind};
use crate::org_keys::Purpose;
use crate::secret::{Secret, SecretMetadata};
use crate::session::Deadline;
use within::Limit;

/// What an answer with a secret holds besides its ciphertext, generously.
const RECORD_OVERHEAD: usize = 1024;

/// The operations on secrets, for every driver: the one copy of what a client does.
///
/// With a [`Limit`] all of them together have that time.
pub(crate) struct Operations<'a, D: Driver>(pub(crate) &'a Arc<Connection<D>>, Option<Limit>);

impl<D: Driver> Clone for Operations<'_, D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D: Driver> Copy for Operations<'_, D> {}

impl<D: Driver> Operations<'_, D> {
    pub(crate) async fn get(&self, key: &str) -> Result<Secret, Error> {
        let secret = self.get_unchecked(parse(key)?).await?;
        self.check_binding(secret, &[])
    }

    pub(crate) async fn get_with_fields(
        &self,
        key: &str,
        fields: &[&str],
    ) -> Result<Secret, Error> {
        let secret = self.get_unchecked(parse(key)?).await?;
        self.check_binding(secret, fields)
    }

    /// Reads a secret that may be another one.
    async fn get_unchecked(&self, key: KeyName) -> Result<Secret, Error> {
        let deadline = self.deadline();
        let (value, freshness) = match &self.0.cache {
            Some(cache) => self.get_cached(cache, &key, deadline).await?,
            None => {
                let value = self.get_value(&key, Purpose::Read, deadline).await?;
                (value, Freshness::Fresh)
            }
        };
        Ok(Secret::new(key, value, freshness))
    }

    pub(crate) async fn get_field(&self, key: &str, field: &str) -> Result<SecretString, Error> {
        let secret = self.get_unchecked(parse(key)?).await?;
        let secret = self.check_binding(secret, &[field])?;
        match secret.field(field) {
            Some(field) => Ok(field.expose_secret().into()),
            None => Err(Error::new(
                Action::Get(secret.key().clone()),
                Cause::NoSuchField(field.to_owned()),
            )),
        }
    }

    pub(crate) async fn create(
        &self,
        key: &str,
        value: &str,
        expires_at: Option<Timestamp>,
    ) -> Result<SecretMetadata, Error> {
        let key = parse(key)?;
        let plaintext = Payload::encode(key.as_str(), value);
        let deadline = self.deadline();
        self.create_within(key, &plaintext, expires_at, deadline)
            .await
    }

    pub(crate) async fn update(
        &self,
        key: &str,
        value: &str,
        expiry: Expiry,
    ) -> Result<SecretMetadata, Error> {
        let key = parse(key)?;
        let plaintext = Payload::encode(key.as_str(), value);
        let deadline = self.deadline();
        self.update_within(key, &plaintext, expiry, deadline).await
    }

    pub(crate) async fn put(
        &self,
        key: &str,
        value: &str,
        expires_at: Option<Timestamp>,
    ) -> Result<SecretMetadata, Error> {
        let key = parse(key)?;
        let expiry = expires_at.map_or(Expiry::Keep, Expiry::At);
        let plaintext = Payload::encode(key.as_str(), value);
        let deadline = self.deadline();
        self.put_within(&key, &plaintext, expiry, deadline).await
    }

    pub(crate) async fn delete(&self, key: &str) -> Result<(), Error> {
        let key = parse(key)?;
        let _forgets = self.0.cache.as_ref().map(|cache| cache.begin_write(&key));
        let session = &self.0.session;
        let mut attempts = session.attempts();
        let call = DeleteSecret { key: key.clone() };
        let (action, deadline) = (Action::Delete(key.clone()), self.deadline());
        match session
            .call_with(&call, action, deadline, &mut attempts)
            .await
        {
            // It was there, and an earlier attempt deleted it.
            Err(error) if error.kind() == ErrorKind::NotFound && attempts.may_have_acted() => {
                Ok(())
            }
            outcome => outcome,
        }
    }

    pub(crate) async fn list(&self) -> Result<Vec<SecretMetadata>, Error> {
        let session = &self.0.session;
        let listed = session
            .call(&ListSecrets, Action::List, self.deadline())
            .await?;
        Ok(listed.into_iter().map(SecretMetadata::from).collect())
    }

    pub(crate) async fn exists(&self, key: &str) -> Result<bool, Error> {
        match self.read(&parse(key)?, self.deadline()).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Reads from the vault, whatever the cache holds, to seal again.
    async fn get_to_seal(&self, key: KeyName, deadline: Deadline) -> Result<Secret, Error> {
        let value = self.get_value(&key, Purpose::SealAgain, deadline).await?;
        self.check_binding(Secret::new(key, value, Freshness::Fresh), &[])
    }

    async fn get_value(
        &self,
        key: &KeyName,
        purpose: Purpose,
        deadline: Deadline,
    ) -> Result<Value, Error> {
        let record = self.read(key, deadline).await?;
        let expires_at = record.expires_at;
        let payload = self.open(key, record, purpose, deadline).await?;
        Ok(Value {
            payload: Arc::new(payload),
            expires_at,
        })
    }

    /// Refuses a secret that may be another one; `fields` are those that the caller names.
    fn check_binding(&self, secret: Secret, fields: &[&str]) -> Result<Secret, Error> {
        let checked = self.0.binding.check(secret.key(), secret.payload(), fields);
        checked.map_err(|cause| Error::new(Action::Get(secret.key().clone()), cause))?;
        Ok(secret)
    }

    async fn read(&self, key: &KeyName, deadline: Deadline) -> Result<SecretRecord, Error> {
        let call = GetSecret { key: key.clone() };
        self.0
            .session
            .call(&call, Action::Get(key.clone()), deadline)
            .await
    }

    /// Decrypts a record.
    async fn open(
        &self,
        key: &KeyName,
        record: SecretRecord,
        purpose: Purpose,
        deadline: Deadline,
    ) -> Result<Payload, Error> {
        let failed = |error| Error::new(Action::Get(key.clone()), Cause::Crypto(error));
        let envelope = Envelope::decode_in_place(record.value, &record.nonce).map_err(failed)?;
        let plaintext = self
            .0
            .open_envelope(key, envelope, purpose, deadline)
            .await?;
        Payload::parse(plaintext, key.as_str()).map_err(failed)
    }

    /// Encrypts a payload; refuses one that could be written but not read back.
    fn seal(&self, action: &Action, plaintext: &[u8]) -> Result<Sealed, Error> {
        let envelope = self.0.org_keys.current().org_key().seal(plaintext);
        let envelope = envelope.map_err(|error| Error::new(action.clone(), error))?;
        let sealed = Sealed {
            value: envelope.encode_value(),
            nonce: envelope.encode_nonce(),
        };
        let (length, limit) = (sealed.value.len(), self.0.session.limits.secret);
        if length + RECORD_OVERHEAD > limit {
            return Err(Error::new(
                action.clone(),
                Cause::TooLarge { length, limit },
            ));
        }
        Ok(sealed)
    }

    async fn update_within(
        &self,
        key: KeyName,
        plaintext: &[u8],
        expires_at: Expiry,
        deadline: Deadline,
    ) -> Result<SecretMetadata, Error> {
        let asked_expiry = expires_at.time();
        let sent = self.send_update(key.clone(), plaintext, expires_at, deadline);
        self.write(&key, plaintext, asked_expiry, sent).await
    }

    async fn send_update(
        &self,
        key: KeyName,
        plaintext: &[u8],
        expires_at: Expiry,
        deadline: Deadline,
    ) -> Result<SecretMetadata, Error> {
        let action = Action::Update(key.clone());
        let Sealed { value, nonce } = self.seal(&action, plaintext)?;
        let update = SecretUpdate {
            value,
            nonce,
            expires_at,
        };
        let call = UpdateSecret {
            key: key.clone(),
            update,
        };
        let answer = self.0.session.call(&call, action, deadline).await?;
        Ok(SecretMetadata::written(
            key,
            None,
            answer.updated_at,
            answer.expires_at,
        ))
    }

    async fn put_within(
        &self,
        key: &KeyName,
        plaintext: &[u8],
        expiry: Expiry,
        deadline: Deadline,
    ) -> Result<SecretMetadata, Error> {
        let update = || self.update_within(key.clone(), plaintext, expiry, deadline);
        match update().await {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            outcome => return outcome,
        }
        match self
            .create_within(key.clone(), plaintext, expiry.time(), deadline)
            .await
        {
            // Somebody created it between the two.
            Err(error) if error.kind() == ErrorKind::Conflict => update().await,
            outcome => outcome,
        }
    }
}

/// The two base64 texts of an envelope.
struct Sealed {
    value: String,
    nonce: String,
}

fn parse(key: &str) -> Result<KeyName, Error> {
    KeyName::parse(key).map_err(Error::config)
}
