use std::sync::Arc;
use std::time::Duration;

use helvetisafe_proto::Version;
use helvetisafe_proto::endpoint::Expiry;
use jiff::Timestamp;
use secrecy::SecretString;

use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::operations::Operations;
use crate::runtime::blocking::block;
use crate::runtime::{Blocking, Boxed};
use crate::secret::{Secret, SecretMetadata, Written};
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

    /// Reads and decrypts a secret. Needs the scope `secrets:read`.
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
    /// # Errors
    ///
    /// Those of all operations.
    pub fn exists(&self, key: impl AsRef<str>) -> Result<bool, Error> {
        block(self.0.begin().exists(key.as_ref()))
    }

    /// Lists the names and times of all secrets, in the vault's order. Needs the scope `secrets:list`.
    ///
    /// # Errors
    ///
    /// Those of all operations.
    pub fn list(&self) -> Result<Vec<SecretMetadata>, Error> {
        block(self.0.begin().list())
    }

    /// Encrypts and stores a new secret, which expires at `expires_at`, if given. Needs the scope
    /// `secrets:write`.
    ///
    /// The secret is created once: when the answer is lost, it is read back, and its nonce shows if it is the
    /// one that was sent.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`] when the name exists; [`ErrorKind::Ambiguous`] when the answer was lost and the
    /// secret cannot be read back; [`ErrorKind::Config`] when the value is too large to be read back.
    pub fn create(
        &self,
        key: impl AsRef<str>,
        value: &str,
        expires_at: impl Into<Option<Timestamp>>,
    ) -> Result<SecretMetadata, Error> {
        block(
            self.0
                .begin()
                .create(key.as_ref(), value, expires_at.into()),
        )
    }

    /// Encrypts and stores a new value for an existing secret. Needs the scope `secrets:write`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is no such secret; [`ErrorKind::Ambiguous`] when the answer was lost
    /// every time; [`ErrorKind::Config`] when the value is too large to be read back.
    pub fn update(
        &self,
        key: impl AsRef<str>,
        value: &str,
        expiry: impl Into<Expiry>,
    ) -> Result<SecretMetadata, Error> {
        block(self.0.begin().update(key.as_ref(), value, expiry.into()))
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
        value: &str,
        expiry: impl Into<Expiry>,
    ) -> Result<SecretMetadata, Error> {
        let operation = self.0.begin();
        block(operation.update_if_unchanged(key.as_ref(), version, value, expiry.into()))
    }

    /// Creates the secret, or updates it if it exists. Without `expires_at` an existing secret keeps its expiry.
    /// Needs the scope `secrets:write`.
    ///
    /// # Errors
    ///
    /// As [`Self::create`] and [`Self::update`]; [`ErrorKind::Conflict`] only when other clients create and
    /// delete the same name meanwhile.
    pub fn put(
        &self,
        key: impl AsRef<str>,
        value: &str,
        expires_at: impl Into<Option<Timestamp>>,
    ) -> Result<Written, Error> {
        block(self.0.begin().put(key.as_ref(), value, expires_at.into()))
    }

    /// Deletes a secret. Needs the scope `secrets:delete`.
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

    /// Encrypts and stores a new multi-field secret from names and values, in this order. It expires at
    /// `expires_at`, if given. Needs the scope `secrets:write`.
    ///
    /// # Errors
    ///
    /// As [`Self::create`]; [`ErrorKind::Config`] also when a field has the name of the secret,
    /// since it would then be read as a single value.
    pub fn create_fields(
        &self,
        key: impl AsRef<str>,
        fields: &[(&str, &str)],
        expires_at: impl Into<Option<Timestamp>>,
    ) -> Result<SecretMetadata, Error> {
        block(
            self.0
                .begin()
                .create_fields(key.as_ref(), fields, expires_at.into()),
        )
    }

    /// Encrypts and stores new fields for an existing secret, in place of its whole content. Needs the scope
    /// `secrets:write`.
    ///
    /// # Errors
    ///
    /// As [`Self::update`]; [`ErrorKind::Config`] also when a field has the name of the secret.
    pub fn update_fields(
        &self,
        key: impl AsRef<str>,
        fields: &[(&str, &str)],
        expiry: impl Into<Expiry>,
    ) -> Result<SecretMetadata, Error> {
        block(
            self.0
                .begin()
                .update_fields(key.as_ref(), fields, expiry.into()),
        )
    }

    /// Sets one field of a multi-field secret and leaves the others unchanged; creates the secret with this one
    /// field if there is none. Needs the scopes `secrets:read` and `secrets:write`.
    ///
    /// It reads, changes and writes, and does so again if another client wrote in between, up to 16 times and
    /// within the time of the operation. A vault that gives no versions cannot check that: there, of two
    /// concurrent calls, the later one wins, and the field of the other may be lost. A secret whose only field is another one with the name of a key is refused as by [`Self::get`]:
    /// write all fields with [`Self::update_fields`], or accept it with
    /// [`ClientBuilder::allow_unbound`](crate::ClientBuilder::allow_unbound).
    ///
    /// # Errors
    ///
    /// As [`Self::get`], [`Self::create`] and [`Self::update`]; [`ErrorKind::Changed`] or
    /// [`ErrorKind::Conflict`] when other clients were faster every time; [`ErrorKind::Conflict`] also when the
    /// secret is a single value; [`ErrorKind::Config`] when the field has no name, or that of the secret,
    /// since it would then be read as a single value.
    pub fn set_field(
        &self,
        key: impl AsRef<str>,
        field: &str,
        value: &str,
        expiry: impl Into<Expiry>,
    ) -> Result<Written, Error> {
        block(
            self.0
                .begin()
                .set_field(key.as_ref(), field, value, expiry.into()),
        )
    }

    /// Sets one field as [`Self::set_field`], but only of a secret that exists. Needs the scopes `secrets:read` and
    /// `secrets:write`.
    ///
    /// # Errors
    ///
    /// As [`Self::set_field`]; [`ErrorKind::NotFound`] when there is no such secret.
    pub fn update_field(
        &self,
        key: impl AsRef<str>,
        field: &str,
        value: &str,
        expiry: impl Into<Expiry>,
    ) -> Result<SecretMetadata, Error> {
        let operation = self.0.begin();
        block(operation.update_field(key.as_ref(), field, value, expiry.into()))
    }

    /// Reads and decrypts many secrets, up to [`ClientBuilder::concurrency`](crate::ClientBuilder::concurrency)
    /// at once. They share the access token and the connections; when the vault limits the rate of one, all
    /// wait.
    ///
    /// Returns one result for each key, in the order of the keys. Each key has the time of one operation, counted
    /// from its turn; [`Self::within`] bounds the time of all of them.
    pub fn get_many(&self, keys: &[impl AsRef<str>]) -> Vec<Result<Secret, Error>> {
        self.get_many_with(keys, |_| ())
    }

    /// Reads like [`Self::get_many`], and calls `finished` on the calling thread with the number of finished keys
    /// after each.
    pub fn get_many_with(
        &self,
        keys: &[impl AsRef<str>],
        finished: impl FnMut(usize) + Send,
    ) -> Vec<Result<Secret, Error>> {
        let keys: Vec<_> = keys.iter().map(AsRef::as_ref).collect();
        block(self.0.get_many(&keys, finished))
    }

    /// Reads and decrypts all listed secrets, like [`Self::get_many`]. Needs the scopes `secrets:list` and
    /// `secrets:read`. Leaves out secrets that are deleted or expire meanwhile, and invalid names, which only a
    /// hostile vault lists.
    ///
    /// # Errors
    ///
    /// As [`Self::list`]; the error of one secret is in its place of the result.
    pub fn get_all(&self) -> Result<Vec<Result<Secret, Error>>, Error> {
        block(self.0.get_all())
    }

    /// Creates or updates many secrets from keys and values: each as [`Self::put`] without an expiry, several at
    /// once as [`Self::get_many`]. A duplicate key gets one of its values.
    ///
    /// Returns one result for each item, in their order.
    pub fn put_many(
        &self,
        items: &[(impl AsRef<str>, impl AsRef<str>)],
    ) -> Vec<Result<Written, Error>> {
        self.put_many_with(items, |_| ())
    }

    /// Writes like [`Self::put_many`], and calls `finished` on the calling thread with the number of finished
    /// items after each.
    pub fn put_many_with(
        &self,
        items: &[(impl AsRef<str>, impl AsRef<str>)],
        finished: impl FnMut(usize) + Send,
    ) -> Vec<Result<Written, Error>> {
        let items: Vec<_> = items
            .iter()
            .map(|(key, value)| (key.as_ref(), value.as_ref()))
            .collect();
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
    pub fn invalidate(&self, key: impl AsRef<str>) {
        self.0.invalidate(key.as_ref());
    }

    /// Drops all cached values.
    pub fn invalidate_all(&self) {
        self.0.invalidate_all();
    }

    /// Watches some secrets for changes by polling every `interval`, at least 100 ms, a tenth more or less. A poll
    /// requests the list if the account may list, otherwise it reads each secret, and every tenth poll tries the
    /// list again.
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
    pub fn watch(&self, keys: &[impl AsRef<str>], interval: Duration) -> Result<Watch, Error> {
        let keys: Vec<_> = keys.iter().map(AsRef::as_ref).collect();
        self.0.watcher(&keys, interval).map(Watch)
    }
}
