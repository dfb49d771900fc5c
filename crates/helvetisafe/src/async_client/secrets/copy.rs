//! Copies of secrets under another name.

use helvetisafe_proto::Version;

use super::AsyncSecrets;
use crate::error::Error;
use crate::secret::{SecretMetadata, Written};

impl AsyncSecrets<'_> {
    /// As [`Secrets::copy`](crate::Secrets::copy).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// client.secrets().copy("db_pasword", "db_password").await?;
    /// client.secrets().delete("db_pasword").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::copy`](crate::Secrets::copy).
    pub async fn copy(
        &self,
        key: impl AsRef<str> + Send,
        new_key: impl AsRef<str> + Send,
    ) -> Result<SecretMetadata, Error> {
        self.0.begin().copy(key.as_ref(), new_key.as_ref()).await
    }

    /// As [`Secrets::copy_over`](crate::Secrets::copy_over).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let written = client.secrets().copy_over("db_password", "db_password_backup").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::copy_over`](crate::Secrets::copy_over).
    pub async fn copy_over(
        &self,
        key: impl AsRef<str> + Send,
        new_key: impl AsRef<str> + Send,
    ) -> Result<Written, Error> {
        self.0
            .begin()
            .copy_over(key.as_ref(), new_key.as_ref())
            .await
    }

    /// As [`Secrets::copy_if_unchanged`](crate::Secrets::copy_if_unchanged).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let secrets = client.secrets();
    /// let old = secrets.get("db_password_backup").await?;
    /// secrets.copy_if_unchanged("db_password", "db_password_backup", old.version()).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::copy_if_unchanged`](crate::Secrets::copy_if_unchanged).
    pub async fn copy_if_unchanged(
        &self,
        key: impl AsRef<str> + Send,
        new_key: impl AsRef<str> + Send,
        version: Option<&Version>,
    ) -> Result<SecretMetadata, Error> {
        self.0
            .begin()
            .copy_if_unchanged(key.as_ref(), new_key.as_ref(), version)
            .await
    }
}
