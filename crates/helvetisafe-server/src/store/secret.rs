//! Secrets, as the database stores them. The vault knows their names and dates, not their values.

use std::sync::Arc;

use helvetisafe_proto::endpoint::{
    CreatedSecret, Expiry, ListedSecret, SecretRecord, UpdatedSecret,
};
use helvetisafe_proto::{KeyName, Version};
use jiff::Timestamp;
use serde::Deserialize;

use super::{
    Grant, IdempotencyKey, KeyEpoch, Moment, Principal, SecretVersion, Store, StoreError, Tenant,
    hold,
};
use crate::token::Hash;

/// The base64 of a value and its nonce.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Ciphertext {
    pub(crate) value: String,
    pub(crate) nonce: String,
}

/// A secret to write.
pub(crate) struct SecretWrite {
    pub(crate) grant: Grant,
    pub(crate) key: KeyName,
    pub(crate) ciphertext: Ciphertext,
    /// A secret that is created does not expire if this is [`Expiry::Keep`].
    pub(crate) expiry: Expiry,
    /// The versions of which an update needs one; `None` if any will do.
    pub(crate) versions: Option<Vec<SecretVersion>>,
    /// The identity that repetitions of the request share. SQLite has no use for it: its one node runs writes in the order in
    /// which they arrive.
    pub(crate) idempotency_key: Option<IdempotencyKey>,
}

/// The outcome of a write that needs a secret, and may need a version of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conditional<T> {
    Done(T),
    /// There is no such secret.
    NoSecret,
    /// The secret has another version.
    OtherVersion,
}

/// The outcome of a write that creates or updates.
pub(crate) enum Put {
    Created(CreatedSecret),
    Updated(UpdatedSecret),
}

/// A secret as the vault stores it: all that a copy of the database reveals about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredSecret {
    /// The name.
    pub key: String,
    /// The version.
    pub version: Version,
    /// Base64 of the ciphertext followed by its 16-byte tag.
    pub value: String,
    /// Base64 of the 12-byte nonce.
    pub nonce: String,
    /// The time of its creation.
    pub created_at: Timestamp,
    /// The time of the last write.
    pub updated_at: Timestamp,
    /// The expiry.
    pub expires_at: Option<Timestamp>,
}

/// The columns of a secret besides its name and value.
#[derive(Clone, Copy)]
pub(super) struct Dates {
    pub(super) version: SecretVersion,
    pub(super) created_at: Moment,
    pub(super) updated_at: Moment,
    pub(super) expires_at: Option<Moment>,
}

impl Dates {
    pub(super) fn created(self, key: &KeyName, epoch: KeyEpoch) -> CreatedSecret {
        CreatedSecret {
            key: key.to_string(),
            created_at: Timestamp::from(self.created_at).into(),
            expires_at: self.expires_at.map(Timestamp::from).into(),
            version: Some(self.version.into()),
            key_epoch: Some(epoch.number()),
        }
    }

    pub(super) fn updated(self, key: &KeyName, epoch: KeyEpoch) -> UpdatedSecret {
        UpdatedSecret {
            key: key.to_string(),
            updated_at: Timestamp::from(self.updated_at).into(),
            expires_at: self.expires_at.map(Timestamp::from).into(),
            version: Some(self.version.into()),
            key_epoch: Some(epoch.number()),
        }
    }

    pub(super) fn listed(self, key: String) -> ListedSecret {
        ListedSecret {
            key,
            created_at: Timestamp::from(self.created_at).into(),
            updated_at: Timestamp::from(self.updated_at).into(),
            expires_at: self.expires_at.map(Timestamp::from).into(),
            version: Some(self.version.into()),
        }
    }

