//! Reads of secrets, and the watch of their changes.

use std::time::Duration;

use secrecy::{SecretSlice, SecretString};

use super::AsyncSecrets;
use crate::async_client::AsyncWatch;
use crate::error::Error;
use crate::load::{Load, LoadError, Requests, finish};
use crate::secret::{Secret, SecretMetadata};

impl AsyncSecrets<'_> {
    /// As [`Secrets::get`](crate::Secrets::get).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let secret = client.secrets().get("db_password").await?;
    /// println!("{} bytes", secret.expose_secret().len());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::get`](crate::Secrets::get).
    pub async fn get(&self, key: impl AsRef<str> + Send) -> Result<Secret, Error> {
        self.0.begin().get(key.as_ref()).await
    }

    /// As [`Secrets::get_field`](crate::Secrets::get_field).
    ///
    /// ```no_run
    /// use helvetisafe::ExposeSecret;
    ///
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let password = client.secrets().get_field("DATABASE", "DB_PASS").await?;
    /// println!("{} bytes", password.expose_secret().len());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::get_field`](crate::Secrets::get_field).
    pub async fn get_field(
        &self,
        key: impl AsRef<str> + Send,
        field: &str,
    ) -> Result<SecretString, Error> {
        self.0.begin().get_field(key.as_ref(), field).await
    }

    /// As [`Secrets::get_with_fields`](crate::Secrets::get_with_fields).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let secret = client.secrets().get_with_fields("DATABASE", &["DB_USER", "DB_PASS"]).await?;
    /// let user = secret.field("DB_USER").map(|field| field.expose_secret());
    /// # let _ = user;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::get_with_fields`](crate::Secrets::get_with_fields).
    pub async fn get_with_fields(
        &self,
        key: impl AsRef<str> + Send,
        fields: &[&str],
    ) -> Result<Secret, Error> {
        self.0.begin().get_with_fields(key.as_ref(), fields).await
    }

    /// As [`Secrets::get_bytes`](crate::Secrets::get_bytes).
    ///
    /// ```no_run
    /// use helvetisafe::ExposeSecret;
    ///
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let keystore = client.secrets().get_bytes("keystore").await?;
    /// println!("{} bytes", keystore.expose_secret().len());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::get_bytes`](crate::Secrets::get_bytes).
    pub async fn get_bytes(&self, key: impl AsRef<str> + Send) -> Result<SecretSlice<u8>, Error> {
        self.get(key).await?.to_bytes()
    }

    /// As [`Secrets::exists`](crate::Secrets::exists).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// if !client.secrets().exists("session_key").await? {
    ///     client.secrets().create("session_key", "s3cr3t-v@lue", None).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::exists`](crate::Secrets::exists).
    pub async fn exists(&self, key: impl AsRef<str> + Send) -> Result<bool, Error> {
        self.0.begin().exists(key.as_ref()).await
    }

    /// As [`Secrets::list`](crate::Secrets::list).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// for secret in client.secrets().list().await? {
    ///     println!("{}, changed {:?}", secret.key(), secret.updated_at());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::list`](crate::Secrets::list).
    pub async fn list(&self) -> Result<Vec<SecretMetadata>, Error> {
        self.0.begin().list().await
    }

    /// As [`Secrets::load`](crate::Secrets::load), in one task.
    ///
    /// ```no_run
    /// use helvetisafe::load;
    ///
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), Box<dyn std::error::Error>> {
    /// let (host, port, password) = client.secrets().load((
    ///     load::text("db_host"),
    ///     load::parse::<u16>("db_port").or(5432),
    ///     load::secret("db_password"),
    /// ))
    /// .await?;
    /// # let _ = (host, port, password);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::load`](crate::Secrets::load).
    pub async fn load<L: Load + Send>(&self, values: L) -> Result<L::Output, LoadError> {
        let requests = Requests::of(&values);
        let outcomes = self.get_many_with_fields(&requests.list()).await;
        finish(values, requests, outcomes)
    }

    pub(crate) async fn get_many_with_fields(
        &self,
        requests: &[(&str, Vec<&str>)],
    ) -> Vec<Result<Secret, Error>> {
        self.0.get_many_with_fields(requests).await
    }

    /// Drops the cached value of this key, so that the next read goes to the vault. Without a cache it does
    /// nothing.
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// client.secrets().invalidate("db_password");
    /// let current = client.secrets().get("db_password").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn invalidate(&self, key: impl AsRef<str>) {
        self.0.invalidate(key.as_ref());
    }

    /// Drops all cached values.
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// client.secrets().invalidate_all();
    /// # Ok(())
    /// # }
    /// ```
    pub fn invalidate_all(&self) {
        self.0.invalidate_all();
    }

    /// As [`Secrets::watch`](crate::Secrets::watch), as a stream.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let mut watch = client.secrets().watch(&["db_password"], Duration::from_secs(30))?;
    /// while let Some(change) = watch.next().await {
    ///     match change {
    ///         Ok(change) => println!("{}: {:?}", change.key(), change.kind()),
    ///         Err(error) if error.is_retryable() => eprintln!("{error}"),
    ///         Err(error) => return Err(error),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::watch`](crate::Secrets::watch).
    pub fn watch(
        &self,
        keys: impl IntoIterator<Item = impl AsRef<str>>,
        interval: Duration,
    ) -> Result<AsyncWatch, Error> {
        let keys: Vec<_> = keys.into_iter().collect();
        let keys: Vec<_> = keys.iter().map(AsRef::as_ref).collect();
        self.0.watcher(&keys, interval).map(AsyncWatch::new)
    }
}
