//! The traits that an application can take instead of a client, so that its tests need no vault.

#[cfg(feature = "async")]
mod asynchronous;
#[cfg(feature = "test-util")]
mod memory;
mod references;

#[cfg(feature = "async")]
pub use asynchronous::{AsyncSecretStore, StoreFuture};
#[cfg(feature = "test-util")]
pub use memory::MemoryStore;

use helvetisafe_proto::Version;
use secrecy::SecretString;

use crate::error::Error;
use crate::expiry::Expiry;
use crate::secret::{Secret, SecretMetadata, Written};

/// A store of secrets: a [`Client`](crate::Client), or a `MemoryStore` in tests (feature `test-util`).
///
/// An application that takes `&dyn SecretStore`, `Arc<dyn SecretStore>` or `impl SecretStore` runs on both. The
/// methods are those of [`Secrets`](crate::Secrets) with the same names, with plain types so that the trait
/// works as a trait object; their errors are the same. The clones and references of a store are stores too.
///
/// ```
/// use helvetisafe::{Error, SecretStore, SecretString};
///
/// fn database_password(store: &dyn SecretStore) -> Result<SecretString, Error> {
///     store.get("database_password").map(SecretString::from)
/// }
///
/// # #[cfg(feature = "test-util")] {
/// use helvetisafe::{ExposeSecret, MemoryStore};
///
/// let store = MemoryStore::from([("database_password", "s3cr3t-v@lue")]);
/// assert_eq!(database_password(&store)?.expose_secret(), "s3cr3t-v@lue");
/// # }
/// # Ok::<(), Error>(())
/// ```
pub trait SecretStore: Send + Sync {
    /// As [`Secrets::get_with_fields`](crate::Secrets::get_with_fields).
    ///
    /// # Errors
    ///
    /// As [`Secrets::get_with_fields`](crate::Secrets::get_with_fields).
    fn get_with_fields(&self, key: &str, fields: &[&str]) -> Result<Secret, Error>;

    /// As [`Secrets::list`](crate::Secrets::list).
    ///
    /// # Errors
    ///
    /// As [`Secrets::list`](crate::Secrets::list).
    fn list(&self) -> Result<Vec<SecretMetadata>, Error>;

    /// As [`Secrets::create`](crate::Secrets::create).
    ///
    /// # Errors
    ///
    /// As [`Secrets::create`](crate::Secrets::create).
    fn create(&self, key: &str, value: &str, expiry: Expiry) -> Result<SecretMetadata, Error>;

    /// As [`Secrets::update`](crate::Secrets::update).
    ///
    /// # Errors
    ///
    /// As [`Secrets::update`](crate::Secrets::update).
    fn update(&self, key: &str, value: &str, expiry: Expiry) -> Result<SecretMetadata, Error>;

    /// As [`Secrets::update_if_unchanged`](crate::Secrets::update_if_unchanged).
    ///
    /// # Errors
    ///
    /// As [`Secrets::update_if_unchanged`](crate::Secrets::update_if_unchanged).
    fn update_if_unchanged(
        &self,
        key: &str,
        version: Option<&Version>,
        value: &str,
        expiry: Expiry,
    ) -> Result<SecretMetadata, Error>;

    /// As [`Secrets::put`](crate::Secrets::put).
    ///
    /// # Errors
    ///
    /// As [`Secrets::put`](crate::Secrets::put).
    fn put(&self, key: &str, value: &str, expiry: Expiry) -> Result<Written, Error>;

    /// As [`Secrets::create_fields`](crate::Secrets::create_fields).
    ///
    /// # Errors
    ///
    /// As [`Secrets::create_fields`](crate::Secrets::create_fields).
    fn create_fields(
        &self,
        key: &str,
        fields: &[(&str, &str)],
        expiry: Expiry,
    ) -> Result<SecretMetadata, Error>;

    /// As [`Secrets::set_field`](crate::Secrets::set_field).
    ///
    /// # Errors
    ///
    /// As [`Secrets::set_field`](crate::Secrets::set_field).
    fn set_field(
        &self,
        key: &str,
        field: &str,
        value: &str,
        expiry: Expiry,
    ) -> Result<Written, Error>;

    /// As [`Secrets::update_field`](crate::Secrets::update_field).
    ///
    /// # Errors
    ///
    /// As [`Secrets::update_field`](crate::Secrets::update_field).
    fn update_field(
        &self,
        key: &str,
        field: &str,
        value: &str,
        expiry: Expiry,
    ) -> Result<SecretMetadata, Error>;

    /// As [`Secrets::delete`](crate::Secrets::delete).
    ///
    /// # Errors
    ///
    /// As [`Secrets::delete`](crate::Secrets::delete).
    fn delete(&self, key: &str) -> Result<(), Error>;

    /// As [`Secrets::get`](crate::Secrets::get).
    ///
    /// # Errors
    ///
    /// As [`Secrets::get`](crate::Secrets::get).
    fn get(&self, key: &str) -> Result<Secret, Error> {
        self.get_with_fields(key, &[])
    }

    /// As [`Secrets::get_field`](crate::Secrets::get_field).
    ///
    /// # Errors
    ///
    /// As [`Secrets::get_field`](crate::Secrets::get_field).
    fn get_field(&self, key: &str, field: &str) -> Result<SecretString, Error> {
        self.get_with_fields(key, &[field])?.field_text(field)
    }

    /// As [`Secrets::exists`](crate::Secrets::exists).
    ///
    /// # Errors
    ///
    /// As [`Secrets::exists`](crate::Secrets::exists).
    fn exists(&self, key: &str) -> Result<bool, Error>;

    /// Reads many secrets, each as [`Self::get_with_fields`] with the fields that the caller expects in it. Returns
    /// one result for each, in their order. The default implementation reads one after the other.
    fn get_many_with_fields(&self, requests: &[(&str, Vec<&str>)]) -> Vec<Result<Secret, Error>> {
        let get = |(key, fields): &(&str, Vec<&str>)| self.get_with_fields(key, fields);
        requests.iter().map(get).collect()
    }
}
