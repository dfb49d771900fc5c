use std::ops::Deref;
use std::pin::Pin;

use helvetisafe_proto::Version;
use secrecy::SecretString;

use crate::error::Error;
use crate::expiry::Expiry;
use crate::secret::{Secret, SecretMetadata, Written};

/// The future of an [`AsyncSecretStore`].
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The [`SecretStore`](crate::SecretStore) of asynchronous programs: an [`AsyncClient`](crate::AsyncClient), or a
/// `MemoryStore` in tests (feature `test-util`).
///
/// ```
/// use std::sync::Arc;
///
/// use helvetisafe::{AsyncSecretStore, Error, SecretString};
///
/// struct Mailer {
///     secrets: Arc<dyn AsyncSecretStore>,
/// }
///
/// impl Mailer {
///     async fn password(&self) -> Result<SecretString, Error> {
///         self.secrets.get_field("SMTP", "PASS").await
///     }
/// }
/// # fn show(client: helvetisafe::AsyncClient) -> Mailer {
/// #     Mailer { secrets: Arc::new(client) }
/// # }
/// ```
pub trait AsyncSecretStore: Send + Sync {
    /// As [`SecretStore::get_with_fields`](crate::SecretStore::get_with_fields).
    ///
    /// # Errors
    ///
    /// As [`SecretStore::get_with_fields`](crate::SecretStore::get_with_fields).
    fn get_with_fields<'a>(
        &'a self,
        key: &'a str,
        fields: &'a [&'a str],
    ) -> StoreFuture<'a, Result<Secret, Error>>;

    /// As [`SecretStore::list`](crate::SecretStore::list).
    ///
    /// # Errors
    ///
    /// As [`SecretStore::list`](crate::SecretStore::list).
    fn list<'a>(&'a self) -> StoreFuture<'a, Result<Vec<SecretMetadata>, Error>>;

    /// As [`SecretStore::create`](crate::SecretStore::create).
    ///
    /// # Errors
    ///
    /// As [`SecretStore::create`](crate::SecretStore::create).
    fn create<'a>(
        &'a self,
        key: &'a str,
        value: &'a str,
        expiry: Expiry,
    ) -> StoreFuture<'a, Result<SecretMetadata, Error>>;

    /// As [`SecretStore::update`](crate::SecretStore::update).
    ///
    /// # Errors
    ///
    /// As [`SecretStore::update`](crate::SecretStore::update).
    fn update<'a>(
        &'a self,
        key: &'a str,
        value: &'a str,
        expiry: Expiry,
    ) -> StoreFuture<'a, Result<SecretMetadata, Error>>;

    /// As [`SecretStore::update_if_unchanged`](crate::SecretStore::update_if_unchanged).
    ///
    /// # Errors
    ///
    /// As [`SecretStore::update_if_unchanged`](crate::SecretStore::update_if_unchanged).
    fn update_if_unchanged<'a>(
        &'a self,
        key: &'a str,
        version: Option<&'a Version>,
        value: &'a str,
        expiry: Expiry,
    ) -> StoreFuture<'a, Result<SecretMetadata, Error>>;

    /// As [`SecretStore::put`](crate::SecretStore::put).
    ///
    /// # Errors
    ///
    /// As [`SecretStore::put`](crate::SecretStore::put).
    fn put<'a>(
        &'a self,
        key: &'a str,
        value: &'a str,
        expiry: Expiry,
    ) -> StoreFuture<'a, Result<Written, Error>>;

    /// As [`SecretStore::create_fields`](crate::SecretStore::create_fields).
    ///
    /// # Errors
    ///
    /// As [`SecretStore::create_fields`](crate::SecretStore::create_fields).
    fn create_fields<'a>(
        &'a self,
        key: &'a str,
        fields: &'a [(&'a str, &'a str)],
        expiry: Expiry,
    ) -> StoreFuture<'a, Result<SecretMetadata, Error>>;

    /// As [`SecretStore::set_field`](crate::SecretStore::set_field).
    ///
    /// # Errors
    ///
    /// As [`SecretStore::set_field`](crate::SecretStore::set_field).
    fn set_field<'a>(
        &'a self,
        key: &'a str,
        field: &'a str,
        value: &'a str,
        expiry: Expiry,
    ) -> StoreFuture<'a, Result<Written, Error>>;

    /// As [`SecretStore::update_field`](crate::SecretStore::update_field).
    ///
    /// # Errors
    ///
    /// As [`SecretStore::update_field`](crate::SecretStore::update_field).
    fn update_field<'a>(
        &'a self,
        key: &'a str,
        field: &'a str,
        value: &'a str,
        expiry: Expiry,
    ) -> StoreFuture<'a, Result<SecretMetadata, Error>>;

    /// As [`SecretStore::delete`](crate::SecretStore::delete).
    ///
    /// # Errors
    ///
    /// As [`SecretStore::delete`](crate::SecretStore::delete).
    fn delete<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Result<(), Error>>;

    /// As [`SecretStore::exists`](crate::SecretStore::exists).
    ///
    /// # Errors
    ///
    /// As [`SecretStore::exists`](crate::SecretStore::exists).
    fn exists<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Result<bool, Error>>;

    /// As [`SecretStore::get_many_with_fields`](crate::SecretStore::get_many_with_fields).
    fn get_many_with_fields<'a>(
        &'a self,
        requests: &'a [(&'a str, Vec<&'a str>)],
    ) -> StoreFuture<'a, Vec<Result<Secret, Error>>>;

    /// As [`SecretStore::get`](crate::SecretStore::get).
    ///
    /// # Errors
    ///
    /// As [`SecretStore::get`](crate::SecretStore::get).
    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Result<Secret, Error>> {
        self.get_with_fields(key, &[])
    }

    /// As [`SecretStore::get_field`](crate::SecretStore::get_field).
    ///
    /// # Errors
    ///
    /// As [`SecretStore::get_field`](crate::SecretStore::get_field).
    fn get_field<'a>(
        &'a self,
        key: &'a str,
        field: &'a str,
    ) -> StoreFuture<'a, Result<SecretString, Error>> {
        Box::pin(async move {
            let secret = self.get_with_fields(key, &[field]).await?;
            secret.field_text(field)
        })
    }
}

