use std::sync::Arc;
use std::time::Duration;

use helvetisafe_proto::Version;
use helvetisafe_proto::endpoint::Expiry;
use jiff::Timestamp;
use secrecy::SecretString;

use super::watch::AsyncWatch;
use crate::error::Error;
use crate::operations::Operations;
use crate::runtime::{Boxed, Tokio};
use crate::secret::{Secret, SecretMetadata, Written};
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
    #[must_use]
    pub fn within(&self, timeout: Duration) -> Self {
        Self(self.0.within(timeout))
    }

    /// As [`Secrets::get`](crate::Secrets::get).
    ///
    /// # Errors
    ///
    /// As [`Secrets::get`](crate::Secrets::get).
    pub async fn get(&self, key: impl AsRef<str> + Send) -> Result<Secret, Error> {
        self.0.begin().get(key.as_ref()).await
    }

    /// As [`Secrets::get_field`](crate::Secrets::get_field).
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
    /// # Errors
    ///
    /// As [`Secrets::exists`](crate::Secrets::exists).
    pub async fn exists(&self, key: impl AsRef<str> + Send) -> Result<bool, Error> {
        self.0.begin().exists(key.as_ref()).await
    }

    /// As [`Secrets::list`](crate::Secrets::list).
    ///
    /// # Errors
    ///
    /// As [`Secrets::list`](crate::Secrets::list).
    pub async fn list(&self) -> Result<Vec<SecretMetadata>, Error> {
        self.0.begin().list().await
    }

    /// As [`Secrets::create`](crate::Secrets::create).
    ///
    /// # Errors
    ///
    /// As [`Secrets::create`](crate::Secrets::create).
    pub async fn create(
        &self,
        key: impl AsRef<str> + Send,
        value: &str,
        expires_at: impl Into<Option<Timestamp>> + Send,
    ) -> Result<SecretMetadata, Error> {
        self.0
            .begin()
            .create(key.as_ref(), value, expires_at.into())
            .await
    }

    /// As [`Secrets::update`](crate::Secrets::update).
    ///
    /// # Errors
    ///
    /// As [`Secrets::update`](crate::Secrets::update).
    pub async fn update(
        &self,
        key: impl AsRef<str> + Send,
        value: &str,
        expiry: impl Into<Expiry> + Send,
    ) -> Result<SecretMetadata, Error> {
        self.0
            .begin()
            .update(key.as_ref(), value, expiry.into())
            .await
    }

    /// As [`Secrets::update_if_unchanged`](crate::Secrets::update_if_unchanged).
    ///
    /// # Errors
    ///
    /// As [`Secrets::update_if_unchanged`](crate::Secrets::update_if_unchanged).
    pub async fn update_if_unchanged(
        &self,
        key: impl AsRef<str> + Send,
        version: Option<&Version>,
        value: &str,
        expiry: impl Into<Expiry> + Send,
    ) -> Result<SecretMetadata, Error> {
        self.0
            .begin()
            .update_if_unchanged(key.as_ref(), version, value, expiry.into())
            .await
    }

    /// As [`Secrets::put`](crate::Secrets::put).
    ///
    /// # Errors
    ///
    /// As [`Secrets::put`](crate::Secrets::put).
    pub async fn put(
        &self,
        key: impl AsRef<str> + Send,
        value: &str,
        expires_at: impl Into<Option<Timestamp>> + Send,
    ) -> Result<Written, Error> {
        self.0
            .begin()
            .put(key.as_ref(), value, expires_at.into())
            .await
    }

    /// As [`Secrets::delete`](crate::Secrets::delete).
    ///
    /// # Errors
    ///
    /// As [`Secrets::delete`](crate::Secrets::delete).
    pub async fn delete(&self, key: impl AsRef<str> + Send) -> Result<(), Error> {
        self.0.begin().delete(key.as_ref()).await
    }

    /// As [`Secrets::copy`](crate::Secrets::copy).
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

    /// As [`Secrets::create_fields`](crate::Secrets::create_fields).
    ///
    /// # Errors
    ///
    /// As [`Secrets::create_fields`](crate::Secrets::create_fields).
    pub async fn create_fields(
        &self,
        key: impl AsRef<str> + Send,
        fields: &[(&str, &str)],
        expires_at: impl Into<Option<Timestamp>> + Send,
    ) -> Result<SecretMetadata, Error> {
        self.0
            .begin()
            .create_fields(key.as_ref(), fields, expires_at.into())
            .await
    }

    /// As [`Secrets::update_fields`](crate::Secrets::update_fields).
    ///
    /// # Errors
    ///
    /// As [`Secrets::update_fields`](crate::Secrets::update_fields).
    pub async fn update_fields(
        &self,
        key: impl AsRef<str> + Send,
        fields: &[(&str, &str)],
        expiry: impl Into<Expiry> + Send,
    ) -> Result<SecretMetadata, Error> {
        self.0
            .begin()
            .update_fields(key.as_ref(), fields, expiry.into())
            .await
    }

    /// As [`Secrets::set_field`](crate::Secrets::set_field).
    ///
    /// # Errors
    ///
    /// As [`Secrets::set_field`](crate::Secrets::set_field).
    pub async fn set_field(
        &self,
        key: impl AsRef<str> + Send,
        field: &str,
        value: &str,
        expiry: impl Into<Expiry> + Send,
    ) -> Result<Written, Error> {
        self.0
            .begin()
            .set_field(key.as_ref(), field, value, expiry.into())
            .await
    }

    /// As [`Secrets::update_field`](crate::Secrets::update_field).
    ///
    /// # Errors
    ///
    /// As [`Secrets::update_field`](crate::Secrets::update_field).
    pub async fn update_field(
        &self,
        key: impl AsRef<str> + Send,
        field: &str,
        value: &str,
        expiry: impl Into<Expiry> + Send,
    ) -> Result<SecretMetadata, Error> {
        self.0
            .begin()
            .update_field(key.as_ref(), field, value, expiry.into())
            .await
    }

    /// As [`Secrets::get_many`](crate::Secrets::get_many), in one task.
    pub async fn get_many(&self, keys: &[impl AsRef<str> + Sync]) -> Vec<Result<Secret, Error>> {
        self.get_many_with(keys, |_| ()).await
    }

    /// As [`Secrets::get_many_with`](crate::Secrets::get_many_with).
    pub async fn get_many_with(
        &self,
        keys: &[impl AsRef<str> + Sync],
        finished: impl FnMut(usize) + Send,
    ) -> Vec<Result<Secret, Error>> {
        let keys: Vec<_> = keys.iter().map(AsRef::as_ref).collect();
        self.0.get_many(&keys, finished).await
    }

    /// As [`Secrets::get_all`](crate::Secrets::get_all).
    ///
    /// # Errors
    ///
    /// As [`Secrets::get_all`](crate::Secrets::get_all).
    pub async fn get_all(&self) -> Result<Vec<Result<Secret, Error>>, Error> {
        self.0.get_all().await
    }

    /// As [`Secrets::put_many`](crate::Secrets::put_many), in one task.
    pub async fn put_many(
        &self,
        items: &[(impl AsRef<str> + Sync, impl AsRef<str> + Sync)],
    ) -> Vec<Result<Written, Error>> {
        self.put_many_with(items, |_| ()).await
    }

    /// As [`Secrets::put_many_with`](crate::Secrets::put_many_with).
    pub async fn put_many_with(
        &self,
        items: &[(impl AsRef<str> + Sync, impl AsRef<str> + Sync)],
        finished: impl FnMut(usize) + Send,
    ) -> Vec<Result<Written, Error>> {
        let items: Vec<_> = items
            .iter()
            .map(|(key, value)| (key.as_ref(), value.as_ref()))
            .collect();
        self.0.put_many(&items, finished).await
    }

    /// As [`Secrets::each`](crate::Secrets::each), in one task.
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
    pub fn invalidate(&self, key: impl AsRef<str>) {
        self.0.invalidate(key.as_ref());
    }

    /// Drops all cached values.
    pub fn invalidate_all(&self) {
        self.0.invalidate_all();
    }

    /// As [`Secrets::watch`](crate::Secrets::watch), as a stream.
    ///
    /// # Errors
    ///
    /// As [`Secrets::watch`](crate::Secrets::watch).
    pub fn watch(&self, keys: &[impl AsRef<str>], interval: Duration) -> Result<AsyncWatch, Error> {
        let keys: Vec<_> = keys.iter().map(AsRef::as_ref).collect();
        self.0.watcher(&keys, interval).map(AsyncWatch::new)
    }
}
