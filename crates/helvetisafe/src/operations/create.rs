//! Creates a secret at most once. If an answer is lost, the secret is read back, and the request is repeated only if
//! there is no such secret.

use helvetisafe_crypto::Payload;
use helvetisafe_proto::endpoint::{CreateSecret, CreatedSecret, NewSecret};
use helvetisafe_proto::{KeyName, ListedKey, Time};
use jiff::Timestamp;

use super::seal::Sealed;
use super::{Operation, parse_beside};
use crate::api::ReadBack;
use crate::error::{Action, Error, ErrorKind};
use crate::expiry::Expiry;
use crate::runtime::{Boxed, Runtime};
use crate::secret::SecretMetadata;

impl<R: Runtime> Operation<'_, R> {
    pub(crate) async fn create(
        &self,
        key: &str,
        value: &str,
        expiry: Expiry,
    ) -> Result<SecretMetadata, Error> {
        let work = async {
            let key = parse_beside(key, value)?;
            let plaintext = Payload::encode(key.as_str(), value);
            let expires_at = self.expiry(expiry).time();
            self.create_payload(&key, &plaintext, expires_at).await
        };
        self.observed("secrets.create", Some(key), work).await
    }

    pub(super) async fn create_payload(
        &self,
        key: &KeyName,
        plaintext: &[u8],
        expires_at: Option<Timestamp>,
    ) -> Result<SecretMetadata, Error> {
        let send = || self.send_create(key.clone(), plaintext, expires_at);
        let action = Action::Create(key.clone());
        let sent = self.send_sealed(&action, send);
        self.write(key, plaintext, expires_at, sent).await
    }

    async fn send_create(
        &self,
        key: KeyName,
        plaintext: &[u8],
        expires_at: Option<Timestamp>,
    ) -> Result<SecretMetadata, Error> {
        let action = Action::Create(key.clone());
        self.check_expiry(&action, expires_at)?;
        let sealed = self.seal(&action, plaintext).await?;
        let Sealed {
            value,
            nonce,
            key_epoch,
        } = sealed;
        let secret = NewSecret {
            key: key.clone(),
            value,
            nonce,
            expires_at,
            key_epoch,
        };
        let call = CreateSecret { secret };
        let read_back = || -> Boxed<'_, _> { Box::pin(self.read_back(&call.secret)) };
        let api = &self.vault.api;
        let answer = api.call_with_read_back(&call, action, &self.bounds, read_back);
        let answer = answer.await?;
        let key = ListedKey::Valid(key);
        let created_at = self.known_time(&key, "created_at", answer.created_at);
        let expires_at = self.known_time(&key, "expires_at", answer.expires_at);
        let version = answer.version;
        Ok(SecretMetadata::new(
            key, created_at, None, expires_at, version,
        ))
    }

    /// Finds out if the secret was created. Its nonce distinguishes it from the secret of another client.
    async fn read_back(&self, sent: &NewSecret) -> ReadBack<CreatedSecret> {
        match self.read(&sent.key).await {
            Ok(record) if record.nonce == sent.nonce => ReadBack::Done(CreatedSecret {
                key: record.key.into(),
                created_at: Time::Absent,
                expires_at: record.expires_at,
                version: record.version,
                key_epoch: record.key_epoch,
            }),
            // A rotation has sealed each secret again, so the nonce decides nothing.
            Ok(record) if record.key_epoch > sent.key_epoch => ReadBack::Unknown,
            Ok(_) => ReadBack::Taken,
            Err(error) if error.kind() == ErrorKind::NotFound => ReadBack::Absent,
            Err(_) => ReadBack::Unknown,
        }
    }
}
