//! Secrets, of which the vault knows the names and the dates and not the values.
//!
//! Time is a parameter. A secret whose expiry is not later than `now` does not exist: no statement
//! finds it, whether it has been swept or not.
//!
//! Writes that return a row read on to the end of the statement (`fetch_all`): SQLite commits when
//! the statement is done, so whoever stops at the first row has acknowledged a write that may still
//! fail.

use helvetisafe_proto::KeyName;
use helvetisafe_proto::endpoint::{CreatedSecret, ListedSecret, SecretRecord, UpdatedSecret};
use jiff::Timestamp;
use sqlx::types::Json;

use super::{Moment, OrganizationId, Store, StoreError};

/// What is stored under a name: both base64, checked.
pub(crate) struct Ciphertext {
    pub(crate) value: String,
    pub(crate) nonce: String,
}

/// What a write does to the expiry.
#[derive(Clone, Copy)]
pub(crate) enum NewExpiry {
    Keep,
    Set(Option<Moment>),
}

/// Which state the list of an organization is in: another number after each change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub(crate) struct ListVersion(pub(crate) i64);

/// One secret as the vault holds it: what somebody who copies its database learns.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredSecret {
    /// Its name.
    pub key: String,
    /// Base64 of the ciphertext followed by its 16-byte tag.
    pub value: String,
    /// Base64 of the 12-byte nonce.
    pub nonce: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// When it will be gone.
    pub expires_at: Option<Timestamp>,
}

impl Store {
    /// `None` when the name exists.
    pub(crate) async fn create_secret(
        &self,
        organization: OrganizationId,
        key: &KeyName,
        ciphertext: &Ciphertext,
        expires_at: Option<Moment>,
        now: Moment,
    ) -> Result<Option<CreatedSecret>, StoreError> {
        // What has expired and is not swept yet makes room.
        let created = sqlx::query(
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
        .bind(now)
        .execute(&self.writer)
        .await?;
        Ok((created.rows_affected() > 0).then(|| CreatedSecret {
            key: key.to_string(),
            created_at: Some(now.into()),
            expires_at: expires_at.map(Timestamp::from),
        }))
    }

    /// `None` when there is no such secret.
    pub(crate) async fn update_secret(
        &self,
        organization: OrganizationId,
        key: &KeyName,
        ciphertext: &Ciphertext,
        expiry: NewExpiry,
        now: Moment,
    ) -> Result<Option<UpdatedSecret>, StoreError> {
        let (keep, expires_at) = match expiry {
            NewExpiry::Keep => (true, None),
            NewExpiry::Set(expires_at) => (false, expires_at),
        };
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
        .bind(keep)
        .bind(expires_at)
        .bind(now)
        .fetch_all(&self.writer)
        .await?;
        Ok(updated.first().map(|expires_at| UpdatedSecret {
            key: key.to_string(),
            updated_at: Some(now.into()),
            expires_at: expires_at.map(Timestamp::from),
        }))
    }

    /// `None` when there is no such secret.
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
            expires_at: expires_at.map(Timestamp::from),
        }))
    }

    /// Which version the list has, and the list, ordered by name; unless it is still the `known` one.
    ///
    /// The database makes one row of all: row by row they would be passed from its thread to ours,
    /// which takes longer than all else together.
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
            created_at: Some(created_at.into()),
            updated_at: Some(updated_at.into()),
            expires_at: expires_at.map(Timestamp::from),
        };
        let listed = rows.map(|Json(mut rows)| {
            // They come in that order, which nothing promises; SQLite would sort them once more.
            rows.sort_unstable_by(|(one, ..), (other, ..)| one.cmp(other));
            rows.into_iter().map(listed).collect()
        });
        Ok((version, listed))
    }

    /// Whether there was such a secret.
    pub(crate) async fn delete_secret(
        &self,
        organization: OrganizationId,
        key: &KeyName,
        now: Moment,
    ) -> Result<bool, StoreError> {
        let deleted = sqlx::query(
            "DELETE FROM secrets \
             WHERE organization = ? AND key = ? AND (expires_at IS NULL OR expires_at > ?)",
        )
        .bind(organization)
        .bind(key.as_str())
        .bind(now)
        .execute(&self.writer)
        .await?;
        Ok(deleted.rows_affected() > 0)
    }

    /// Every row of an organization, expired ones that are not swept yet included.
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

    /// Removes the secrets that have expired.
    pub(crate) async fn sweep_secrets(&self, now: Moment) -> Result<u64, StoreError> {
        let swept = sqlx::query("DELETE FROM secrets WHERE expires_at <= ?")
            .bind(now)
            .execute(&self.writer)
            .await?;
        Ok(swept.rows_affected())
    }
}
