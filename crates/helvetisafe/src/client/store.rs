//! The client as a store.

use helvetisafe_proto::Version;
use secrecy::SecretString;

use super::Client;
use crate::error::Error;
use crate::expiry::Expiry;
use crate::secret::{Secret, SecretMetadata, Written};
use crate::store::SecretStore;

impl SecretStore for Client {
    fn get_with_fields(&self, key: &str, fields: &[&str]) -> Result<Secret, Error> {
        self.secrets().get_with_fields(key, fields)
    }

    fn list(&self) -> Result<Vec<SecretMetadata>, Error> {
        self.secrets().list()
    }

    fn create(&self, key: &str, value: &str, expiry: Expiry) -> Result<SecretMetadata, Error> {
        self.secrets().create(key, value, expiry)
    }

    fn update(&self, key: &str, value: &str, expiry: Expiry) -> Result<SecretMetadata, Error> {
        self.secrets().update(key, value, expiry)
    }

    fn update_if_unchanged(
        &self,
        key: &str,
        version: Option<&Version>,
        value: &str,
        expiry: Expiry,
    ) -> Result<SecretMetadata, Error> {
        self.secrets()
            .update_if_unchanged(key, version, value, expiry)
    }

    fn put(&self, key: &str, value: &str, expiry: Expiry) -> Result<Written, Error> {
        self.secrets().put(key, value, expiry)
    }

    fn create_fields(
        &self,
        key: &str,
        fields: &[(&str, &str)],
        expiry: Expiry,
    ) -> Result<SecretMetadata, Error> {
        self.secrets().create_fields(key, fields, expiry)
    }

    fn set_field(
        &self,
        key: &str,
        field: &str,
        value: &str,
        expiry: Expiry,
    ) -> Result<Written, Error> {
        self.secrets().set_field(key, field, value, expiry)
    }

    fn update_field(
        &self,
        key: &str,
        field: &str,
        value: &str,
        expiry: Expiry,
    ) -> Result<SecretMetadata, Error> {
        self.secrets().update_field(key, field, value, expiry)
    }

    fn delete(&self, key: &str) -> Result<(), Error> {
        self.secrets().delete(key)
    }

    fn get(&self, key: &str) -> Result<Secret, Error> {
        self.secrets().get(key)
    }

    fn get_field(&self, key: &str, field: &str) -> Result<SecretString, Error> {
        self.secrets().get_field(key, field)
    }

    fn exists(&self, key: &str) -> Result<bool, Error> {
        self.secrets().exists(key)
    }

    fn get_many_with_fields(&self, requests: &[(&str, Vec<&str>)]) -> Vec<Result<Secret, Error>> {
        self.secrets().get_many_with_fields(requests)
    }
}
