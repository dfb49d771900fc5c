use std::sync::Arc;
use std::time::Duration;

use helvetisafe_proto::endpoint::Expiry;
use jiff::Timestamp;
use secrecy::SecretString;

use crate::connection::Connection;
use crate::driver::blocking::block;
use crate::driver::{Blocking, Boxed};
use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::operations::Operations;
use crate::secret::{Secret, SecretMetadata};
use crate::watch::Watch;

/// The operations on secrets; from [`Client::secrets`](crate::Client::secrets).
///
/// Every operation has one deadline for all it does: its access token, its waits and its
/// repetitions. Names are 1 to 255 ASCII letters, digits and underscores; any other is refused
/// before anything is sent, with [`ErrorKind::Config`].
///
/// Besides the errors that each operation names, all can fail with [`ErrorKind::Auth`],
/// [`ErrorKind::Forbidden`], [`ErrorKind::RateLimited`], [`ErrorKind::Api`] and
/// [`ErrorKind::Transport`].
#[derive(Clone, Copy)]
pub struct Secrets<'a>(Operations<'a, Blocking>);

impl<'a> Secrets<'a> {
    pub(crate) fn new(connection: &'a Arc<Connection<Blocking>>) -> Self {
        Self(Operations::new(connection))
    }

    /// The same operations with one deadline: `time` from now, for all that are made through the
    /// returned value together. Each keeps its own limit as well. Operations that begin after the
    /// deadline fail with [`ErrorKind::Transport`], and send nothing. A [`watch`](Self::watch) has
    /// `time` for each of its looks.
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
    pub fn within(&self, time: Duration) -> Self {
        Self(self.0.within(time))
    }

    /// Reads and decrypts a secret. Needs the scope `secrets:read`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is none of that name; [`ErrorKind::Crypto`] when it does
    /// not open, when it is not text, or when it may be another secret's: see
    /// [`ClientBuilder::allow_unbound`](crate::ClientBuilder::allow_unbound) and
    /// [`ClientBuilder::require_binding`](crate::ClientBuilder::require_binding);
    /// [`ErrorKind::OrgKeyRefused`] when it does not open and the vault's org key has changed.
    pub fn get(&self, key: impl AsRef<str>) -> Result<Secret, Error> {
        block(self.0.get(key.as_ref()))
    }

    /// Reads one field of a multi-field secret. Needs the scope `secrets:read`.
    ///
    /// This also reads a secret whose only field is named like another key, which [`Self::get`]
    /// refuses by default: the caller names the field, so it is expected.
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
    /// As [`Self::get`]; [`ErrorKind::NotFound`], without a status, also when the secret has no such
    /// field, but [`ErrorKind::Crypto`] when it has one other field, named like a key.
    pub fn get_field(&self, key: impl AsRef<str>, field: &str) -> Result<SecretString, Error> {
        block(self.0.get_field(key.as_ref(), field))
    }

    /// As [`Self::get`], for a multi-field secret that is expected to have some of `fields`: one
    /// whose only field is named like another key is read if that is one of them. Whether the fields
    /// are there is not checked.
    ///
    /// # Errors
    ///
    /// As [`Self::get`].
    pub fn get_with_fields(&self, key: impl AsRef<str>, fields: &[&str]) -> Result<Secret, Error> {
        block(self.0.get_with_fields(key.as_ref(), fields))
    }

    /// Whether there is a secret of that name. Needs the scope `secrets:read`; decrypts nothing.
    ///
    /// # Errors
    ///
    /// Those that all operations have.
    pub fn exists(&self, key: impl AsRef<str>) -> Result<bool, Error> {
        block(self.0.exists(key.as_ref()))
    }

    /// The names and dates of all secrets, in the vault's order. Needs the scope `secrets:list`.
    ///
    /// # Errors
    ///
    /// Those that all operations have.
    pub fn list(&self) -> Result<Vec<SecretMetadata>, Error> {
        block(self.0.list())
    }

