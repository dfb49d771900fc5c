//! References to a store, which are stores too.

use std::sync::Arc;

use super::SecretStore;
use crate::error::Error;
use crate::expiry::Expiry;
use crate::secret::{Secret, SecretMetadata};

/// A reference to a store is a store.
macro_rules! refers_to_a_store {
    ($($type:ty),+) => {$(
        impl<S: SecretStore + ?Sized> SecretStore for $type {
            fn get_with_fields(&self, key: &str, fields: &[&str]) -> Result<Secret, Error> { (**self).get_with_fields(key, fields) }

            fn list(&self) -> Result<Vec<SecretMetadata>, Error> { (**self).list() }

            fn create(&self, key: &str, value: &str, expiry: Expiry) -> Result<SecretMetadata, Error> { (**self).create(key, value, expiry) }

            fn update(&self, key: &str, value: &str, expiry: Expiry) -> Result<SecretMetadata, Error> { (**self).update(key, value, expiry) }

            fn put(&self, key: &str, value: &str, expiry: Expiry) -> Result<SecretMetadata, Error> { (**self).put(key, value, expiry) }

    fn create_fields(&self, key: &str, fields: &[(&str, &str)], expiry: Expiry) -> Result<SecretMetadata, Error> { (**self).create_fields(key, fields, expiry) }

            fn set_field(&self, key: &str, field: &str, value: &str, expiry: Expiry) -> Result<SecretMetadata, Error> { (**self).set_field(key, field, value, expiry) }

            fn delete(&self, key: &str) -> Result<(), Error> { (**self).delete(key) }

            fn exists(&self, key: &str) -> Result<bool, Error> { (**self).exists(key) }

            fn get_many(&self, requests: &[(&str, Vec<&str>)]) -> Vec<Result<Secret, Error>> { (**self).get_many(requests) }

        }
    )+};
}

refers_to_a_store!(&S, Arc<S>, Box<S>);
