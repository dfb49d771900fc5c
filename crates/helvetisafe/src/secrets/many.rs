//! Operations on many secrets at once.

use super::Secrets;
use crate::error::Error;
use crate::put_item::PutItem;
use crate::runtime::Boxed;
use crate::runtime::blocking::block;
use crate::secret::{Secret, Written};

impl Secrets<'_> {
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
}
