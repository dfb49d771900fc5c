mod metadata;

use std::fmt;

use helvetisafe_crypto::{Field, Payload, PayloadKind};
use helvetisafe_proto::{KeyName, Version};
use jiff::Timestamp;
use secrecy::{SecretSlice, SecretString};

use crate::bytes;
use crate::cache::{Freshness, Value};
use crate::error::{Action, Cause, Error};

pub use metadata::{SecretMetadata, Written};

/// A decrypted secret. Its value is wiped on drop, and `Debug` does not show it. A clone is cheap and shares the
/// value, which is wiped with the last clone, and with the cache's entry.
///
/// ```no_run
/// # let client = helvetisafe::Client::from_env()?;
/// let secret = client.secrets().get("db_password")?;
/// println!("{}: {} bytes", secret.key(), secret.expose_secret().len());
/// println!("written {:?}, expires {:?}", secret.updated_at(), secret.expires_at());
/// if !secret.is_bound() && !secret.is_multi_field() {
///     eprintln!("an old value that does not name its key");
/// }
/// # Ok::<(), helvetisafe::Error>(())
/// ```
#[derive(Clone)]
pub struct Secret {
    key: KeyName,
    value: Value,
    freshness: Freshness,
}

impl Secret {
    pub(crate) fn new(key: KeyName, value: Value, freshness: Freshness) -> Self {
        Self {
            key,
            value,
            freshness,
        }
    }

    pub(crate) fn payload(&self) -> &Payload {
        &self.value.payload
    }

    /// Returns the requested name.
    #[must_use]
    pub fn key(&self) -> &KeyName {
        &self.key
    }

