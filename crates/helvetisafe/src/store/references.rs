//! References to a store, which are stores too.

use std::ops::Deref;

use helvetisafe_proto::Version;
use secrecy::SecretString;

use super::SecretStore;
use crate::error::Error;
use crate::expiry::Expiry;
use crate::secret::{Secret, SecretMetadata, Written};

/// A pointer to a store is a store: a reference, a `Box`, an `Arc`.
impl<P> SecretStore for P
where
    P: Deref<Target: SecretStore> + Send + Sync,
{
    fn get_with_fields(&self, key: &str, fields: &[&str]) -> Result<Secret, Error> {
        (**self).get_with_fields(key, fields)
    }

    fn list(&self) -> Result<Vec<SecretMetadata>, Error> {
        (**self).list()
    }

    fn create(&self, key: &str, value: &str, expiry: Expiry) -> Result<SecretMetadata, Error> {
        (**self).create(key, value, expiry)
    }

    fn update(&self, key: &str, value: &str, expiry: Expiry) -> Result<SecretMetadata, Error> {
        (**self).update(key, value, expiry)
    }

    fn update_if_unchanged(
        &self,
        key: &str,
        version: Option<&Version>,
        value: &str,
        expiry: Expiry,
    ) -> Result<SecretMetadata, Error> {
        (**self).update_if_unchanged(key, version, value, expiry)
    }

    fn put(&self, key: &str, value: &str, expiry: Expiry) -> Result<Written, Error> {
        (**self).put(key, value, expiry)
    }

    fn create_fields(
        &self,
        key: &str,
        fields: &[(&str, &str)],
        expiry: Expiry,
    ) -> Result<SecretMetadata, Error> {
        (**self).create_fields(key, fields, expiry)
    }

    fn set_field(
        &self,
        key: &str,
        field: &str,
        value: &str,
        expiry: Expiry,
    ) -> Result<Written, Error> {
        (**self).set_field(key, field, value, expiry)
    }

    fn update_field(
        &self,
        key: &str,
        field: &str,
        value: &str,
        expiry: Expiry,
    ) -> Result<SecretMetadata, Error> {
        (**self).update_field(key, field, value, expiry)
    }

    fn delete(&self, key: &str) -> Result<(), Error> {
        (**self).delete(key)
    }

    fn exists(&self, key: &str) -> Result<bool, Error> {
        (**self).exists(key)
    }

    fn get_many_with_fields(&self, requests: &[(&str, Vec<&str>)]) -> Vec<Result<Secret, Error>> {
        (**self).get_many_with_fields(requests)
    }

    fn get(&self, key: &str) -> Result<Secret, Error> {
        (**self).get(key)
    }

    fn get_field(&self, key: &str, field: &str) -> Result<SecretString, Error> {
        (**self).get_field(key, field)
    }
}
