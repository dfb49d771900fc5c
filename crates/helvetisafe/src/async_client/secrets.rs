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
    #[must_use]
    pub fn within(&self, timeout: Duration) -> Self {
        Self(self.0.within(timeout))
    }

    /// As [`Secrets::with`](crate::Secrets::with).
    #[must_use]
    pub fn with(&self, options: CallOptions) -> Self {
        Self(self.0.with(options))
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
    /// # Errors
    ///
    /// As [`Secrets::get_bytes`](crate::Secrets::get_bytes).
    pub async fn get_bytes(&self, key: impl AsRef<str> + Send) -> Result<SecretSlice<u8>, Error> {
        self.get(key).await?.to_bytes()
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

    /// As [`Secrets::copy_if_unchanged`](crate::Secrets::copy_if_unchanged).
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
    pub async fn get_many(
        &self,
        keys: impl IntoIterator<Item = impl AsRef<str> + Send + Sync> + Send,
    ) -> Vec<Result<Secret, Error>> {
        self.get_many_with(keys, |_| ()).await
    }

    /// As [`Secrets::get_many_with`](crate::Secrets::get_many_with).
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
    /// # Errors
    ///
    /// As [`Secrets::get_all`](crate::Secrets::get_all).
    pub async fn get_all(&self) -> Result<Vec<Result<Secret, Error>>, Error> {
        self.0.get_all().await
    }

    /// As [`Secrets::put_many`](crate::Secrets::put_many), in one task.
    pub async fn put_many(
        &self,
        items: impl IntoIterator<Item = impl PutItem + Send + Sync> + Send,
    ) -> Vec<Result<Written, Error>> {
        self.put_many_with(items, |_| ()).await
    }

    /// As [`Secrets::put_many_with`](crate::Secrets::put_many_with).
    pub async fn put_many_with(
        &self,
        items: impl IntoIterator<Item = impl PutItem + Send + Sync> + Send,
        finished: impl FnMut(usize) + Send,
    ) -> Vec<Result<Written, Error>> {
        let items: Vec<_> = items.into_iter().collect();
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
