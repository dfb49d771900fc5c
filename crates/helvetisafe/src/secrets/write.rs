//! Writes of secrets.

use helvetisafe_proto::Version;

use super::Secrets;
use crate::bytes;
use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::expiry::Expiry;
use crate::runtime::blocking::block;
#[cfg(doc)]
use crate::secret::Secret;
use crate::secret::{SecretMetadata, Written};
use crate::secret_text::SecretText;

impl Secrets<'_> {
    /// Encrypts and stores a new secret. Without an `expiry` it never expires: see [`Expiry`]. Needs the scope
    /// `secrets:write`.
    ///
    /// The secret is created once: when the answer is lost, it is read back, and its nonce shows if it is the
    /// one that was sent.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// use std::time::Duration;
    ///
    /// let hour = Duration::from_secs(60 * 60);
    /// client.secrets().create("session_key", "s3cr3t-v@lue", hour)?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`] when the name exists; [`ErrorKind::Ambiguous`] when the answer was lost and the
    /// secret cannot be read back; [`ErrorKind::Config`] when the value is too large to be read back.
    pub fn create(
        &self,
        key: impl AsRef<str>,
        value: impl SecretText,
        expiry: impl Into<Expiry>,
    ) -> Result<SecretMetadata, Error> {
        block(
            self.0
                .begin()
                .create(key.as_ref(), value.expose_text(), expiry.into()),
        )
    }

    /// Encrypts and stores a new value for an existing secret. With `None` as the `expiry` the secret keeps its
    /// expiry. Needs the scope `secrets:write`.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// let written = client.secrets().update("db_password", "n3w-v@lue", None)?;
    /// println!("expires: {:?}", written.expires_at());
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is no such secret; [`ErrorKind::Ambiguous`] when the answer was lost
    /// every time; [`ErrorKind::Config`] when the value is too large to be read back.
    pub fn update(
        &self,
        key: impl AsRef<str>,
        value: impl SecretText,
        expiry: impl Into<Expiry>,
    ) -> Result<SecretMetadata, Error> {
        block(
            self.0
                .begin()
                .update(key.as_ref(), value.expose_text(), expiry.into()),
        )
    }

    /// Encrypts and stores a new value for an existing secret that still has this version: the one of the
    /// [`Secret`] or the [`SecretMetadata`] from which the new value was made. Otherwise nothing is written. Needs
    /// the scope `secrets:write`, and `secrets:read` to find out about a lost answer.
    ///
    /// The vault of this project gives versions. With `None`, as for a secret of another vault, the call fails and
    /// sends nothing: there, only [`Self::update`] can write, and of concurrent updates the later one wins.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// use helvetisafe::{ErrorKind, Expiry};
    ///
    /// let secrets = client.secrets();
    /// let written = loop {
    ///     let read = secrets.get("counter")?;
    ///     let next = read.expose_secret().parse::<u64>().unwrap_or(0) + 1;
    ///     let next = next.to_string();
    ///     match secrets.update_if_unchanged("counter", read.version(), &next, Expiry::Keep) {
    ///         Err(error) if error.kind() == ErrorKind::Changed => {}
    ///         outcome => break outcome?,
    ///     }
    /// };
    /// println!("{:?}", written.version());
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::update`]; [`ErrorKind::Changed`] when the secret has another version;
    /// [`ErrorKind::Unsupported`] without a version; [`ErrorKind::Ambiguous`] also when the answer was lost and
    /// another client wrote afterwards.
    pub fn update_if_unchanged(
        &self,
        key: impl AsRef<str>,
        version: Option<&Version>,
        value: impl SecretText,
        expiry: impl Into<Expiry>,
    ) -> Result<SecretMetadata, Error> {
        let operation = self.0.begin();
        let value = value.expose_text();
        block(operation.update_if_unchanged(key.as_ref(), version, value, expiry.into()))
    }

    /// Creates the secret, or updates it if it exists. With `None` as the `expiry` an existing secret keeps its expiry.
    /// Needs the scope `secrets:write`.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// let written = client.secrets().put("db_password", "s3cr3t-v@lue", None)?;
    /// println!("{}", if written.is_created() { "created" } else { "updated" });
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::create`] and [`Self::update`]; [`ErrorKind::Conflict`] only when other clients create and
    /// delete the same name meanwhile.
    pub fn put(
        &self,
        key: impl AsRef<str>,
        value: impl SecretText,
        expiry: impl Into<Expiry>,
    ) -> Result<Written, Error> {
        block(
            self.0
                .begin()
                .put(key.as_ref(), value.expose_text(), expiry.into()),
        )
    }

    /// Encrypts and stores bytes as a new secret, such as a keystore: as [`Self::create`] of their base64.
    ///
    /// The value is text: base64 with the standard alphabet and padding, in one line (RFC 4648 section 4). Other
    /// clients read that text; [`Self::get_bytes`] decodes it. At most about 1.1 MB fit into one secret by default.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// let keystore = std::fs::read("keystore.p12")?;
    /// client.secrets().create_bytes("keystore", &keystore, None)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::create`].
    pub fn create_bytes(
        &self,
        key: impl AsRef<str>,
        value: impl AsRef<[u8]>,
        expiry: impl Into<Expiry>,
    ) -> Result<SecretMetadata, Error> {
        self.create(key, bytes::encode(value.as_ref()), expiry)
    }

    /// Encrypts and stores bytes in place of the value of an existing secret: as [`Self::update`] of their base64.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// let keystore = std::fs::read("keystore.p12")?;
    /// client.secrets().update_bytes("keystore", &keystore, None)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::update`].
    pub fn update_bytes(
        &self,
        key: impl AsRef<str>,
        value: impl AsRef<[u8]>,
        expiry: impl Into<Expiry>,
    ) -> Result<SecretMetadata, Error> {
        self.update(key, bytes::encode(value.as_ref()), expiry)
    }

    /// Creates or updates a secret whose value is bytes: as [`Self::put`] of their base64, which
    /// [`Self::create_bytes`] describes.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// client.secrets().put_bytes("signing_key", [0x00, 0xff, 0x10], None)?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::put`].
    pub fn put_bytes(
        &self,
        key: impl AsRef<str>,
        value: impl AsRef<[u8]>,
        expiry: impl Into<Expiry>,
    ) -> Result<Written, Error> {
        self.put(key, bytes::encode(value.as_ref()), expiry)
    }

    /// Deletes a secret. Needs the scope `secrets:delete`.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// use helvetisafe::ErrorKind;
    ///
    /// match client.secrets().delete("db_password") {
    ///     Err(error) if error.kind() == ErrorKind::NotFound => println!("already deleted"),
    ///     result => result?,
    /// }
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is no such secret; [`ErrorKind::Ambiguous`] when the answer was lost
    /// every time.
    pub fn delete(&self, key: impl AsRef<str>) -> Result<(), Error> {
        block(self.0.begin().delete(key.as_ref()))
    }
}