    /// Encrypts and stores a new secret, which is gone after `expires_at`, if given. Needs the
    /// scope `secrets:write`.
    ///
    /// It happens once: when the answer is lost, the secret is read back, and its nonce tells
    /// whether it is the one that was sent.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`] when the name exists; [`ErrorKind::Ambiguous`] when the answer was
    /// lost and the secret cannot be read back; [`ErrorKind::Config`] when the value is too large
    /// to be read again.
    pub fn create(
        &self,
        key: impl AsRef<str>,
        value: &str,
        expires_at: impl Into<Option<Timestamp>>,
    ) -> Result<SecretMetadata, Error> {
        block(self.0.create(key.as_ref(), value, expires_at.into()))
    }

    /// Encrypts and stores a new value for a secret that exists. Needs the scope `secrets:write`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is none of that name; [`ErrorKind::Ambiguous`] when the
    /// answer was lost every time; [`ErrorKind::Config`] when the value is too large to be read
    /// again.
    pub fn update(
        &self,
        key: impl AsRef<str>,
        value: &str,
        expiry: impl Into<Expiry>,
    ) -> Result<SecretMetadata, Error> {
        block(self.0.update(key.as_ref(), value, expiry.into()))
    }

    /// Creates the secret, or updates it if it exists. Without `expires_at` a secret that exists
    /// keeps its expiry. Needs the scope `secrets:write`.
    ///
    /// # Errors
    ///
    /// As [`Self::create`] and [`Self::update`]; [`ErrorKind::Conflict`] only when others create
    /// and delete the same name meanwhile.
    pub fn put(
        &self,
        key: impl AsRef<str>,
        value: &str,
        expires_at: impl Into<Option<Timestamp>>,
    ) -> Result<SecretMetadata, Error> {
        block(self.0.put(key.as_ref(), value, expires_at.into()))
    }

    /// Deletes a secret. Needs the scope `secrets:delete`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is none of that name; [`ErrorKind::Ambiguous`] when the
    /// answer was lost every time.
    pub fn delete(&self, key: impl AsRef<str>) -> Result<(), Error> {
        block(self.0.delete(key.as_ref()))
    }