    pub(super) fn record(
        self,
        key: KeyName,
        epoch: KeyEpoch,
        ciphertext: Ciphertext,
    ) -> SecretRecord {
        SecretRecord {
            key,
            value: ciphertext.value,
            nonce: ciphertext.nonce,
            expires_at: self.expires_at.map(Timestamp::from).into(),
            updated_at: Timestamp::from(self.updated_at).into(),
            version: Some(self.version.into()),
            key_epoch: Some(epoch.number()),
        }
    }

    pub(super) fn stored(self, key: String, ciphertext: Ciphertext) -> StoredSecret {
        StoredSecret {
            key,
            version: self.version.into(),
            value: ciphertext.value,
            nonce: ciphertext.nonce,
            created_at: self.created_at.into(),
            updated_at: self.updated_at.into(),
            expires_at: self.expires_at.map(Timestamp::from),
        }
    }
}

impl Store {
    /// Returns the principal of a valid token and, with the name of a secret, that secret.
    pub(crate) async fn read_secret(
        &self,
        hash: &Hash,
        key: Option<KeyName>,
    ) -> Result<Option<(Principal, Option<SecretRecord>)>, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.read_secret(hash, key),
            Self::Postgres(postgres) => postgres.read_secret(hash, key).await,
        }
    }

    /// Creates a secret; returns `None` if the name exists. Waits, like the other writes of secrets, while a rotation holds
    /// the writes of the organization.
    pub(crate) async fn create_secret(
        &self,
        write: SecretWrite,
    ) -> Result<Option<CreatedSecret>, StoreError> {
        let write = &Arc::new(write);
        hold::wait(|| async move {
            match self {
                Self::Sqlite(sqlite) => sqlite.create_secret(write).await,
                Self::Postgres(postgres) => postgres.create_secret(write).await,
            }
        })
        .await
    }

    pub(crate) async fn update_secret(
        &self,
        write: SecretWrite,
    ) -> Result<Conditional<UpdatedSecret>, StoreError> {
        let write = &Arc::new(write);
        hold::wait(|| async move {
            match self {
                Self::Sqlite(sqlite) => sqlite.update_secret(write).await,
                Self::Postgres(postgres) => postgres.update_secret(write).await,
            }
        })
        .await
    }

    /// Creates a secret, or updates the one of this name. Its versions do not matter.
    pub(crate) async fn put_secret(&self, write: SecretWrite) -> Result<Put, StoreError> {
        let write = &Arc::new(write);
        hold::wait(|| async move {
            match self {
                Self::Sqlite(sqlite) => sqlite.put_secret(write).await,
                Self::Postgres(postgres) => postgres.put_secret(write).await,
            }
        })
        .await
    }

    /// Deletes a secret. With `versions`, it must have one of them.
    pub(crate) async fn delete_secret(
        &self,
        grant: Grant,
        key: KeyName,
        versions: Option<Vec<SecretVersion>>,
        idempotency_key: Option<IdempotencyKey>,
    ) -> Result<Conditional<()>, StoreError> {
        let (key, versions) = (&key, versions.as_deref());
        hold::wait(|| async move {
            match self {
                Self::Sqlite(sqlite) => sqlite.delete_secret(grant, key, versions).await,
                Self::Postgres(postgres) => {
                    let deleted = postgres.delete_secret(grant, key, versions, idempotency_key);
                    deleted.await
                }
            }
        })
        .await
    }

    /// Returns a secret, without a check of rights.
    #[cfg(feature = "faults")]
    pub(crate) async fn secret(
        &self,
        tenant: Tenant,
        key: KeyName,
    ) -> Result<Option<SecretRecord>, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.secret(tenant, key),
            Self::Postgres(postgres) => postgres.secret(tenant, key).await,
        }
    }

    /// Returns every row, including expired ones that are not removed yet.
    pub(crate) async fn stored_secrets(
        &self,
        tenant: Tenant,
    ) -> Result<Vec<StoredSecret>, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.stored_secrets(tenant),
            Self::Postgres(postgres) => postgres.stored_secrets(tenant).await,
        }
    }
}
