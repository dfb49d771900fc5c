use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use helvetisafe_crypto::FieldValue;
use helvetisafe_proto::Version;
use secrecy::{SecretSlice, SecretString};

use crate::bytes;
use crate::call_options::CallOptions;
use crate::cancel::CancelToken;
use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::expiry::Expiry;
use crate::load::{Load, LoadError, Requests, finish};
use crate::operations::Operations;
use crate::operations::fields::field_values;
use crate::put_item::PutItem;
use crate::runtime::blocking::block;
use crate::runtime::{Blocking, Boxed};
use crate::secret::{Secret, SecretMetadata, Written};
use crate::secret_text::SecretText;
use crate::vault::Vault;
use crate::watch::Watch;

/// The operations on secrets; from [`Client::secrets`](crate::Client::secrets).
///
/// Every operation has one deadline, including its access token, its waits and its repetitions. Names are 1
/// to 255 ASCII letters, digits and underscores; any other is refused with [`ErrorKind::Config`] before
/// anything is sent.
///
/// Besides the errors of each operation, all can fail with [`ErrorKind::Auth`],
/// [`ErrorKind::Forbidden`], [`ErrorKind::RateLimited`], [`ErrorKind::Api`] and
/// [`ErrorKind::Transport`].
#[derive(Clone, Copy)]
pub struct Secrets<'a>(Operations<'a, Blocking>);

impl<'a> Secrets<'a> {
    pub(crate) fn new(vault: &'a Arc<Vault<Blocking>>) -> Self {
        Self(Operations::new(vault))
    }

    /// Returns the same operations with one deadline for all of them together: `timeout` from now. Each also
    /// has its own timeout. Operations that begin after the deadline fail with [`ErrorKind::Transport`] and
    /// send nothing. A [`watch`](Self::watch) has `timeout` for each of its polls.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// use std::time::Duration;
    ///
    /// let keys = ["db_password", "api_key"];
    /// let found = client.secrets().within(Duration::from_secs(10)).get_many(&keys);
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[must_use]
    pub fn within(&self, timeout: Duration) -> Self {
        Self(self.0.within(timeout))
    }

    /// Returns the same operations with these options, in place of those of an earlier call: a timeout, a number of
    /// attempts, and reads past the cache.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// use helvetisafe::CallOptions;
    ///
    /// let once = CallOptions::new().attempts(1).bypass_cache();
    /// let secret = client.secrets().with(once).get("db_password")?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[must_use]
    pub fn with(&self, options: CallOptions) -> Self {
        Self(self.0.with(options))
    }

    /// Returns the same operations, which end with [`ErrorKind::Cancelled`] once `token` is cancelled: see
    /// [`CancelToken`].
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// use helvetisafe::CancelToken;
    ///
    /// let token = CancelToken::new();
    /// let secret = client.secrets().cancelled_by(&token).get("db_password")?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[must_use]
    pub fn cancelled_by(&self, token: &'a CancelToken) -> Self {
        Self(self.0.cancelled_by(token))
    }

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

    /// Encrypts and stores a new multi-field secret from names and values, in this order. Without an
    /// `expiry` it never expires. Needs the scope `secrets:write`.
    ///
    /// A value is a text, a number, a boolean, or any JSON: see [`FieldValue`]. A `&Field` of another secret keeps
    /// its type.
    ///
    /// ```
    /// use helvetisafe::FieldValue;
    ///
    /// # fn write(secrets: helvetisafe::Secrets<'_>) -> Result<(), Box<dyn std::error::Error>> {
    /// secrets.create_fields("api", &[("user", "app"), ("password", "s3cr3t")], None)?;
    ///
    /// let fields = [
    ///     ("host", FieldValue::from("smtp.example")),
    ///     ("port", 587.into()),
    ///     ("tags", FieldValue::json(r#"["a", "b"]"#)?),
    /// ];
    /// secrets.create_fields("smtp", &fields, None)?;
    ///
    /// let smtp = secrets.get("smtp")?;
    /// let copied: Vec<_> = smtp.fields().iter().map(|it| (it.name(), it)).collect();
    /// secrets.create_fields("smtp2", &copied, None)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::create`]; [`ErrorKind::Config`] also when a field has the name of the secret,
    /// since it would then be read as a single value.
    pub fn create_fields<'f, V: Clone + Into<FieldValue<'f>>>(
        &self,
        key: impl AsRef<str>,
        fields: &[(&str, V)],
        expiry: impl Into<Expiry>,
    ) -> Result<SecretMetadata, Error> {
        block(
            self.0
                .begin()
                .create_fields(key.as_ref(), &field_values(fields), expiry.into()),
        )
    }