    /// Returns the value; for a multi-field secret the JSON text as stored. A value that another client stored as a
    /// number or other JSON is its JSON text too.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// let secret = client.secrets().get("db_password")?;
    /// println!("{} bytes", secret.expose_secret().len());
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        self.value.payload.expose_secret()
    }

    /// Returns a copy of the value that is wiped on drop, and drops the secret.
    ///
    /// ```no_run
    /// use helvetisafe::SecretString;
    ///
    /// # let client = helvetisafe::Client::from_env()?;
    /// let password: SecretString = client.secrets().get("db_password")?.into_secret_string();
    /// # let _ = password;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[must_use]
    pub fn into_secret_string(self) -> SecretString {
        self.expose_secret().into()
    }

    /// Returns the bytes that the value holds as base64: see
    /// [`Secrets::put_bytes`](crate::Secrets::put_bytes).
    ///
    /// ```no_run
    /// use helvetisafe::ExposeSecret;
    ///
    /// # let client = helvetisafe::Client::from_env()?;
    /// let keystore = client.secrets().get("keystore")?.to_bytes()?;
    /// println!("{} bytes", keystore.expose_secret().len());
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Value`](crate::ErrorKind::Value) when the value is not base64.
    pub fn to_bytes(&self) -> Result<SecretSlice<u8>, Error> {
        bytes::decode(self.expose_secret()).ok_or_else(|| self.failed(Cause::NotBase64(None)))
    }

    /// Returns the bytes that the field `name` holds as base64.
    ///
    /// ```no_run
    /// use helvetisafe::ExposeSecret;
    ///
    /// # let client = helvetisafe::Client::from_env()?;
    /// let keystore = client.secrets().get("signing")?.field_to_bytes("keystore")?;
    /// println!("{} bytes", keystore.expose_secret().len());
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) when there is no such field;
    /// [`ErrorKind::Value`](crate::ErrorKind::Value) when it is not base64.
    pub fn field_to_bytes(&self, name: &str) -> Result<SecretSlice<u8>, Error> {
        let field = self.expect_field(name)?;
        bytes::decode(field.expose_secret())
            .ok_or_else(|| self.failed(Cause::NotBase64(Some(name.to_owned()))))
    }

    /// Returns the field `name`, or an error of the kind `NotFound`.
    pub(crate) fn expect_field(&self, name: &str) -> Result<&Field, Error> {
        let absent = || self.failed(Cause::NoSuchField(name.to_owned()));
        self.field(name).ok_or_else(absent)
    }

    /// Returns a copy of the text of the field `name`, or an error of the kind `NotFound`.
    pub(crate) fn field_text(&self, name: &str) -> Result<SecretString, Error> {
        let field = self.expect_field(name)?;
        Ok(field.expose_secret().into())
    }

    fn failed(&self, cause: Cause) -> Error {
        Error::new(Action::Get(self.key.clone()), cause)
    }

    /// Returns the fields of a multi-field secret, in the order they are stored; none for any other secret.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// for field in client.secrets().get("SMTP")?.fields() {
    ///     println!("{}: {} bytes", field.name(), field.expose_secret().len());
    /// }
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        self.value.payload.fields()
    }

    /// Returns the field `name` of a multi-field secret.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// let smtp = client.secrets().get("SMTP")?;
    /// if let Some(port) = smtp.field("port") {
    ///     println!("port {}", port.expose_secret());
    /// }
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields().iter().find(|field| field.name() == name)
    }

    /// Returns the names of further members that are stored beside a single value, as in
    /// `{"<key>": "v", "user": "u"}`. No method returns their values, and a write of the value drops them.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// let secret = client.secrets().get("db_password")?;
    /// let is_safe_to_replace = !secret.is_multi_field() && secret.other_names().next().is_none();
    /// # let _ = is_safe_to_replace;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn other_names(&self) -> impl Iterator<Item = &str> {
        self.value.payload.other_names()
    }

    /// Returns true if the encrypted content names the requested key, so that the vault cannot have handed out
    /// another secret in its place. Multi-field secrets and legacy plain text name no key, and are not bound,
    /// nor is a payload with further members besides its key.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.value.payload.is_bound()
    }

    /// Returns true if the secret has fields instead of a single value; `{}` has no fields.
    #[must_use]
    pub fn is_multi_field(&self) -> bool {
        self.value.payload.kind() == PayloadKind::MultiField
    }

    /// Returns the expiry. It is not encrypted: the vault chooses it.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.value.expires_at
    }

    /// Returns the time of the last write, if the vault names it.
    #[must_use]
    pub fn updated_at(&self) -> Option<Timestamp> {
        self.value.updated_at
    }

    /// Returns the version, if the vault gives versions: see
    /// [`Secrets::update_if_unchanged`](crate::Secrets::update_if_unchanged). A value from the client's cache has
    /// the version that it had when it was read.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// let secrets = client.secrets();
    /// let read = secrets.get("db_password")?;
    /// secrets.update_if_unchanged("db_password", read.version(), "n3w-v@lue", None)?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[must_use]
    pub fn version(&self) -> Option<&Version> {
        self.value.version.as_ref()
    }

    /// Returns the origin of the value: the vault, or the client's cache with the age of the value. Without a
    /// cache it is always [`Freshness::Fresh`].
    ///
    /// ```no_run
    /// use helvetisafe::Freshness;
    ///
    /// # let client = helvetisafe::Client::from_env()?;
    /// let secret = client.secrets().get("db_password")?;
    /// if let Freshness::Stale { age, error, .. } = secret.freshness() {
    ///     eprintln!("the value is {} s old: {error}", age.as_secs());
    /// }
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[must_use]
    pub fn freshness(&self) -> &Freshness {
        &self.freshness
    }
}

impl From<Secret> for SecretString {
    fn from(secret: Secret) -> Self {
        secret.into_secret_string()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret")
            .field("key", &self.key)
            .field("expires_at", &self.value.expires_at)
            .field("updated_at", &self.value.updated_at)
            .field("version", &self.value.version)
            .field("freshness", &self.freshness)
            .finish_non_exhaustive()
    }
}