    /// Reads a secret and stores it, encrypted anew, as the new secret `new_key`, with the same
    /// expiry. Needs the scopes `secrets:read` and `secrets:write`.
    ///
    /// A single value and legacy text become a single value that names `new_key`; the JSON text of
    /// a multi-field secret stays as it is, byte for byte.
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
        block(self.0.copy(key.as_ref(), new_key.as_ref()))
    }

    /// As [`Self::copy`], but in place of all that `new_key` held, its expiry included, if it
    /// exists.
    ///
    /// # Errors
    ///
    /// As [`Self::copy`] and [`Self::update`]; [`ErrorKind::Conflict`](crate::ErrorKind::Conflict)
    /// only when others create and delete the same name meanwhile.
    pub fn copy_over(
        &self,
        key: impl AsRef<str>,
        new_key: impl AsRef<str>,
    ) -> Result<SecretMetadata, Error> {
        block(self.0.copy_over(key.as_ref(), new_key.as_ref()))
    }

    /// Encrypts and stores a new multi-field secret: names and values, in the order they are to
    /// have. It is gone after `expires_at`, if given. Needs the scope `secrets:write`.
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
                .create_fields(key.as_ref(), fields, expires_at.into()),
        )
    }

    /// Encrypts and stores new fields for a secret that exists, in place of all it held. Needs the
    /// scope `secrets:write`.
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
        block(self.0.update_fields(key.as_ref(), fields, expiry.into()))
    }

    /// Sets one field of a multi-field secret and keeps the others exactly as they are; creates the
    /// secret with this one field when there is none. Needs the scopes `secrets:read` and
    /// `secrets:write`.
    ///
    /// It reads, changes and writes, and the vault has no way to make that one step: of two that
    /// do it at the same time, the later wins. A secret whose only field is another one, named like a
    /// key, is refused as by [`Self::get`]: write all fields with [`Self::update_fields`], or allow it
    /// with [`ClientBuilder::allow_unbound`](crate::ClientBuilder::allow_unbound).
    ///
    /// # Errors
    ///
    /// As [`Self::get`], [`Self::create`] and [`Self::update`]; [`ErrorKind::Conflict`] when the
    /// secret exists and has no fields, but one value; [`ErrorKind::Config`] when the field has no
    /// name, or that of the secret, since it would then be read as a single value.
    pub fn set_field(
        &self,
        key: impl AsRef<str>,
        field: &str,
        value: &str,
        expiry: impl Into<Expiry>,
    ) -> Result<SecretMetadata, Error> {
        block(self.0.set_field(key.as_ref(), field, value, expiry.into()))
    }

    /// Reads and decrypts many secrets, several at once: as many as
    /// [`ClientBuilder::concurrency`](crate::ClientBuilder::concurrency) says. They share one access
    /// token and the connections; when the vault limits the rate for one, all wait.
    ///
    /// One outcome for each key, in the order of the keys. Each key has the time that one operation
    /// has, from when its turn comes; [`Self::within`] bounds the time of all of them.
    pub fn get_many(&self, keys: &[impl AsRef<str>]) -> Vec<Result<Secret, Error>> {
        self.get_many_with(keys, |_| ())
    }

    /// As [`Self::get_many`]; calls `finished` with the number of keys that are done, after each,
    /// on the calling thread.
    pub fn get_many_with(
        &self,
        keys: &[impl AsRef<str>],
        finished: impl FnMut(usize) + Send,
    ) -> Vec<Result<Secret, Error>> {
        let keys: Vec<_> = keys.iter().map(AsRef::as_ref).collect();
        block(self.0.get_many(&keys, finished))
    }

    /// Reads and decrypts all secrets that are listed, as [`Self::get_many`]. Needs the scopes
    /// `secrets:list` and `secrets:read`. What is deleted or expires meanwhile is left out, and so
    /// are names that no secret can have, which only a hostile vault lists.
    ///
    /// # Errors
    ///
    /// As [`Self::list`]; those of one secret are in its place.
    pub fn get_all(&self) -> Result<Vec<Result<Secret, Error>>, Error> {
        block(self.0.get_all())
    }

    /// Creates or updates many secrets, as [`Self::put`] without an expiry, several at once, as
    /// [`Self::get_many`]: keys and values. A key that is there twice has one of its values then.
    ///
    /// One outcome for each item, in their order.
    pub fn put_many(
        &self,
        items: &[(impl AsRef<str>, impl AsRef<str>)],
    ) -> Vec<Result<SecretMetadata, Error>> {
        self.put_many_with(items, |_| ())
    }

    /// As [`Self::put_many`]; calls `finished` with the number of items that are done, after each,
    /// on the calling thread.
    pub fn put_many_with(
        &self,
        items: &[(impl AsRef<str>, impl AsRef<str>)],
        finished: impl FnMut(usize) + Send,
    ) -> Vec<Result<SecretMetadata, Error>> {
        let items: Vec<_> = items
            .iter()
            .map(|(key, value)| (key.as_ref(), value.as_ref()))
            .collect();
        block(self.0.put_many(&items, finished))
    }

    /// Does `job` for each item, several at once, as [`Self::get_many`]: for work that takes other
    /// operations than reading, or several. Calls `finished` with the number of items that are done,
    /// after each, on the calling thread; `job` is called on other threads, and
    /// on this one where the system gives no more.
    ///
    /// One result for each item, in their order. Each operation of a job has the time that one
    /// operation has.
    ///
    /// # Panics
    ///
    /// When `job` panics, after the others have ended.
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

    /// Forgets what the cache has of this key, so that the next read asks the vault. Without a cache
    /// it does nothing.
    pub fn invalidate(&self, key: impl AsRef<str>) {
        self.0.invalidate(key.as_ref());
    }

    /// Forgets all that the cache has.
    pub fn invalidate_all(&self) {
        self.0.invalidate_all();
    }

    /// The changes of some secrets, noticed by looking every `interval`, of 100 ms at least, a tenth
    /// more or less. It asks for the list where the account may do that, else reads each secret, and
    /// then asks for the list at every tenth look.
    ///
    /// The first `next` looks at once, and what changes from then on is told. Of two changes between
    /// two looks, the outcome is told; a key that is given twice, once. After a look that failed the
    /// next one waits for its time too.
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
    /// [`ErrorKind::Config`] when a name is none.
    pub fn watch(&self, keys: &[impl AsRef<str>], interval: Duration) -> Result<Watch, Error> {
        let keys: Vec<_> = keys.iter().map(AsRef::as_ref).collect();
        self.0.watcher(&keys, interval).map(Watch)
    }
}
