//! Writes a new value for a secret, and creates the secret if there is none.

use helvetisafe_crypto::Payload;
use helvetisafe_proto::endpoint::{self, SecretUpdate, UpdateSecret, UpdatedSecret};
use helvetisafe_proto::{KeyName, ListedKey, Version};

use super::seal::Sealed;
use super::{Operation, parse_beside};
use crate::api::ReadBack;
use crate::error::{Action, Cause, Error, ErrorKind};
use crate::expiry::Expiry;
use crate::runtime::{Boxed, Runtime};
use crate::secret::{SecretMetadata, Written};

impl<R: Runtime> Operation<'_, R> {
    pub(crate) async fn update(
        &self,
        key: &str,
        value: &str,
        expiry: Expiry,
    ) -> Result<SecretMetadata, Error> {
        let work = async {
            let key = parse_beside(key, value)?;
            let plaintext = Payload::encode(key.as_str(), value);
            let expiry = self.expiry(expiry);
            self.update_payload(&key, &plaintext, expiry, None).await
        };
        self.observed("secrets.update", Some(key), work).await
    }

    pub(crate) async fn update_if_unchanged(
        &self,
        key: &str,
        version: Option<&Version>,
        value: &str,
        expiry: Expiry,
    ) -> Result<SecretMetadata, Error> {
        let work = async {
            let key = parse_beside(key, value)?;
            let version = required(version, &key)?;
            let plaintext = Payload::encode(key.as_str(), value);
            let expiry = self.expiry(expiry);
            self.update_payload(&key, &plaintext, expiry, Some(version))
                .await
        };
        self.observed("secrets.update_if_unchanged", Some(key), work)
            .await
    }

    pub(crate) async fn put(
        &self,
        key: &str,
        value: &str,
        expiry: Expiry,
    ) -> Result<Written, Error> {
        let work = async {
            let key = parse_beside(key, value)?;
            let plaintext = Payload::encode(key.as_str(), value);
            let expiry = self.expiry(expiry);
            self.put_payload(&key, &plaintext, expiry).await
        };
        self.observed("secrets.put", Some(key), work).await
    }

    /// Updates a secret; with `if_match` only if it has this version.
    pub(super) async fn update_payload(
        &self,
        key: &KeyName,
        plaintext: &[u8],
        expiry: endpoint::Expiry,
        if_match: Option<&Version>,
    ) -> Result<SecretMetadata, Error> {
        let send = || self.send_update(key.clone(), plaintext, expiry, if_match);
        let action = Action::Update(key.clone());
        let sent = self.send_sealed(&action, send);
        self.write(key, plaintext, expiry.time(), sent).await
    }

    async fn send_update(
        &self,
        key: KeyName,
        plaintext: &[u8],
        expires_at: endpoint::Expiry,
        if_match: Option<&Version>,
    ) -> Result<SecretMetadata, Error> {
        let action = Action::Update(key.clone());
        self.check_expiry(&action, expires_at.time())?;
        let sealed = self.seal(&action, plaintext).await?;
        let Sealed {
            value,
            nonce,
            key_epoch,
        } = sealed;
        let update = SecretUpdate {
            value,
            nonce,
            expires_at,
            key_epoch,
        };
        let call = UpdateSecret {
            key: key.clone(),
            update,
            if_match: if_match.cloned(),
        };
        let read_back = || -> Boxed<'_, _> { Box::pin(self.read_back_update(&call)) };
        let api = &self.vault.api;
        let answer = api.call_with_read_back(&call, action, &self.bounds, read_back);
        let answer = answer.await?;
        let key = ListedKey::Valid(key);
        let updated_at = self.known_time(&key, "updated_at", answer.updated_at);
        let expires_at = self.known_time(&key, "expires_at", answer.expires_at);
        let version = answer.version;
        Ok(SecretMetadata::new(
            key, None, updated_at, expires_at, version,
        ))
    }

    /// Finds out if an update with a condition was made, since its repetition would not meet the condition. If
    /// another client wrote later, or deleted the secret, that cannot be known.
    async fn read_back_update(&self, sent: &UpdateSecret) -> ReadBack<UpdatedSecret> {
        match self.read(&sent.key).await {
            Ok(record) if record.nonce == sent.update.nonce => ReadBack::Done(UpdatedSecret {
                key: record.key.into(),
                updated_at: record.updated_at,
                expires_at: record.expires_at,
                version: record.version,
                key_epoch: record.key_epoch,
            }),
            Ok(record) if record.version == sent.if_match => ReadBack::Absent,
            _ => ReadBack::Unknown,
        }
    }

    pub(super) async fn put_payload(
        &self,
        key: &KeyName,
        plaintext: &[u8],
        expiry: endpoint::Expiry,
    ) -> Result<Written, Error> {
        let update = || self.update_payload(key, plaintext, expiry, None);
        match update().await {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            outcome => return outcome.map(Written::Updated),
        }
        match self.create_payload(key, plaintext, expiry.time()).await {
            // Another client created it in between.
            Err(error) if error.kind() == ErrorKind::Conflict => {
                update().await.map(Written::Updated)
            }
            outcome => outcome.map(Written::Created),
        }
    }
}

/// Returns the version of a secret for a write with a condition. Fails without one.
pub(super) fn required<'v>(
    version: Option<&'v Version>,
    key: &KeyName,
) -> Result<&'v Version, Error> {
    version.ok_or_else(|| Error::new(Action::Update(key.clone()), Cause::NoVersion))
}
