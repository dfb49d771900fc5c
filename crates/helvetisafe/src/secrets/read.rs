//! Reads of secrets, and the watch of their changes.

use std::time::Duration;

use secrecy::{SecretSlice, SecretString};

use super::Secrets;
use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::load::{Load, LoadError, Requests, finish};
use crate::runtime::blocking::block;
use crate::secret::{Secret, SecretMetadata};
use crate::watch::Watch;

impl Secrets<'_> {
    /// Reads and decrypts a secret. Needs the scope `secrets:read`.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// let secret = client.secrets().get("db_password")?;
    /// println!("{} bytes", secret.expose_secret().len());
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is no such secret; [`ErrorKind::Crypto`] when it does not open, when
    /// it is not text, or when it may be another secret: see
    /// [`ClientBuilder::allow_unbound`](crate::ClientBuilder::allow_unbound) and
    /// [`ClientBuilder::require_binding`](crate::ClientBuilder::require_binding);
    /// [`ErrorKind::OrgKeyRefused`] when it does not open and the vault's org key has changed.
    pub fn get(&self, key: impl AsRef<str>) -> Result<Secret, Error> {
        block(self.0.begin().get(key.as_ref()))
    }

    /// Reads one field of a multi-field secret. Needs the scope `secrets:read`.
    ///
    /// This also reads a secret whose only field has the name of another key, which [`Self::get`] refuses by
    /// default, since the caller expects that field.
    ///
    /// ```no_run
    /// use helvetisafe::ExposeSecret;
    ///
    /// # let client = helvetisafe::Client::from_env()?;
    /// let password = client.secrets().get_field("DATABASE", "DB_PASS")?;
    /// println!("{} bytes", password.expose_secret().len());
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::get`]; [`ErrorKind::NotFound`], without a status, also when the secret has no such field, but
    /// [`ErrorKind::Crypto`] when its only field is another one with the name of a key.
    pub fn get_field(&self, key: impl AsRef<str>, field: &str) -> Result<SecretString, Error> {
        block(self.0.begin().get_field(key.as_ref(), field))
    }

    /// Reads a multi-field secret that is expected to have some of `fields`. A secret whose only field has the
    /// name of another key is accepted if that field is one of them. The secret need not have the fields.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// let secret = client.secrets().get_with_fields("DATABASE", &["DB_USER", "DB_PASS"])?;
    /// let user = secret.field("DB_USER").map(|field| field.expose_secret());
    /// # let _ = user;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::get`].
    pub fn get_with_fields(&self, key: impl AsRef<str>, fields: &[&str]) -> Result<Secret, Error> {
        block(self.0.begin().get_with_fields(key.as_ref(), fields))
    }

    /// Reads a secret whose value is base64, and decodes it. ASCII white space in it is ignored, such as the line
    /// breaks of the command `base64`. Needs the scope `secrets:read`.
    ///
    /// ```no_run
    /// use helvetisafe::ExposeSecret;
    ///
    /// # let client = helvetisafe::Client::from_env()?;
    /// let keystore = client.secrets().get_bytes("keystore")?;
    /// println!("{} bytes", keystore.expose_secret().len());
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::get`]; [`ErrorKind::Value`] when the value is not base64.
    pub fn get_bytes(&self, key: impl AsRef<str>) -> Result<SecretSlice<u8>, Error> {
        self.get(key)?.to_bytes()
    }

    /// Returns true if there is a secret of that name. Needs the scope `secrets:read`; decrypts nothing.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// if !client.secrets().exists("session_key")? {
    ///     client.secrets().create("session_key", "s3cr3t-v@lue", None)?;
    /// }
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of all operations.
    pub fn exists(&self, key: impl AsRef<str>) -> Result<bool, Error> {
        block(self.0.begin().exists(key.as_ref()))
    }

    /// Lists the names and times of all secrets, in the vault's order. Needs the scope `secrets:list`.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// for secret in client.secrets().list()? {
    ///     println!("{}, changed {:?}", secret.key(), secret.updated_at());
    /// }
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of all operations.
    pub fn list(&self) -> Result<Vec<SecretMetadata>, Error> {
        block(self.0.begin().list())
    }

    /// Reads many secrets into typed values, several at once: see [`load`](crate::load).
    ///
    /// ```no_run
    /// use helvetisafe::load;
    ///
    /// # let client = helvetisafe::Client::from_env()?;
    /// let (host, port, password) = client.secrets().load((
    ///     load::text("db_host"),
    ///     load::parse::<u16>("db_port").or(5432),
    ///     load::secret("db_password"),
    /// ))?;
    /// # let _ = (host, port, password);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`LoadError`] with every problem: the error of each secret that cannot be read, and each value that is not
    /// of the requested type.
    pub fn load<L: Load>(&self, values: L) -> Result<L::Output, LoadError> {
        let requests = Requests::of(&values);
        let outcomes = self.get_many_with_fields(&requests.list());
        finish(values, requests, outcomes)
    }

    pub(crate) fn get_many_with_fields(
        &self,
        requests: &[(&str, Vec<&str>)],
    ) -> Vec<Result<Secret, Error>> {
        block(self.0.get_many_with_fields(requests))
    }

    /// Drops the cached value of this key, so that the next read goes to the vault. Without a cache it does
    /// nothing.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// client.secrets().invalidate("db_password");
    /// let current = client.secrets().get("db_password")?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn invalidate(&self, key: impl AsRef<str>) {
        self.0.invalidate(key.as_ref());
    }

    /// Drops all cached values.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// client.secrets().invalidate_all();
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn invalidate_all(&self) {
        self.0.invalidate_all();
    }

    /// Watches some secrets for changes by polling every `interval`, at least 100 ms, a tenth more or less. A poll
    /// requests the list if the account may list, otherwise it reads each secret, and every tenth poll tries the
    /// list again.
    ///
    /// [`Watch::cancel_token`] closes it from another thread; a token of [`Self::cancelled_by`] does so too.
    ///
    /// The first `next` polls at once, and later changes are reported. Of several changes between two polls, only
    /// the result is reported; duplicate keys are reported once. A poll after a failed one waits for the interval
    /// too.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// use std::time::Duration;
    ///
    /// for change in client.secrets().watch(&["db_password"], Duration::from_secs(30))? {
    ///     match change {
    ///         Ok(change) => println!("{}: {:?}", change.key(), change.kind()),
    ///         Err(error) if error.is_retryable() => eprintln!("{error}"),
    ///         Err(error) => return Err(error),
    ///     }
    /// }
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when a name is invalid.
    pub fn watch(
        &self,
        keys: impl IntoIterator<Item = impl AsRef<str>>,
        interval: Duration,
    ) -> Result<Watch, Error> {
        let keys: Vec<_> = keys.into_iter().collect();
        let keys: Vec<_> = keys.iter().map(AsRef::as_ref).collect();
        Watch::new(self.0, &keys, interval)
    }
}
