//! Secrets. No statement finds an expired one (`expires_at <= now`), even before it is removed.

use std::sync::Arc;

use helvetisafe_proto::KeyName;
use helvetisafe_proto::endpoint::{CreatedSecret, Expiry, SecretRecord, UpdatedSecret};
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
        self.write_secret(move |batch| delete(batch, &grant, &key, versions.as_deref()))
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
    let now = Moment::now();
    let dates = Dates {
        version: new_version(connection)?,
        created_at: now,
        updated_at: now,
        expires_at: write.expiry.time().map(Moment::from),
    };
    // Without RETURNING, for which SQLite makes and drops a table.
    let mut statement = connection.prepare_cached(
        "INSERT INTO secrets (organization, key_epoch, key, version, write_id, created_at, \
         updated_at, expires_at, value, nonce) \
         VALUES (?1, ?2, ?3, ?4, random(), ?5, ?5, ?6, ?7, ?8) \
         ON CONFLICT (organization, key_epoch, key) DO UPDATE SET version = excluded.version, \
         write_id = excluded.write_id, created_at = excluded.created_at, \
         updated_at = excluded.updated_at, expires_at = excluded.expires_at, \
         value = excluded.value, nonce = excluded.nonce \
         WHERE secrets.expires_at <= ?5",
    )?;
    let created = statement.execute(params![
        tenant.organization.0,
        tenant.key_epoch.0,
        write.key.as_str(),
        dates.version.0,
        now.0,
        dates.expires_at.map(|time| time.0),
        write.ciphertext.value,
        write.ciphertext.nonce,
    ])?;
    if created == 0 {
        return Ok(None);
    }
    change_list(connection, tenant)?;
    Ok(Some(dates.created(&write.key, tenant.key_epoch)))
}

fn update(
    connection: &Batch<'_>,
    write: &SecretWrite,
) -> Result<Conditional<UpdatedSecret>, StoreError> {
    let tenant = check(connection, &write.grant)?;
    let now = Moment::now();
    let (row, before) = match select_row(connection, tenant, &write.key, now)? {
        None => return Ok(Conditional::NoSecret),
        Some((_, found)) if is_unmet(write.versions.as_deref(), found.version) => {
            return Ok(Conditional::OtherVersion);
        }
        Some(found) => found,
    };
    let dates = Dates {
        version: new_version(connection)?,
        updated_at: now,
        expires_at: match write.expiry {
            Expiry::Keep => before.expires_at,
            expiry => expiry.time().map(Moment::from),
        },
        ..before
    };
    overwrite(connection, row, dates, &write.ciphertext)?;
    if dates.expires_at != before.expires_at {
        let mut statement =
            connection.prepare_cached("UPDATE secrets SET expires_at = ?2 WHERE rowid = ?1")?;
        statement.execute((row, dates.expires_at.map(|time| time.0)))?;
    }
    change_list(connection, tenant)?;
    Ok(Conditional::Done(
        dates.updated(&write.key, tenant.key_epoch),
    ))
}

fn delete(
    connection: &Batch<'_>,
    grant: &Grant,
    key: &KeyName,
    versions: Option<&[SecretVersion]>,
) -> Result<Conditional<()>, StoreError> {
    let tenant = check(connection, grant)?;
    let row = match select_row(connection, tenant, key, Moment::now())? {
        None => return Ok(Conditional::NoSecret),
        Some((_, found)) if is_unmet(versions, found.version) => {
            return Ok(Conditional::OtherVersion);
        }
        Some((row, _)) => row,
    };
    let mut statement = connection.prepare_cached("DELETE FROM secrets WHERE rowid = ?")?;
    statement.execute([row])?;
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
///
/// Most writes of a transaction have the grant of one before.
fn check(batch: &Batch<'_>, grant: &Grant) -> Result<Tenant, StoreError> {
    if batch.has_grant(grant) {
        return Ok(grant.tenant);
    }
    let now = Moment::now();
    match select_principal(batch, &grant.token, now)? {
        None => return Err(StoreError::Revoked),
        Some(principal) if principal.tenant != grant.tenant => return Err(StoreError::OtherEpoch),
        Some(_) => {}
    }
    let mut statement = batch.prepare_cached(concat!("SELECT ", is_held!("?1", "?2")))?;
    let organization = grant.tenant.organization.0;
    if statement.query_row([organization, now.0], |row| row.get(0))? {
        return Err(StoreError::Held);
    }
    batch.add_grant(grant);
    Ok(grant.tenant)
}

/// Returns the number of the row of a secret that exists now, and its dates. Both are valid until the end of the
/// transaction.
fn select_row(
    connection: &Connection,
    tenant: Tenant,
    key: &KeyName,
    now: Moment,
) -> Result<Option<(i64, Dates)>, rusqlite::Error> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT rowid, ",
        date_columns!(),
        " FROM secrets WHERE ",
        live!()
    ))?;
    let found = statement.query_row(
        params![
            tenant.organization.0,
            tenant.key_epoch.0,
            key.as_str(),
            now.0
        ],
        |row| Ok((row.get(0)?, dates(row, 1)?)),
    );
    found.optional()
}

/// Returns true if a write needs one of some versions, and the secret has another one.
fn is_unmet(needed: Option<&[SecretVersion]>, found: SecretVersion) -> bool {
    needed.is_some_and(|versions| !versions.contains(&found))
}

/// Writes a value with its version and the time of the write.
///
/// The row is found by its number, which saves a search. There is no RETURNING, for which SQLite makes and drops a table.
fn overwrite(
    connection: &Connection,
    row: i64,
    dates: Dates,
    ciphertext: &Ciphertext,
) -> Result<(), rusqlite::Error> {
    let mut statement = connection.prepare_cached(
        "UPDATE secrets SET version = ?2, write_id = random(), updated_at = ?3, value = ?4, \
         nonce = ?5 WHERE rowid = ?1",
    )?;
    statement.execute(params![
        row,
        dates.version.0,
        dates.updated_at.0,
        ciphertext.value,
        ciphertext.nonce,
    ])?;
    Ok(())
}

fn new_version(connection: &Connection) -> Result<SecretVersion, rusqlite::Error> {
    let mut statement = connection.prepare_cached("SELECT random()")?;
    statement.query_row([], |row| row.get(0).map(SecretVersion))
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

pub(super) fn select_secret(
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