/// A pointer to a store is a store: a reference, a `Box`, an `Arc`.
impl<P> AsyncSecretStore for P
where
    P: Deref<Target: AsyncSecretStore> + Send + Sync,
{
    fn get_with_fields<'a>(
        &'a self,
        key: &'a str,
        fields: &'a [&'a str],
    ) -> StoreFuture<'a, Result<Secret, Error>> {
        (**self).get_with_fields(key, fields)
    }

    fn list<'a>(&'a self) -> StoreFuture<'a, Result<Vec<SecretMetadata>, Error>> {
        (**self).list()
    }

    fn create<'a>(
        &'a self,
        key: &'a str,
        value: &'a str,
        expiry: Expiry,
    ) -> StoreFuture<'a, Result<SecretMetadata, Error>> {
        (**self).create(key, value, expiry)
    }

    fn update<'a>(
        &'a self,
        key: &'a str,
        value: &'a str,
        expiry: Expiry,
    ) -> StoreFuture<'a, Result<SecretMetadata, Error>> {
        (**self).update(key, value, expiry)
    }

    fn update_if_unchanged<'a>(
        &'a self,
        key: &'a str,
        version: Option<&'a Version>,
        value: &'a str,
        expiry: Expiry,
    ) -> StoreFuture<'a, Result<SecretMetadata, Error>> {
        (**self).update_if_unchanged(key, version, value, expiry)
    }

    fn put<'a>(
        &'a self,
        key: &'a str,
        value: &'a str,
        expiry: Expiry,
    ) -> StoreFuture<'a, Result<Written, Error>> {
        (**self).put(key, value, expiry)
    }

    fn create_fields<'a>(
        &'a self,
        key: &'a str,
        fields: &'a [(&'a str, &'a str)],
        expiry: Expiry,
    ) -> StoreFuture<'a, Result<SecretMetadata, Error>> {
        (**self).create_fields(key, fields, expiry)
    }

    fn set_field<'a>(
        &'a self,
        key: &'a str,
        field: &'a str,
        value: &'a str,
        expiry: Expiry,
    ) -> StoreFuture<'a, Result<Written, Error>> {
        (**self).set_field(key, field, value, expiry)
    }

    fn update_field<'a>(
        &'a self,
        key: &'a str,
        field: &'a str,
        value: &'a str,
        expiry: Expiry,
    ) -> StoreFuture<'a, Result<SecretMetadata, Error>> {
        (**self).update_field(key, field, value, expiry)
    }

    fn delete<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Result<(), Error>> {
        (**self).delete(key)
    }

    fn exists<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Result<bool, Error>> {
        (**self).exists(key)
    }

    fn get_many_with_fields<'a>(
        &'a self,
        requests: &'a [(&'a str, Vec<&'a str>)],
    ) -> StoreFuture<'a, Vec<Result<Secret, Error>>> {
        (**self).get_many_with_fields(requests)
    }

    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Result<Secret, Error>> {
        (**self).get(key)
    }

    fn get_field<'a>(
        &'a self,
        key: &'a str,
        field: &'a str,
    ) -> StoreFuture<'a, Result<SecretString, Error>> {
        (**self).get_field(key, field)
    }
}