    /// Encrypts and stores new fields for an existing secret, in place of its whole content; the values are those
    /// of [`Self::create_fields`]. Needs the scope `secrets:write`.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// let fields = [("user", "app"), ("password", "n3w-v@lue")];
    /// client.secrets().update_fields("smtp", &fields, None)?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::update`]; [`ErrorKind::Config`] also when a field has the name of the secret.
    pub fn update_fields<'f, V: Clone + Into<FieldValue<'f>>>(
        &self,
        key: impl AsRef<str>,
        fields: &[(&str, V)],
        expiry: impl Into<Expiry>,
    ) -> Result<SecretMetadata, Error> {
        block(
            self.0
                .begin()
                .update_fields(key.as_ref(), &field_values(fields), expiry.into()),
        )
    }

    /// Encrypts and stores new fields like [`Self::update_fields`], but only if the secret still has this version.
    /// The version is as in [`Self::update_if_unchanged`].
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// let secrets = client.secrets();
    /// let read = secrets.get("smtp")?;
    /// let used = read.fields().iter().filter(|it| it.name() != "unused");
    /// let used: Vec<_> = used.map(|it| (it.name(), it)).collect();
    /// secrets.update_fields_if_unchanged("smtp", read.version(), &used, None)?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::update_fields`] and [`Self::update_if_unchanged`].
    pub fn update_fields_if_unchanged<'f, V: Clone + Into<FieldValue<'f>>>(
        &self,
        key: impl AsRef<str>,
        version: Option<&Version>,
        fields: &[(&str, V)],
        expiry: impl Into<Expiry>,
    ) -> Result<SecretMetadata, Error> {
        let (operation, fields) = (self.0.begin(), field_values(fields));
        block(operation.update_fields_if_unchanged(key.as_ref(), version, &fields, expiry.into()))
    }

