//! The asynchronous client as a store.

use helvetisafe_proto::Version;
use secrecy::SecretString;

use super::AsyncClient;
use crate::error::Error;
use crate::expiry::Expiry;
use crate::secret::{Secret, SecretMetadata, Written};
use crate::store::{AsyncSecretStore, StoreFuture};

impl AsyncSecretStore for AsyncClient {
    fn get_with_fields<'a>(
        &'a self,
        key: &'a str,
        fields: &'a [&'a str],
    ) -> StoreFuture<'a, Result<Secret, Error>> {
        Box::pin(async move { self.secrets().get_with_fields(key, fields).await })
    }

    fn list<'a>(&'a self) -> StoreFuture<'a, Result<Vec<SecretMetadata>, Error>> {
        Box::pin(async move { self.secrets().list().await })
    }

    fn create<'a>(
        &'a self,
        key: &'a str,
        value: &'a str,
        expiry: Expiry,
    ) -> StoreFuture<'a, Result<SecretMetadata, Error>> {
        Box::pin(async move { self.secrets().create(key, value, expiry).await })
    }

    fn update<'a>(
        &'a self,
        key: &'a str,
        value: &'a str,
        expiry: Expiry,
    ) -> StoreFuture<'a, Result<SecretMetadata, Error>> {
        Box::pin(async move { self.secrets().update(key, value, expiry).await })
    }

    fn update_if_unchanged<'a>(
        &'a self,
        key: &'a str,
        version: Option<&'a Version>,
        value: &'a str,
        expiry: Expiry,
    ) -> StoreFuture<'a, Result<SecretMetadata, Error>> {
        Box::pin(async move {
            self.secrets()
                .update_if_unchanged(key, version, value, expiry)
                .await
        })
    }

    fn put<'a>(
        &'a self,
        key: &'a str,
        value: &'a str,
        expiry: Expiry,
    ) -> StoreFuture<'a, Result<Written, Error>> {
        Box::pin(async move { self.secrets().put(key, value, expiry).await })
    }

    fn create_fields<'a>(
        &'a self,
        key: &'a str,
        fields: &'a [(&'a str, &'a str)],
        expiry: Expiry,
    ) -> StoreFuture<'a, Result<SecretMetadata, Error>> {
        Box::pin(async move { self.secrets().create_fields(key, fields, expiry).await })
    }

    fn set_field<'a>(
        &'a self,
        key: &'a str,
        field: &'a str,
        value: &'a str,
        expiry: Expiry,
    ) -> StoreFuture<'a, Result<Written, Error>> {
        Box::pin(async move { self.secrets().set_field(key, field, value, expiry).await })
    }

    fn update_field<'a>(
        &'a self,
        key: &'a str,
        field: &'a str,
        value: &'a str,
        expiry: Expiry,
    ) -> StoreFuture<'a, Result<SecretMetadata, Error>> {
        Box::pin(async move { self.secrets().update_field(key, field, value, expiry).await })
    }

    fn delete<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Result<(), Error>> {
        Box::pin(async move { self.secrets().delete(key).await })
    }

    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Result<Secret, Error>> {
        Box::pin(async move { self.secrets().get(key).await })
    }

    fn get_field<'a>(
        &'a self,
        key: &'a str,
        field: &'a str,
    ) -> StoreFuture<'a, Result<SecretString, Error>> {
        Box::pin(async move { self.secrets().get_field(key, field).await })
    }

    fn exists<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Result<bool, Error>> {
        Box::pin(async move { self.secrets().exists(key).await })
    }

    fn get_many_with_fields<'a>(
        &'a self,
        requests: &'a [(&'a str, Vec<&'a str>)],
    ) -> StoreFuture<'a, Vec<Result<Secret, Error>>> {
        Box::pin(async move { self.secrets().get_many_with_fields(requests).await })
    }
}
