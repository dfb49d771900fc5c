//! The store in memory behind the traits. Its own methods have the same names, and take precedence in these calls.

use helvetisafe_proto::Version;

use super::MemoryStore;
use crate::error::Error;
use crate::expiry::Expiry;
use crate::secret::{Secret, SecretMetadata, Written};
use crate::store::SecretStore;
#[cfg(feature = "async")]
use crate::store::{AsyncSecretStore, StoreFuture};

impl SecretStore for MemoryStore {
    fn get_with_fields(&self, key: &str, fields: &[&str]) -> Result<Secret, Error> {
        self.get_with_fields(key, fields)
    }

    fn list(&self) -> Result<Vec<SecretMetadata>, Error> {
        self.list()
    }

    fn create(&self, key: &str, value: &str, expiry: Expiry) -> Result<SecretMetadata, Error> {
        self.create(key, value, expiry)
    }

    fn update(&self, key: &str, value: &str, expiry: Expiry) -> Result<SecretMetadata, Error> {
        self.update(key, value, expiry)
    }

    fn update_if_unchanged(
        &self,
        key: &str,
        version: Option<&Version>,
        value: &str,
        expiry: Expiry,
    ) -> Result<SecretMetadata, Error> {
        self.update_if_unchanged(key, version, value, expiry)
    }

    fn put(&self, key: &str, value: &str, expiry: Expiry) -> Result<Written, Error> {
        self.put(key, value, expiry)
    }

    fn create_fields(
        &self,
        key: &str,
        fields: &[(&str, &str)],
        expiry: Expiry,
    ) -> Result<SecretMetadata, Error> {
        self.create_fields(key, fields, expiry)
    }

    fn set_field(
        &self,
        key: &str,
        field: &str,
        value: &str,
        expiry: Expiry,
    ) -> Result<Written, Error> {
        self.set_field(key, field, value, expiry)
    }

    fn update_field(
        &self,
        key: &str,
        field: &str,
        value: &str,
        expiry: Expiry,
    ) -> Result<SecretMetadata, Error> {
        self.update_field(key, field, value, expiry)
    }

    fn delete(&self, key: &str) -> Result<(), Error> {
        self.delete(key)
    }

    fn exists(&self, key: &str) -> Result<bool, Error> {
        self.exists(key)
    }
}

#[cfg(feature = "async")]
impl AsyncSecretStore for MemoryStore {
    fn get_with_fields<'a>(
        &'a self,
        key: &'a str,
        fields: &'a [&'a str],
    ) -> StoreFuture<'a, Result<Secret, Error>> {
        Box::pin(async move { self.get_with_fields(key, fields) })
    }

    fn list<'a>(&'a self) -> StoreFuture<'a, Result<Vec<SecretMetadata>, Error>> {
        Box::pin(async move { self.list() })
    }

    fn create<'a>(
        &'a self,
        key: &'a str,
        value: &'a str,
        expiry: Expiry,
    ) -> StoreFuture<'a, Result<SecretMetadata, Error>> {
        Box::pin(async move { self.create(key, value, expiry) })
    }

    fn update<'a>(
        &'a self,
        key: &'a str,
        value: &'a str,
        expiry: Expiry,
    ) -> StoreFuture<'a, Result<SecretMetadata, Error>> {
        Box::pin(async move { self.update(key, value, expiry) })
    }

    fn update_if_unchanged<'a>(
        &'a self,
        key: &'a str,
        version: Option<&'a Version>,
        value: &'a str,
        expiry: Expiry,
    ) -> StoreFuture<'a, Result<SecretMetadata, Error>> {
        Box::pin(async move { self.update_if_unchanged(key, version, value, expiry) })
    }

    fn put<'a>(
        &'a self,
        key: &'a str,
        value: &'a str,
        expiry: Expiry,
    ) -> StoreFuture<'a, Result<Written, Error>> {
        Box::pin(async move { self.put(key, value, expiry) })
    }

    fn create_fields<'a>(
        &'a self,
        key: &'a str,
        fields: &'a [(&'a str, &'a str)],
        expiry: Expiry,
    ) -> StoreFuture<'a, Result<SecretMetadata, Error>> {
        Box::pin(async move { self.create_fields(key, fields, expiry) })
    }

    fn set_field<'a>(
        &'a self,
        key: &'a str,
        field: &'a str,
        value: &'a str,
        expiry: Expiry,
    ) -> StoreFuture<'a, Result<Written, Error>> {
        Box::pin(async move { self.set_field(key, field, value, expiry) })
    }

    fn update_field<'a>(
        &'a self,
        key: &'a str,
        field: &'a str,
        value: &'a str,
        expiry: Expiry,
    ) -> StoreFuture<'a, Result<SecretMetadata, Error>> {
        Box::pin(async move { self.update_field(key, field, value, expiry) })
    }

    fn delete<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Result<(), Error>> {
        Box::pin(async move { self.delete(key) })
    }

    fn exists<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Result<bool, Error>> {
        Box::pin(async move { self.exists(key) })
    }

    fn get_many_with_fields<'a>(
        &'a self,
        requests: &'a [(&'a str, Vec<&'a str>)],
    ) -> StoreFuture<'a, Vec<Result<Secret, Error>>> {
        Box::pin(async move { SecretStore::get_many_with_fields(self, requests) })
    }
}
