//! Secrets. No statement finds an expired one (`expires_at <= now`), even before it is removed.

use std::sync::Arc;

use helvetisafe_proto::KeyName;
#[cfg(feature = "faults")]
use helvetisafe_proto::endpoint::SecretRecord;
use helvetisafe_proto::endpoint::{CreatedSecret, Expiry, UpdatedSecret};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Sqlite;
use super::tokens::select_principal;
use super::writer::Batch;
use crate::store::hold::{hold_time, is_held};
use crate::store::secret::Dates;
use crate::store::{
    Ciphertext, Conditional, Grant, Moment, Put, SecretVersion, SecretWrite, StoreError, Tenant,
};

/// The columns that `dates` reads.
macro_rules! date_columns {
    () => {
        "version, created_at, updated_at, expires_at"
    };
}

pub(super) use date_columns;

/// The row of a secret that exists now.
macro_rules! live {
    () => {
        "organization = ?1 AND key_epoch = ?2 AND key = ?3 AND (expires_at IS NULL OR expires_at > ?4)"
    };
}

impl Sqlite {
    pub(in crate::store) async fn create_secret(
        &self,
        write: &Arc<SecretWrite>,
    ) -> Result<Option<CreatedSecret>, StoreError> {
        self.write_value(write, create).await
    }

    pub(in crate::store) async fn update_secret(
        &self,
        write: &Arc<SecretWrite>,
    ) -> Result<Conditional<UpdatedSecret>, StoreError> {
        self.write_value(write, update).await
    }

    pub(in crate::store) async fn put_secret(
        &self,
        write: &Arc<SecretWrite>,
    ) -> Result<Put, StoreError> {
        self.write_value(write, |connection, write| {
            if let Conditional::Done(updated) = update(connection, write)? {
                return Ok(Put::Updated(updated));
            }
            // There is no other writer, so one of the two succeeds.
            let created = create(connection, write)?.map(Put::Created);
            created.ok_or(StoreError::Busy)
        })
        .await
    }

    pub(in crate::store) async fn delete_secret(
        &self,
        grant: Grant,
        key: &KeyName,
        versions: Option<&[SecretVersion]>,
    ) -> Result<Conditional<()>, StoreError> {
        let (key, versions) = (key.clone(), versions.map(<[_]>::to_vec));
        self.write(move |connection| delete(connection, &grant, &key, versions.as_deref()))
            .await
    }

    #[cfg(feature = "faults")]
    pub(in crate::store) fn secret(
        &self,
        tenant: Tenant,
        key: KeyName,
    ) -> Result<Option<SecretRecord>, StoreError> {
        self.read(|connection| select_secret(connection, tenant, key, Moment::now()))
    }
}

/// Creates a secret; returns `None` if the name exists. Replaces an expired secret that is not removed yet.
fn create(
    connection: &Batch<'_>,
    write: &SecretWrite,
) -> Result<Option<CreatedSecret>, StoreError> {
    let tenant = check(connection, &write.grant)?;
    let mut statement = connection.prepare_cached(concat!(
        "INSERT INTO secrets (organization, key_epoch, key, version, write_id, created_at, \
         updated_at, expires_at, value, nonce) \
         VALUES (?1, ?2, ?3, random(), random(), ?4, ?4, ?5, ?6, ?7) \
         ON CONFLICT (organization, key_epoch, key) DO UPDATE SET version = excluded.version, \
         write_id = excluded.write_id, created_at = excluded.created_at, \
         updated_at = excluded.updated_at, expires_at = excluded.expires_at, \
         value = excluded.value, nonce = excluded.nonce \
         WHERE secrets.expires_at <= ?4 RETURNING ",
        date_columns!(),
    ))?;
    let created = statement.query_row(
        params![
            tenant.organization.0,
            tenant.key_epoch.0,
            write.key.as_str(),
            Moment::now().0,
            write.expiry.time().map(|time| Moment::from(time).0),
            write.ciphertext.value,
            write.ciphertext.nonce,
        ],
        |row| dates(row, 0),
    );
    let Some(row) = created.optional()? else {
        return Ok(None);
    };
    change_list(connection, tenant)?;
    Ok(Some(row.created(&write.key, tenant.key_epoch)))
}

fn update(
    connection: &Batch<'_>,
    write: &SecretWrite,
) -> Result<Conditional<UpdatedSecret>, StoreError> {
    let tenant = check(connection, &write.grant)?;
    let now = Moment::now();
    if let Some(versions) = &write.versions
        && let Some(unmet) = unmet(connection, tenant, &write.key, versions, now)?
    {
        return Ok(unmet);
    }
    let mut statement = connection.prepare_cached(concat!(
        "UPDATE secrets SET version = random(), write_id = random(), updated_at = ?4, \
         expires_at = CASE WHEN ?5 THEN expires_at ELSE ?6 END, value = ?7, nonce = ?8 WHERE ",
        live!(),
        " RETURNING ",
        date_columns!(),
    ))?;
    let updated = statement.query_row(
        params![
            tenant.organization.0,
            tenant.key_epoch.0,
            write.key.as_str(),
            now.0,
            write.expiry == Expiry::Keep,
            write.expiry.time().map(|time| Moment::from(time).0),
            write.ciphertext.value,
            write.ciphertext.nonce,
        ],
        |row| dates(row, 0),
    );
    let Some(updated) = updated.optional()? else {
        return Ok(Conditional::NoSecret);
    };
    change_list(connection, tenant)?;
    Ok(Conditional::Done(
        updated.updated(&write.key, tenant.key_epoch),
    ))
}

