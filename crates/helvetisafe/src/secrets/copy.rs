//! Copies of secrets under another name.

use helvetisafe_proto::Version;

use super::Secrets;
use crate::error::Error;
use crate::runtime::blocking::block;
use crate::secret::{SecretMetadata, Written};

impl Secrets<'_> {
    /// Reads a secret and creates a new one, `new_key`, with the same value and expiry. Needs the scopes
    /// `secrets:read` and `secrets:write`.
    ///
    /// A single value or legacy text becomes a single value that names `new_key`; the JSON text of a multi-field
    /// secret is copied byte for byte.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// client.secrets().copy("db_pasword", "db_password")?;
    /// client.secrets().delete("db_pasword")?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::get`] of `key` and [`Self::create`] of `new_key`;
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) also when a field of the secret is named
    /// `new_key`, since it would then be read as a single value.
    pub fn copy(
        &self,
        key: impl AsRef<str>,
        new_key: impl AsRef<str>,
    ) -> Result<SecretMetadata, Error> {
        block(self.0.begin().copy(key.as_ref(), new_key.as_ref()))
    }

    /// Copies like [`Self::copy`], and replaces `new_key` with its expiry if it exists.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// let written = client.secrets().copy_over("db_password", "db_password_backup")?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::copy`] and [`Self::update`]; [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) only when
    /// other clients create and delete the same name meanwhile.
    pub fn copy_over(
        &self,
        key: impl AsRef<str>,
        new_key: impl AsRef<str>,
    ) -> Result<Written, Error> {
        block(self.0.begin().copy_over(key.as_ref(), new_key.as_ref()))
    }

    /// Copies like [`Self::copy`] over the existing secret `new_key`, but only if that still has this version. The
    /// version is as in [`Self::update_if_unchanged`].
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// let secrets = client.secrets();
    /// let old = secrets.get("db_password_backup")?;
    /// secrets.copy_if_unchanged("db_password", "db_password_backup", old.version())?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::copy`] and [`Self::update_if_unchanged`] of `new_key`.
    pub fn copy_if_unchanged(
        &self,
        key: impl AsRef<str>,
        new_key: impl AsRef<str>,
        version: Option<&Version>,
    ) -> Result<SecretMetadata, Error> {
        let operation = self.0.begin();
        block(operation.copy_if_unchanged(key.as_ref(), new_key.as_ref(), version))
    }
}
