//! Secrets. The vault knows their names and dates, not their values.
//!
//! Time is a parameter. No statement finds an expired secret (`expires_at <= now`), even before it is
//! removed.
//!
//! A write that returns a row reads all rows (`fetch_all`), since SQLite commits at the end of the
//! statement: after the first row the write could still fail.

use helvetisafe_proto::KeyName;
use helvetisafe_proto::endpoint::{
    CreatedSecret, Expiry, ListedSecret, SecretRecord, UpdatedSecret,
};
use jiff::Timestamp;
use serde::Deserialize;
use sqlx::types::Json;

use super::{Moment, OrganizationId, Store, StoreError};

/// The base64 of a value and its nonce.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Ciphertext {
    pub(crate) value: String,
    pub(crate) nonce: String,
}

/// The version of an organization's list, which every change increments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub(crate) struct ListVersion(pub(crate) i64);

/// A secret as the vault stores it: all that a copy of the database reveals about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredSecret {
    /// The name.
    pub key: String,
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

impl Store {
    /// Creates a secret; returns `None` if the name exists.
    pub(crate) async fn create_secret(
        &self,
        organization: OrganizationId,
        key: &KeyName,
        ciphertext: &Ciphertext,
        expires_at: Option<Moment>,
        now: Moment,
    ) -> Result<Option<CreatedSecret>, StoreError> {
        // Replaces an expired secret that is not removed yet.
        let create = sqlx::query(
            "INSERT INTO secrets (organization, key, value, nonce, created_at, updated_at, expires_at) \
             VALUES (?1, ?2, ?3, ?4, ?6, ?6, ?5) \
             ON CONFLICT (organization, key) DO UPDATE SET value = excluded.value, \
             nonce = excluded.nonce, created_at = excluded.created_at, \
             updated_at = excluded.updated_at, expires_at = excluded.expires_at \
             WHERE secrets.expires_at <= ?6",
        )
        .bind(organization)
        .bind(key.as_str())
        .bind(&ciphertext.value)
        .bind(&ciphertext.nonce)
        .bind(expires_at)
        .bind(now);
        let is_created = self.write(create).await? > 0;
        Ok(is_created.then(|| CreatedSecret {
            key: key.to_string(),
            created_at: Timestamp::from(now).into(),
            expires_at: expires_at.map(Timestamp::from).into(),
        }))
    }

    /// Updates a secret; returns `None` if it does not exist.
    pub(crate) async fn update_secret(
        &self,
        organization: OrganizationId,
        key: &KeyName,
        ciphertext: &Ciphertext,
        expiry: Expiry,
        now: Moment,
    ) -> Result<Option<UpdatedSecret>, StoreError> {
        let updated: Vec<Option<Moment>> = sqlx::query_scalar(
            "UPDATE secrets SET value = ?3, nonce = ?4, updated_at = ?7, \
             expires_at = CASE WHEN ?5 THEN expires_at ELSE ?6 END \
             WHERE organization = ?1 AND key = ?2 AND (expires_at IS NULL OR expires_at > ?7) \
             RETURNING expires_at",
        )
        .bind(organization)
        .bind(key.as_str())
        .bind(&ciphertext.value)
        .bind(&ciphertext.nonce)
        .bind(expiry == Expiry::Keep)
        .bind(expiry.time().map(Moment::from))
        .bind(now)
        .fetch_all(&self.writer)
        .await?;
        Ok(updated.first().map(|expires_at| UpdatedSecret {
            key: key.to_string(),
            updated_at: Timestamp::from(now).into(),
            expires_at: expires_at.map(Timestamp::from).into(),
        }))
    }

    /// Returns a secret; `None` if it does not exist.
    pub(crate) async fn secret(
        &self,
        organization: OrganizationId,
        key: KeyName,
        now: Moment,
    ) -> Result<Option<SecretRecord>, StoreError> {
        let row: Option<(String, String, Option<Moment>)> = sqlx::query_as(
            "SELECT value, nonce, expires_at FROM secrets \
             WHERE organization = ? AND key = ? AND (expires_at IS NULL OR expires_at > ?)",
        )
        .bind(organization)
        .bind(key.as_str())
        .bind(now)
        .fetch_optional(&self.readers)
        .await?;
        Ok(row.map(|(value, nonce, expires_at)| SecretRecord {
            key,
            value,
            nonce,
            expires_at: expires_at.map(Timestamp::from).into(),
        }))
    }

    /// Returns the version of the list and, unless the version is `known`, the list ordered by name.
    ///
    /// The database returns the list as one row. Passing many rows from its thread to ours would take longer
    /// than all other work together.
    pub(crate) async fn list_secrets(
        &self,
        organization: OrganizationId,
        known: Option<ListVersion>,
        now: Moment,
    ) -> Result<(ListVersion, Option<Vec<ListedSecret>>), StoreError> {
        type Row = (String, Moment, Moment, Option<Moment>);
        let (version, rows): (_, Option<Json<Vec<Row>>>) = sqlx::query_as(
            "SELECT list_version, CASE WHEN list_version IS ?2 THEN NULL ELSE ( \
             SELECT json_group_array(json_array(key, created_at, updated_at, expires_at)) \
             FROM secrets WHERE organization = ?1 AND (expires_at IS NULL OR expires_at > ?3)) END \
             FROM organizations WHERE id = ?1",
        )
        .bind(organization)
        .bind(known)
        .bind(now)
        .fetch_one(&self.readers)
        .await?;
        let listed = |(key, created_at, updated_at, expires_at): Row| ListedSecret {
            key,
            created_at: Timestamp::from(created_at).into(),
            updated_at: Timestamp::from(updated_at).into(),
            expires_at: expires_at.map(Timestamp::from).into(),
        };
        let listed = rows.map(|Json(mut rows)| {
            // They come in order, but without a guarantee. `ORDER BY` would make SQLite sort them again.
            rows.sort_unstable_by(|(one, ..), (other, ..)| one.cmp(other));
            rows.into_iter().map(listed).collect()
        });
        Ok((version, listed))
    }

    /// Deletes a secret; returns whether it existed.
    pub(crate) async fn delete_secret(
        &self,
        organization: OrganizationId,
        key: &KeyName,
        now: Moment,
    ) -> Result<bool, StoreError> {
        let delete = sqlx::query(
            "DELETE FROM secrets \
             WHERE organization = ? AND key = ? AND (expires_at IS NULL OR expires_at > ?)",
        )
        .bind(organization)
        .bind(key.as_str())
        .bind(now);
        Ok(self.write(delete).await? > 0)
    }

    /// Returns every row of an organization, including expired ones that are not removed yet.
    pub(crate) async fn stored_secrets(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<StoredSecret>, StoreError> {
        type Row = (String, String, String, Moment, Moment, Option<Moment>);
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT key, value, nonce, created_at, updated_at, expires_at FROM secrets \
             WHERE organization = ? ORDER BY key",
        )
        .bind(organization)
        .fetch_all(&self.readers)
        .await?;
        let stored = |(key, value, nonce, created_at, updated_at, expires_at): Row| StoredSecret {
            key,
            value,
            nonce,
            created_at: created_at.into(),
            updated_at: updated_at.into(),
            expires_at: expires_at.map(Timestamp::from),
        };
        Ok(rows.into_iter().map(stored).collect())
    }

    /// Removes expired secrets.
    pub(crate) async fn sweep_secrets(&self, now: Moment) -> Result<u64, StoreError> {
        self.write(sqlx::query("DELETE FROM secrets WHERE expires_at <= ?").bind(now))
            .await
    }
}
