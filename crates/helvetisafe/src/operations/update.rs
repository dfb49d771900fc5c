//! Writes a new value for a secret, and creates the secret if there is none.

use helvetisafe_crypto::Payload;
use helvetisafe_proto::KeyName;
use helvetisafe_proto::endpoint::{Expiry, SecretUpdate, UpdateSecret};
use jiff::Timestamp;

use super::{Operation, parse};
use crate::error::{Action, Cause, Error, ErrorKind};
use crate::runtime::Runtime;
use crate::secret::SecretMetadata;

/// A bound for everything in an answer with a secret except the ciphertext.
const RECORD_OVERHEAD: usize = 1024;

/// An envelope in base64.
pub(super) struct Sealed {
    pub(super) value: String,
    pub(super) nonce: String,
}

impl<R: Runtime> Operation<'_, R> {
    pub(crate) async fn update(
        &self,
        key: &str,
        value: &str,
        expiry: Expiry,
    ) -> Result<SecretMetadata, Error> {
        let key = parse(key)?;
        let plaintext = Payload::encode(key.as_str(), value);
        self.update_payload(&key, &plaintext, expiry).await
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
        self.put_payload(&key, &plaintext, expiry).await
    }

    pub(super) async fn update_payload(
        &self,
        key: &KeyName,
        plaintext: &[u8],
        expiry: Expiry,
    ) -> Result<SecretMetadata, Error> {
        let sent = self.send_update(key.clone(), plaintext, expiry);
        self.write(key, plaintext, expiry.time(), sent).await
    }

    async fn send_update(
        &self,
        key: KeyName,
        plaintext: &[u8],
        expires_at: Expiry,
    ) -> Result<SecretMetadata, Error> {
        let action = Action::Update(key.clone());
        let Sealed { value, nonce } = self.seal(&action, plaintext).await?;
        let update = SecretUpdate {
            value,
            nonce,
            expires_at,
        };
        let call = UpdateSecret {
            key: key.clone(),
            update,
        };
        let answer = self.vault.api.call(&call, action, self.deadline).await?;
        Ok(SecretMetadata::written(
            key,
            None,
            answer.updated_at,
            answer.expires_at,
        ))
    }

    pub(super) async fn put_payload(
        &self,
        key: &KeyName,
        plaintext: &[u8],
        expiry: Expiry,
    ) -> Result<SecretMetadata, Error> {
        let update = || self.update_payload(key, plaintext, expiry);
        match update().await {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            outcome => return outcome,
        }
        match self.create_payload(key, plaintext, expiry.time()).await {
            // Another client created it in between.
            Err(error) if error.kind() == ErrorKind::Conflict => update().await,
            outcome => outcome,
        }
    }

    /// Encrypts a payload. Refuses one that could be written but not read back.
    pub(super) async fn seal(&self, action: &Action, plaintext: &[u8]) -> Result<Sealed, Error> {
        let key = self.vault.sealing_key(action, self.deadline).await?;
        let envelope = key.org_key().seal(plaintext);
        let envelope = envelope.map_err(|error| Error::new(action.clone(), error))?;
        let sealed = Sealed {
            value: envelope.encode_value(),
            nonce: envelope.encode_nonce(),
        };
        let (length, limit) = (sealed.value.len(), self.vault.api.limits.secret);
        if length + RECORD_OVERHEAD > limit {
            let cause = Cause::TooLarge { length, limit };
            return Err(Error::new(action.clone(), cause));
        }
        Ok(sealed)
    }
}
