use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use helvetisafe_crypto::FieldValue;
use helvetisafe_proto::Version;
use secrecy::{SecretSlice, SecretString};

use super::watch::AsyncWatch;
use crate::bytes;
use crate::call_options::CallOptions;
use crate::error::Error;
use crate::expiry::Expiry;
use crate::load::{Load, LoadError, Requests, finish};
use crate::operations::Operations;
use crate::operations::fields::field_values;
use crate::put_item::PutItem;
use crate::runtime::{Boxed, Tokio};
use crate::secret::{Secret, SecretMetadata, Written};
use crate::secret_text::SecretText;
use crate::vault::Vault;

/// The operations on secrets; from [`AsyncClient::secrets`](super::AsyncClient::secrets).
///
/// Each behaves like the one of the same name of [`Secrets`](crate::Secrets). A future that is dropped before
/// it is ready may or may not have had its effect on the vault, as after a lost answer; nothing stays locked.
#[derive(Clone, Copy)]
pub struct AsyncSecrets<'a>(Operations<'a, Tokio>);

impl<'a> AsyncSecrets<'a> {
    pub(super) fn new(vault: &'a Arc<Vault<Tokio>>) -> Self {
        Self(Operations::new(vault))
    }

    /// As [`Secrets::within`](crate::Secrets::within).
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let keys = ["db_password", "api_key"];
    /// let found = client.secrets().within(Duration::from_secs(10)).get_many(&keys).await;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn within(&self, timeout: Duration) -> Self {
        Self(self.0.within(timeout))
    }

    /// As [`Secrets::with`](crate::Secrets::with).
    ///
    /// ```no_run
    /// use helvetisafe::CallOptions;
    ///
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let once = CallOptions::new().attempts(1).bypass_cache();
    /// let secret = client.secrets().with(once).get("db_password").await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with(&self, options: CallOptions) -> Self {
        Self(self.0.with(options))
    }

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

    /// As [`Secrets::create`](crate::Secrets::create).
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let hour = Duration::from_secs(60 * 60);
    /// client.secrets().create("session_key", "s3cr3t-v@lue", hour).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::create`](crate::Secrets::create).
    pub async fn create(
        &self,
        key: impl AsRef<str> + Send,
        value: impl SecretText + Send,
        expiry: impl Into<Expiry> + Send,
    ) -> Result<SecretMetadata, Error> {
        self.0
            .begin()
            .create(key.as_ref(), value.expose_text(), expiry.into())
            .await
    }

    /// As [`Secrets::update`](crate::Secrets::update).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let written = client.secrets().update("db_password", "n3w-v@lue", None).await?;
    /// println!("expires: {:?}", written.expires_at());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::update`](crate::Secrets::update).
    pub async fn update(
        &self,
        key: impl AsRef<str> + Send,
        value: impl SecretText + Send,
        expiry: impl Into<Expiry> + Send,
    ) -> Result<SecretMetadata, Error> {
        self.0
            .begin()
            .update(key.as_ref(), value.expose_text(), expiry.into())
            .await
    }

    /// As [`Secrets::update_if_unchanged`](crate::Secrets::update_if_unchanged).
    ///
    /// ```no_run
    /// use helvetisafe::{ErrorKind, Expiry};
    ///
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let secrets = client.secrets();
    /// let written = loop {
    ///     let read = secrets.get("counter").await?;
    ///     let next = read.expose_secret().parse::<u64>().unwrap_or(0) + 1;
    ///     let next = next.to_string();
    ///     match secrets.update_if_unchanged("counter", read.version(), &next, Expiry::Keep).await {
    ///         Err(error) if error.kind() == ErrorKind::Changed => {}
    ///         outcome => break outcome?,
    ///     }
    /// };
    /// println!("{:?}", written.version());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::update_if_unchanged`](crate::Secrets::update_if_unchanged).
    pub async fn update_if_unchanged(
        &self,
        key: impl AsRef<str> + Send,
        version: Option<&Version>,
        value: impl SecretText + Send,
        expiry: impl Into<Expiry> + Send,
    ) -> Result<SecretMetadata, Error> {
        self.0
            .begin()
            .update_if_unchanged(key.as_ref(), version, value.expose_text(), expiry.into())
            .await
    }

    /// As [`Secrets::put`](crate::Secrets::put).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let written = client.secrets().put("db_password", "s3cr3t-v@lue", None).await?;
    /// println!("{}", if written.is_created() { "created" } else { "updated" });
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::put`](crate::Secrets::put).
    pub async fn put(
        &self,
        key: impl AsRef<str> + Send,
        value: impl SecretText + Send,
        expiry: impl Into<Expiry> + Send,
    ) -> Result<Written, Error> {
        self.0
            .begin()
            .put(key.as_ref(), value.expose_text(), expiry.into())
            .await
    }

    /// As [`Secrets::create_bytes`](crate::Secrets::create_bytes).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), Box<dyn std::error::Error>> {
    /// let keystore = std::fs::read("keystore.p12")?;
    /// client.secrets().create_bytes("keystore", &keystore, None).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::create`](crate::Secrets::create).
    pub async fn create_bytes(
        &self,
        key: impl AsRef<str> + Send,
        value: impl AsRef<[u8]> + Send,
        expiry: impl Into<Expiry> + Send,
    ) -> Result<SecretMetadata, Error> {
        let text = bytes::encode(value.as_ref());
        self.create(key, text, expiry).await
    }

    /// As [`Secrets::update_bytes`](crate::Secrets::update_bytes).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), Box<dyn std::error::Error>> {
    /// let keystore = std::fs::read("keystore.p12")?;
    /// client.secrets().update_bytes("keystore", &keystore, None).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::update`](crate::Secrets::update).
    pub async fn update_bytes(
        &self,
        key: impl AsRef<str> + Send,
        value: impl AsRef<[u8]> + Send,
        expiry: impl Into<Expiry> + Send,
    ) -> Result<SecretMetadata, Error> {
        let text = bytes::encode(value.as_ref());
        self.update(key, text, expiry).await
    }

    /// As [`Secrets::put_bytes`](crate::Secrets::put_bytes).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// client.secrets().put_bytes("signing_key", [0x00, 0xff, 0x10], None).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::put`](crate::Secrets::put).
    pub async fn put_bytes(
        &self,
        key: impl AsRef<str> + Send,
        value: impl AsRef<[u8]> + Send,
        expiry: impl Into<Expiry> + Send,
    ) -> Result<Written, Error> {
        let text = bytes::encode(value.as_ref());
        self.put(key, text, expiry).await
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

    /// As [`Secrets::delete`](crate::Secrets::delete).
    ///
    /// ```no_run
    /// use helvetisafe::ErrorKind;
    ///
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// match client.secrets().delete("db_password").await {
    ///     Err(error) if error.kind() == ErrorKind::NotFound => println!("already deleted"),
    ///     result => result?,
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::delete`](crate::Secrets::delete).
    pub async fn delete(&self, key: impl AsRef<str> + Send) -> Result<(), Error> {
        self.0.begin().delete(key.as_ref()).await
    }

    /// As [`Secrets::copy`](crate::Secrets::copy).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// client.secrets().copy("db_pasword", "db_password").await?;
    /// client.secrets().delete("db_pasword").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::copy`](crate::Secrets::copy).
    pub async fn copy(
        &self,
        key: impl AsRef<str> + Send,
        new_key: impl AsRef<str> + Send,
    ) -> Result<SecretMetadata, Error> {
        self.0.begin().copy(key.as_ref(), new_key.as_ref()).await
    }

    /// As [`Secrets::copy_over`](crate::Secrets::copy_over).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let written = client.secrets().copy_over("db_password", "db_password_backup").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::copy_over`](crate::Secrets::copy_over).
    pub async fn copy_over(
        &self,
        key: impl AsRef<str> + Send,
        new_key: impl AsRef<str> + Send,
    ) -> Result<Written, Error> {
        self.0
            .begin()
            .copy_over(key.as_ref(), new_key.as_ref())
            .await
    }

    /// As [`Secrets::copy_if_unchanged`](crate::Secrets::copy_if_unchanged).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let secrets = client.secrets();
    /// let old = secrets.get("db_password_backup").await?;
    /// secrets.copy_if_unchanged("db_password", "db_password_backup", old.version()).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::copy_if_unchanged`](crate::Secrets::copy_if_unchanged).
    pub async fn copy_if_unchanged(
        &self,
        key: impl AsRef<str> + Send,
        new_key: impl AsRef<str> + Send,
        version: Option<&Version>,
    ) -> Result<SecretMetadata, Error> {
        self.0
            .begin()
            .copy_if_unchanged(key.as_ref(), new_key.as_ref(), version)
            .await
    }

    /// As [`Secrets::create_fields`](crate::Secrets::create_fields).
    ///
    /// ```no_run
    /// use helvetisafe::FieldValue;
    ///
    /// # async fn example(secrets: helvetisafe::AsyncSecrets<'_>) -> Result<(), Box<dyn std::error::Error>> {
    /// secrets.create_fields("api", &[("user", "app"), ("password", "s3cr3t")], None).await?;
    ///
    /// let fields = [
    ///     ("host", FieldValue::from("smtp.example")),
    ///     ("port", 587.into()),
    ///     ("tags", FieldValue::json(r#"["a", "b"]"#)?),
    /// ];
    /// secrets.create_fields("smtp", &fields, None).await?;
    ///
    /// let smtp = secrets.get("smtp").await?;
    /// let copied: Vec<_> = smtp.fields().iter().map(|it| (it.name(), it)).collect();
    /// secrets.create_fields("smtp2", &copied, None).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::create_fields`](crate::Secrets::create_fields).
    pub async fn create_fields<'f, V: Clone + Into<FieldValue<'f>> + Sync>(
        &self,
        key: impl AsRef<str> + Send,
        fields: &[(&str, V)],
        expiry: impl Into<Expiry> + Send,
    ) -> Result<SecretMetadata, Error> {
        self.0
            .begin()
            .create_fields(key.as_ref(), &field_values(fields), expiry.into())
            .await
    }

    /// As [`Secrets::update_fields`](crate::Secrets::update_fields).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let fields = [("user", "app"), ("password", "n3w-v@lue")];
    /// client.secrets().update_fields("smtp", &fields, None).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::update_fields`](crate::Secrets::update_fields).
    pub async fn update_fields<'f, V: Clone + Into<FieldValue<'f>> + Sync>(
        &self,
        key: impl AsRef<str> + Send,
        fields: &[(&str, V)],
        expiry: impl Into<Expiry> + Send,
    ) -> Result<SecretMetadata, Error> {
        self.0
            .begin()
            .update_fields(key.as_ref(), &field_values(fields), expiry.into())
            .await
    }

    /// As [`Secrets::update_fields_if_unchanged`](crate::Secrets::update_fields_if_unchanged).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let secrets = client.secrets();
    /// let read = secrets.get("smtp").await?;
    /// let used = read.fields().iter().filter(|it| it.name() != "unused");
    /// let used: Vec<_> = used.map(|it| (it.name(), it)).collect();
    /// secrets.update_fields_if_unchanged("smtp", read.version(), &used, None).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::update_fields_if_unchanged`](crate::Secrets::update_fields_if_unchanged).
    pub async fn update_fields_if_unchanged<'f, V: Clone + Into<FieldValue<'f>> + Sync>(
        &self,
        key: impl AsRef<str> + Send,
        version: Option<&Version>,
        fields: &[(&str, V)],
        expiry: impl Into<Expiry> + Send,
    ) -> Result<SecretMetadata, Error> {
        let fields = field_values(fields);
        self.0
            .begin()
            .update_fields_if_unchanged(key.as_ref(), version, &fields, expiry.into())
            .await
    }

    /// As [`Secrets::set_field`](crate::Secrets::set_field).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// client.secrets().set_field("SMTP", "port", 587, None).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::set_field`](crate::Secrets::set_field).
    pub async fn set_field<'f>(
        &self,
        key: impl AsRef<str> + Send,
        field: &str,
        value: impl Into<FieldValue<'f>> + Send,
        expiry: impl Into<Expiry> + Send,
    ) -> Result<Written, Error> {
        self.0
            .begin()
            .set_field(key.as_ref(), field, value.into(), expiry.into())
            .await
    }

    /// As [`Secrets::update_field`](crate::Secrets::update_field).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// client.secrets().update_field("SMTP", "password", "s3cr3t-v@lue", None).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::update_field`](crate::Secrets::update_field).
    pub async fn update_field<'f>(
        &self,
        key: impl AsRef<str> + Send,
        field: &str,
        value: impl Into<FieldValue<'f>> + Send,
        expiry: impl Into<Expiry> + Send,
    ) -> Result<SecretMetadata, Error> {
        self.0
            .begin()
            .update_field(key.as_ref(), field, value.into(), expiry.into())
            .await
    }

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

impl fmt::Debug for AsyncSecrets<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncSecrets").finish_non_exhaustive()
    }
}