fn delete(
    connection: &Batch<'_>,
    grant: &Grant,
    key: &KeyName,
    versions: Option<&[SecretVersion]>,
) -> Result<Conditional<()>, StoreError> {
    let tenant = check(connection, grant)?;
    let now = Moment::now();
    if let Some(versions) = versions
        && let Some(unmet) = unmet(connection, tenant, key, versions, now)?
    {
        return Ok(unmet);
    }
    let mut statement =
        connection.prepare_cached(concat!("DELETE FROM secrets WHERE ", live!()))?;
    let deleted = statement.execute(params![
        tenant.organization.0,
        tenant.key_epoch.0,
        key.as_str(),
        now.0
    ])?;
    if deleted == 0 {
        return Ok(Conditional::NoSecret);
    }
    delete_other_epochs(connection, tenant, key)?;
    change_list(connection, tenant)?;
    Ok(Conditional::Done(()))
}

/// Deletes the values of a deleted secret under replaced org keys, and under the next one.
fn delete_other_epochs(
    connection: &Batch<'_>,
    tenant: Tenant,
    key: &KeyName,
) -> Result<(), rusqlite::Error> {
    let mut statement = connection.prepare_cached(
        "DELETE FROM secrets WHERE organization = ?1 AND key = ?3 AND key_epoch IN \
         (WITH RECURSIVE epochs (epoch) AS (SELECT ?2 + 1 UNION ALL SELECT epoch - 1 FROM epochs WHERE epoch > 1) \
         SELECT epoch FROM epochs)",
    )?;
    let (organization, epoch) = ids(tenant);
    statement.execute(params![organization, epoch, key.as_str()])?;
    Ok(())
}

/// Returns the tenant of a grant that is still valid, until the end of the transaction. No rotation holds its writes.
fn check(connection: &Connection, grant: &Grant) -> Result<Tenant, StoreError> {
    let now = Moment::now();
    match select_principal(connection, &grant.token, now)? {
        None => return Err(StoreError::Revoked),
        Some(principal) if principal.tenant != grant.tenant => return Err(StoreError::OtherEpoch),
        Some(_) => {}
    }
    let mut statement = connection.prepare_cached(concat!("SELECT ", is_held!("?1", "?2")))?;
    let organization = grant.tenant.organization.0;
    match statement.query_row([organization, now.0], |row| row.get(0))? {
        true => Err(StoreError::Held),
        false => Ok(grant.tenant),
    }
}

/// Returns the unmet condition of a write that needs one of these versions; `None` if it is met, until the end of the
/// transaction.
fn unmet<T>(
    connection: &Connection,
    tenant: Tenant,
    key: &KeyName,
    versions: &[SecretVersion],
    now: Moment,
) -> Result<Option<Conditional<T>>, StoreError> {
    let mut statement =
        connection.prepare_cached(concat!("SELECT version FROM secrets WHERE ", live!()))?;
    let found = statement.query_row(
        params![
            tenant.organization.0,
            tenant.key_epoch.0,
            key.as_str(),
            now.0
        ],
        |row| row.get(0).map(SecretVersion),
    );
    Ok(match found.optional()? {
        None => Some(Conditional::NoSecret),
        Some(found) if versions.contains(&found) => None,
        Some(_) => Some(Conditional::OtherVersion),
    })
}

/// Gives the list of secrets a new version, once in a transaction.
fn change_list(batch: &Batch<'_>, tenant: Tenant) -> Result<(), rusqlite::Error> {
    if batch.change_list(tenant.organization) {
        let mut statement =
            batch.prepare_cached("UPDATE list_versions SET n = random() WHERE organization = ?")?;
        statement.execute([tenant.organization.0])?;
    }
    Ok(())
}

#[cfg(feature = "faults")]
fn select_secret(
    connection: &Connection,
    tenant: Tenant,
    key: KeyName,
    now: Moment,
) -> Result<Option<SecretRecord>, rusqlite::Error> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        date_columns!(),
        ", value, nonce FROM secrets WHERE ",
        live!(),
    ))?;
    let found = statement.query_row(
        params![
            tenant.organization.0,
            tenant.key_epoch.0,
            key.as_str(),
            now.0
        ],
        |row| Ok((dates(row, 0)?, ciphertext(row, 4)?)),
    );
    let found = found.optional()?;
    Ok(found.map(|(row, ciphertext)| row.record(key, tenant.key_epoch, ciphertext)))
}

pub(super) fn ids(tenant: Tenant) -> (i64, i64) {
    (tenant.organization.0, tenant.key_epoch.0)
}

/// Reads the columns of `date_columns!`, of which `first` is the first.
pub(super) fn dates(row: &Row, first: usize) -> Result<Dates, rusqlite::Error> {
    Ok(Dates {
        version: SecretVersion(row.get(first)?),
        created_at: Moment(row.get(first + 1)?),
        updated_at: Moment(row.get(first + 2)?),
        expires_at: row.get::<_, Option<i64>>(first + 3)?.map(Moment),
    })
}

/// Reads the value and the nonce, of which `first` is the first.
pub(super) fn ciphertext(row: &Row, first: usize) -> Result<Ciphertext, rusqlite::Error> {
    Ok(Ciphertext {
        value: row.get(first)?,
        nonce: row.get(first + 1)?,
    })
}
