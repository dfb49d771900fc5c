//! Writes of secrets.

use helvetisafe_proto::Version;

use super::AsyncSecrets;
use crate::bytes;
use crate::error::Error;
use crate::expiry::Expiry;
use crate::secret::{SecretMetadata, Written};
use crate::secret_text::SecretText;

impl AsyncSecrets<'_> {
    /// As [`Secrets::create`](crate::Secrets::create).
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let hour = Duration::from_secs(60 * 60);
    /// client.secrets().create("session_key", "s3cr3t-v@lue", hour).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::create`](crate::Secrets::create).
    pub async fn create(
        &self,
        key: impl AsRef<str> + Send,
        value: impl SecretText + Send,
        expiry: impl Into<Expiry> + Send,
    ) -> Result<SecretMetadata, Error> {
        self.0
            .begin()
            .create(key.as_ref(), value.expose_text(), expiry.into())
            .await
    }

    /// As [`Secrets::update`](crate::Secrets::update).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let written = client.secrets().update("db_password", "n3w-v@lue", None).await?;
    /// println!("expires: {:?}", written.expires_at());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::update`](crate::Secrets::update).
    pub async fn update(
        &self,
        key: impl AsRef<str> + Send,
        value: impl SecretText + Send,
        expiry: impl Into<Expiry> + Send,
    ) -> Result<SecretMetadata, Error> {
        self.0
            .begin()
            .update(key.as_ref(), value.expose_text(), expiry.into())
            .await
    }

    /// As [`Secrets::update_if_unchanged`](crate::Secrets::update_if_unchanged).
    ///
    /// ```no_run
    /// use helvetisafe::{ErrorKind, Expiry};
    ///
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let secrets = client.secrets();
    /// let written = loop {
    ///     let read = secrets.get("counter").await?;
    ///     let next = read.expose_secret().parse::<u64>().unwrap_or(0) + 1;
    ///     let next = next.to_string();
    ///     match secrets.update_if_unchanged("counter", read.version(), &next, Expiry::Keep).await {
    ///         Err(error) if error.kind() == ErrorKind::Changed => {}
    ///         outcome => break outcome?,
    ///     }
    /// };
    /// println!("{:?}", written.version());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::update_if_unchanged`](crate::Secrets::update_if_unchanged).
    pub async fn update_if_unchanged(
        &self,
        key: impl AsRef<str> + Send,
        version: Option<&Version>,
        value: impl SecretText + Send,
        expiry: impl Into<Expiry> + Send,
    ) -> Result<SecretMetadata, Error> {
        self.0
            .begin()
            .update_if_unchanged(key.as_ref(), version, value.expose_text(), expiry.into())
            .await
    }

    /// As [`Secrets::put`](crate::Secrets::put).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let written = client.secrets().put("db_password", "s3cr3t-v@lue", None).await?;
    /// println!("{}", if written.is_created() { "created" } else { "updated" });
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::put`](crate::Secrets::put).
    pub async fn put(
        &self,
        key: impl AsRef<str> + Send,
        value: impl SecretText + Send,
        expiry: impl Into<Expiry> + Send,
    ) -> Result<Written, Error> {
        self.0
            .begin()
            .put(key.as_ref(), value.expose_text(), expiry.into())
            .await
    }

    /// As [`Secrets::create_bytes`](crate::Secrets::create_bytes).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), Box<dyn std::error::Error>> {
    /// let keystore = std::fs::read("keystore.p12")?;
    /// client.secrets().create_bytes("keystore", &keystore, None).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::create`](crate::Secrets::create).
    pub async fn create_bytes(
        &self,
        key: impl AsRef<str> + Send,
        value: impl AsRef<[u8]> + Send,
        expiry: impl Into<Expiry> + Send,
    ) -> Result<SecretMetadata, Error> {
        let text = bytes::encode(value.as_ref());
        self.create(key, text, expiry).await
    }

    /// As [`Secrets::update_bytes`](crate::Secrets::update_bytes).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), Box<dyn std::error::Error>> {
    /// let keystore = std::fs::read("keystore.p12")?;
    /// client.secrets().update_bytes("keystore", &keystore, None).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::update`](crate::Secrets::update).
    pub async fn update_bytes(
        &self,
        key: impl AsRef<str> + Send,
        value: impl AsRef<[u8]> + Send,
        expiry: impl Into<Expiry> + Send,
    ) -> Result<SecretMetadata, Error> {
        let text = bytes::encode(value.as_ref());
        self.update(key, text, expiry).await
    }

    /// As [`Secrets::put_bytes`](crate::Secrets::put_bytes).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// client.secrets().put_bytes("signing_key", [0x00, 0xff, 0x10], None).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::put`](crate::Secrets::put).
    pub async fn put_bytes(
        &self,
        key: impl AsRef<str> + Send,
        value: impl AsRef<[u8]> + Send,
        expiry: impl Into<Expiry> + Send,
    ) -> Result<Written, Error> {
        let text = bytes::encode(value.as_ref());
        self.put(key, text, expiry).await
    }

    /// As [`Secrets::delete`](crate::Secrets::delete).
    ///
    /// ```no_run
    /// use helvetisafe::ErrorKind;
    ///
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// match client.secrets().delete("db_password").await {
    ///     Err(error) if error.kind() == ErrorKind::NotFound => println!("already deleted"),
    ///     result => result?,
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::delete`](crate::Secrets::delete).
    pub async fn delete(&self, key: impl AsRef<str> + Send) -> Result<(), Error> {
        self.0.begin().delete(key.as_ref()).await
    }
}