    /// Sets one field of a multi-field secret, to a value as in [`Self::create_fields`], and leaves the others
    /// unchanged; creates the secret with this one
    /// field if there is none. Needs the scopes `secrets:read` and `secrets:write`.
    ///
    /// It reads, changes and writes, and does so again if another client wrote in between, up to 16 times and
    /// within the time of the operation. A vault that gives no versions cannot check that: there, of two
    /// concurrent calls, the later one wins, and the field of the other may be lost. A secret whose only field
    /// is another one with the name of a key is refused as by [`Self::get`]: write all fields with
    /// [`Self::update_fields`], or accept it with
    /// [`ClientBuilder::allow_unbound`](crate::ClientBuilder::allow_unbound).
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// client.secrets().set_field("SMTP", "port", 587, None)?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::get`], [`Self::create`] and [`Self::update`]; [`ErrorKind::Changed`] or
    /// [`ErrorKind::Conflict`] when other clients were faster every time; [`ErrorKind::Conflict`] also when the
    /// secret is a single value; [`ErrorKind::Config`] when the field has no name, or that of the secret,
    /// since it would then be read as a single value.
    pub fn set_field<'f>(
        &self,
        key: impl AsRef<str>,
        field: &str,
        value: impl Into<FieldValue<'f>>,
        expiry: impl Into<Expiry>,
    ) -> Result<Written, Error> {
        block(
            self.0
                .begin()
                .set_field(key.as_ref(), field, value.into(), expiry.into()),
        )
    }

    /// Sets one field as [`Self::set_field`], but only of a secret that exists. Needs the scopes `secrets:read` and
    /// `secrets:write`.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// client.secrets().update_field("SMTP", "password", "s3cr3t-v@lue", None)?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::set_field`]; [`ErrorKind::NotFound`] when there is no such secret.
    pub fn update_field<'f>(
        &self,
        key: impl AsRef<str>,
        field: &str,
        value: impl Into<FieldValue<'f>>,
        expiry: impl Into<Expiry>,
    ) -> Result<SecretMetadata, Error> {
        let operation = self.0.begin();
        block(operation.update_field(key.as_ref(), field, value.into(), expiry.into()))
    }

    /// Reads and decrypts many secrets, up to [`ClientBuilder::concurrency`](crate::ClientBuilder::concurrency)
    /// at once. They share the access token and the connections; when the vault limits the rate of one, all
    /// wait.
    ///
    /// Returns one result for each key, in the order of the keys. Each key has the time of one operation, counted
    /// from its turn; [`Self::within`] bounds the time of all of them.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// let keys = ["db_password", "api_key"];
    /// for (key, secret) in keys.iter().zip(client.secrets().get_many(keys)) {
    ///     match secret {
    ///         Ok(secret) => println!("{key}: {} bytes", secret.expose_secret().len()),
    ///         Err(error) => eprintln!("{error}"),
    ///     }
    /// }
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn get_many(
        &self,
        keys: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Vec<Result<Secret, Error>> {
        self.get_many_with(keys, |_| ())
    }

    /// Reads like [`Self::get_many`], and calls `finished` on the calling thread with the number of finished keys
    /// after each.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// let keys = ["db_password", "api_key"];
    /// let secrets = client.secrets().get_many_with(keys, |finished| {
    ///     println!("{finished} of {}", keys.len());
    /// });
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn get_many_with(
        &self,
        keys: impl IntoIterator<Item = impl AsRef<str>>,
        finished: impl FnMut(usize) + Send,
    ) -> Vec<Result<Secret, Error>> {
        let keys: Vec<_> = keys.into_iter().collect();
        let keys: Vec<_> = keys.iter().map(AsRef::as_ref).collect();
        block(self.0.get_many(&keys, finished))
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

    /// Reads and decrypts all listed secrets, like [`Self::get_many`]. Needs the scopes `secrets:list` and
    /// `secrets:read`. Leaves out secrets that are deleted or expire meanwhile, and invalid names, which only a
    /// hostile vault lists.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// for secret in client.secrets().get_all()? {
    ///     println!("{}", secret?.key());
    /// }
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::list`]; the error of one secret is in its place of the result.
    pub fn get_all(&self) -> Result<Vec<Result<Secret, Error>>, Error> {
        block(self.0.get_all())
    }

    /// Creates or updates many secrets: each as [`Self::put`], several at once as [`Self::get_many`]. An item is a
    /// key and a value, or a key, a value and an expiry: see [`PutItem`]. A duplicate key gets one of its values.
    ///
    /// Returns one result for each item, in their order.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// let items = [("db_user", "app"), ("db_password", "s3cr3t-v@lue")];
    /// for written in client.secrets().put_many(items) {
    ///     println!("{}", written?.metadata().key());
    /// }
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn put_many(
        &self,
        items: impl IntoIterator<Item = impl PutItem + Sync>,
    ) -> Vec<Result<Written, Error>> {
        self.put_many_with(items, |_| ())
    }

    /// Writes like [`Self::put_many`], and calls `finished` on the calling thread with the number of finished
    /// items after each.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// let items = [("db_user", "app"), ("db_password", "s3cr3t-v@lue")];
    /// let written = client.secrets().put_many_with(items, |finished| println!("{finished} of 2"));
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn put_many_with(
        &self,
        items: impl IntoIterator<Item = impl PutItem + Sync>,
        finished: impl FnMut(usize) + Send,
    ) -> Vec<Result<Written, Error>> {
        let items: Vec<_> = items.into_iter().collect();
        block(self.0.put_many(&items, finished))
    }

    /// Runs `job` for each item, several at once as [`Self::get_many`]: for work of one or more other operations.
    /// Calls `finished` on the calling thread with the number of finished items after each. `job` runs on other
    /// threads, or on the calling one if the system has no more threads.
    ///
    /// Returns one result for each item, in their order. Each operation of a job has its own timeout.
    ///
    /// # Panics
    ///
    /// Panics when `job` panics, after the other jobs have ended.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// let secrets = client.secrets();
    /// let renamed = [("db_pasword", "db_password"), ("api_kye", "api_key")];
    /// let copied = secrets.each(&renamed, |(old, new)| secrets.copy(old, new), |_| ());
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn each<'b, T: Sync, R: Send>(
        &self,
        items: &'b [T],
        job: impl Fn(&'b T) -> R + Send + Sync,
        finished: impl FnMut(usize) + Send,
    ) -> Vec<R> {
        let job = |at: usize| -> Boxed<'_, _> {
            let (item, job) = (&items[at], &job);
            Box::pin(async move { job(item) })
        };
        block(self.0.each(items.len(), job, finished))
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

impl fmt::Debug for Secrets<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}
