//! Copies a secret to another name. The name is inside the envelope, so only a client can do that.

use helvetisafe_crypto::Plaintext;
use helvetisafe_proto::endpoint::Expiry;
use helvetisafe_proto::{KeyName, Version};
use jiff::Timestamp;

use super::fields::refuse_own_name;
use super::update::required;
use super::{Operation, parse};
use crate::error::Error;
use crate::runtime::Runtime;
use crate::secret::{SecretMetadata, Written};

impl<R: Runtime> Operation<'_, R> {
    pub(crate) async fn copy(&self, key: &str, new_key: &str) -> Result<SecretMetadata, Error> {
        let work = async {
            let (key, new_key) = (parse(key)?, parse(new_key)?);
            let (plaintext, expires_at) = self.read_as(key, &new_key).await?;
            self.create_payload(&new_key, &plaintext, expires_at).await
        };
        self.observed("secrets.copy", Some(key), work).await
    }

    pub(crate) async fn copy_over(&self, key: &str, new_key: &str) -> Result<Written, Error> {
        let work = async {
            let (key, new_key) = (parse(key)?, parse(new_key)?);
            let (plaintext, expires_at) = self.read_as(key, &new_key).await?;
            let expiry = expires_at.map_or(Expiry::Never, Expiry::At);
            self.put_payload(&new_key, &plaintext, expiry).await
        };
        self.observed("secrets.copy_over", Some(key), work).await
    }

    pub(crate) async fn copy_if_unchanged(
        &self,
        key: &str,
        new_key: &str,
        version: Option<&Version>,
    ) -> Result<SecretMetadata, Error> {
        let work = async {
            let (key, new_key) = (parse(key)?, parse(new_key)?);
            let version = required(version, &new_key)?;
            let (plaintext, expires_at) = self.read_as(key, &new_key).await?;
            let expiry = expires_at.map_or(Expiry::Never, Expiry::At);
            self.update_payload(&new_key, &plaintext, expiry, Some(version))
                .await
        };
        self.observed("secrets.copy_if_unchanged", Some(key), work)
            .await
    }

    /// Reads a secret and returns its plaintext for another name, and its expiry.
    async fn read_as(
        &self,
        key: KeyName,
        new_key: &KeyName,
    ) -> Result<(Plaintext, Option<Timestamp>), Error> {
        let secret = self.get_to_seal(key).await?;
        let names = secret.fields().iter().map(|field| field.name());
        refuse_own_name(new_key, names)?;
        let plaintext = secret.payload().encode_for(new_key.as_str());
        Ok((plaintext, secret.expires_at()))
    }
}
