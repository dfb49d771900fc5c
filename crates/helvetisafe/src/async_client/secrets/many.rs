//! Operations on many secrets at once.

use super::AsyncSecrets;
use crate::error::Error;
use crate::put_item::PutItem;
use crate::runtime::Boxed;
use crate::secret::{Secret, Written};

impl AsyncSecrets<'_> {
    /// As [`Secrets::get_many`](crate::Secrets::get_many), in one task.
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let keys = ["db_password", "api_key"];
    /// for (key, secret) in keys.iter().zip(client.secrets().get_many(keys).await) {
    ///     match secret {
    ///         Ok(secret) => println!("{key}: {} bytes", secret.expose_secret().len()),
    ///         Err(error) => eprintln!("{error}"),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_many(
        &self,
        keys: impl IntoIterator<Item = impl AsRef<str> + Send + Sync> + Send,
    ) -> Vec<Result<Secret, Error>> {
        self.get_many_with(keys, |_| ()).await
    }

    /// As [`Secrets::get_many_with`](crate::Secrets::get_many_with).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let keys = ["db_password", "api_key"];
    /// let secrets = client.secrets().get_many_with(keys, |finished| {
    ///     println!("{finished} of {}", keys.len());
    /// })
    /// .await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_many_with(
        &self,
        keys: impl IntoIterator<Item = impl AsRef<str> + Send + Sync> + Send,
        finished: impl FnMut(usize) + Send,
    ) -> Vec<Result<Secret, Error>> {
        let keys: Vec<_> = keys.into_iter().collect();
        let keys: Vec<_> = keys.iter().map(AsRef::as_ref).collect();
        self.0.get_many(&keys, finished).await
    }

    /// As [`Secrets::get_all`](crate::Secrets::get_all).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// for secret in client.secrets().get_all().await? {
    ///     println!("{}", secret?.key());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::get_all`](crate::Secrets::get_all).
    pub async fn get_all(&self) -> Result<Vec<Result<Secret, Error>>, Error> {
        self.0.get_all().await
    }

    /// As [`Secrets::put_many`](crate::Secrets::put_many), in one task.
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let items = [("db_user", "app"), ("db_password", "s3cr3t-v@lue")];
    /// for written in client.secrets().put_many(items).await {
    ///     println!("{}", written?.metadata().key());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn put_many(
        &self,
        items: impl IntoIterator<Item = impl PutItem + Send + Sync> + Send,
    ) -> Vec<Result<Written, Error>> {
        self.put_many_with(items, |_| ()).await
    }

    /// As [`Secrets::put_many_with`](crate::Secrets::put_many_with).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let items = [("db_user", "app"), ("db_password", "s3cr3t-v@lue")];
    /// let written = client.secrets().put_many_with(items, |finished| println!("{finished} of 2")).await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn put_many_with(
        &self,
        items: impl IntoIterator<Item = impl PutItem + Send + Sync> + Send,
        finished: impl FnMut(usize) + Send,
    ) -> Vec<Result<Written, Error>> {
        let items: Vec<_> = items.into_iter().collect();
        self.0.put_many(&items, finished).await
    }

    /// As [`Secrets::each`](crate::Secrets::each), in one task.
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let secrets = client.secrets();
    /// let renamed = [("db_pasword", "db_password"), ("api_kye", "api_key")];
    /// let copied = secrets
    ///     .each(&renamed, |(old, new)| async move { secrets.copy(old, new).await }, |_| ())
    ///     .await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn each<'b, T: Sync, F>(
        &self,
        items: &'b [T],
        job: impl Fn(&'b T) -> F + Send + Sync,
        finished: impl FnMut(usize) + Send,
    ) -> Vec<F::Output>
    where
        F: Future<Output: Send> + Send + 'b,
    {
        let job = |at: usize| -> Boxed<'_, _> { Box::pin(job(&items[at])) };
        self.0.each(items.len(), job, finished).await
    }
}
