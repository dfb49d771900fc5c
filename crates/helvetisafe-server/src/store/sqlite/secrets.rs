//! Secrets. No statement finds an expired one (`expires_at <= now`), even before it is removed.

use helvetisafe_proto::KeyName;
use helvetisafe_proto::endpoint::{
    CreatedSecret, Expiry, ListedSecret, Page, SecretRecord, UpdatedSecret,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Sqlite;
use crate::store::secret::Dates;
use crate::store::{
    Ciphertext, Conditional, List, ListVersion, Moment, Put, SecretVersion, SecretWrite,
    StoreError, StoredSecret, Tenant,
};

/// The columns that `dates` reads.
macro_rules! dates {
    () => {
        "version, created_at, updated_at, expires_at"
    };
}

/// The row of a secret that exists now.
macro_rules! live {
    () => {
        "organization = ?1 AND key_epoch = ?2 AND key = ?3 AND (expires_at IS NULL OR expires_at > ?4)"
    };
}

impl Sqlite {
    pub(in crate::store) async fn create_secret(
        &self,
        write: SecretWrite,
    ) -> Result<Option<CreatedSecret>, StoreError> {
        self.write_value(write, create).await
    }

    pub(in crate::store) async fn update_secret(
        &self,
        write: SecretWrite,
    ) -> Result<Conditional<UpdatedSecret>, StoreError> {
        self.write_value(write, update).await
    }

    pub(in crate::store) async fn put_secret(&self, write: SecretWrite) -> Result<Put, StoreError> {
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
        tenant: Tenant,
        key: KeyName,
        versions: Option<Vec<SecretVersion>>,
    ) -> Result<Conditional<()>, StoreError> {
        self.write(move |connection| delete(connection, tenant, &key, versions.as_deref()))
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

    pub(in crate::store) fn list_version(
        &self,
        tenant: Tenant,
    ) -> Result<(ListVersion, Moment), StoreError> {
        let version = self.read(|connection| select_list_version(connection, tenant))?;
        Ok((version, Moment::now()))
    }

    pub(in crate::store) fn list(&self, tenant: Tenant) -> Result<List, StoreError> {
        self.read(|connection| {
            let snapshot = connection.unchecked_transaction()?;
            let read_at = Moment::now();
            let list = List {
                version: select_list_version(&snapshot, tenant)?,
                read_at,
                secrets: select_page(&snapshot, tenant, "", -1, read_at)?,
            };
            snapshot.commit()?;
            Ok(list)
        })
    }

    pub(in crate::store) fn list_page(
        &self,
        tenant: Tenant,
        page: Page,
    ) -> Result<Vec<ListedSecret>, StoreError> {
        let after = page.after.as_ref().map_or("", KeyName::as_str);
        let limit = i64::from(page.limit);
        self.read(|connection| select_page(connection, tenant, after, limit, Moment::now()))
    }

    pub(in crate::store) fn stored_secrets(
        &self,
        tenant: Tenant,
    ) -> Result<Vec<StoredSecret>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare(concat!(
                "SELECT ",
                dates!(),
                ", key, value, nonce FROM secrets WHERE organization = ? AND key_epoch = ? ORDER BY key",
            ))?;
            let rows = statement.query_map(ids(tenant), |row| {
                let ciphertext = Ciphertext {
                    value: row.get(5)?,
                    nonce: row.get(6)?,
                };
                Ok(dates(row)?.stored(row.get(4)?, ciphertext))
            })?;
            rows.collect()
        })
    }

    pub(in crate::store) async fn sweep(&self) -> Result<(), StoreError> {
        self.write(|connection| {
            let now = Moment::now().0;
            connection.execute(
                "UPDATE list_versions SET n = random() WHERE organization IN \
                 (SELECT organization FROM secrets WHERE expires_at <= ?)",
                [now],
            )?;
            connection.execute("DELETE FROM secrets WHERE expires_at <= ?", [now])?;
            connection.execute("DELETE FROM tokens WHERE expires_at <= ?", [now])?;
            Ok(())
        })
        .await
    }
}

/// Creates a secret; returns `None` if the name exists. Replaces an expired secret that is not removed yet.
fn create(
    connection: &Connection,
    write: &SecretWrite,
) -> Result<Option<CreatedSecret>, StoreError> {
    check_epoch(connection, write.tenant)?;
    let mut statement = connection.prepare_cached(concat!(
        "INSERT INTO secrets (organization, key_epoch, key, version, write_id, created_at, \
         updated_at, expires_at, value, nonce) \
         VALUES (?1, ?2, ?3, random(), random(), ?4, ?4, ?5, ?6, ?7) \
         ON CONFLICT (organization, key_epoch, key) DO UPDATE SET version = excluded.version, \
         write_id = excluded.write_id, created_at = excluded.created_at, \
         updated_at = excluded.updated_at, expires_at = excluded.expires_at, \
         value = excluded.value, nonce = excluded.nonce \
         WHERE secrets.expires_at <= ?4 RETURNING ",
        dates!(),
    ))?;
    let created = statement.query_row(
        params![
            write.tenant.organization.0,
            write.tenant.key_epoch.0,
            write.key.as_str(),
            Moment::now().0,
            write.expiry.time().map(|time| Moment::from(time).0),
            write.ciphertext.value,
            write.ciphertext.nonce,
        ],
        dates,
    );
    let Some(row) = created.optional()? else {
        return Ok(None);
    };
    change_list(connection, write.tenant)?;
    Ok(Some(row.created(&write.key)))
}

fn update(
    connection: &Connection,
    write: &SecretWrite,
) -> Result<Conditional<UpdatedSecret>, StoreError> {
    check_epoch(connection, write.tenant)?;
    let now = Moment::now();
    if let Some(unmet) = unmet(
        connection,
        write.tenant,
        &write.key,
        write.versions.as_deref(),
        now,
    )? {
        return Ok(unmet);
    }
    let mut statement = connection.prepare_cached(concat!(
        "UPDATE secrets SET version = random(), write_id = random(), updated_at = ?4, \
         expires_at = CASE WHEN ?5 THEN expires_at ELSE ?6 END, value = ?7, nonce = ?8 WHERE ",
        live!(),
        " RETURNING ",
        dates!(),
    ))?;
    let updated = statement.query_row(
        params![
            write.tenant.organization.0,
            write.tenant.key_epoch.0,
            write.key.as_str(),
            now.0,
            write.expiry == Expiry::Keep,
            write.expiry.time().map(|time| Moment::from(time).0),
            write.ciphertext.value,
            write.ciphertext.nonce,
        ],
        dates,
    )?;
    change_list(connection, write.tenant)?;
    Ok(Conditional::Done(updated.updated(&write.key)))
}

fn delete(
    connection: &Connection,
    tenant: Tenant,
    key: &KeyName,
    versions: Option<&[SecretVersion]>,
) -> Result<Conditional<()>, StoreError> {
    check_epoch(connection, tenant)?;
    let now = Moment::now();
    if let Some(unmet) = unmet(connection, tenant, key, versions, now)? {
        return Ok(unmet);
    }
    let mut statement =
        connection.prepare_cached(concat!("DELETE FROM secrets WHERE ", live!()))?;
    statement.execute(params![
        tenant.organization.0,
        tenant.key_epoch.0,
        key.as_str(),
        now.0
    ])?;
    change_list(connection, tenant)?;
    Ok(Conditional::Done(()))
}

/// Fails if the secrets of a tenant are no longer those of its organization. The transaction keeps it so.
fn check_epoch(connection: &Connection, tenant: Tenant) -> Result<(), StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT 1 FROM organizations WHERE id = ? AND key_epoch = ?")?;
    match statement.exists(ids(tenant))? {
        true => Ok(()),
        false => Err(StoreError::OtherEpoch),
    }
}

/// Returns why a write cannot be done; `None` if it can. The transaction keeps it so.
fn unmet<T>(
    connection: &Connection,
    tenant: Tenant,
    key: &KeyName,
    versions: Option<&[SecretVersion]>,
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
    let is_met = |found| versions.is_none_or(|versions| versions.contains(&found));
    Ok(match found.optional()? {
        None => Some(Conditional::NoSecret),
        Some(found) if is_met(found) => None,
        Some(_) => Some(Conditional::OtherVersion),
    })
}

fn change_list(connection: &Connection, tenant: Tenant) -> Result<(), rusqlite::Error> {
    let mut statement = connection
        .prepare_cached("UPDATE list_versions SET n = random() WHERE organization = ?")?;
    statement.execute([tenant.organization.0])?;
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
        dates!(),
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
        |row| {
            let ciphertext = Ciphertext {
                value: row.get(4)?,
                nonce: row.get(5)?,
            };
            Ok((dates(row)?, ciphertext))
        },
    );
    let found = found.optional()?;
    Ok(found.map(|(row, ciphertext)| row.record(key, ciphertext)))
}

fn select_list_version(
    connection: &Connection,
    tenant: Tenant,
) -> Result<ListVersion, rusqlite::Error> {
    let mut statement =
        connection.prepare_cached("SELECT n FROM list_versions WHERE organization = ?")?;
    let n = statement.query_row([tenant.organization.0], |row| row.get::<_, i64>(0))?;
    Ok(ListVersion(n.into()))
}

/// Returns the secrets after a name, at most `limit`; all of them if it is negative.
fn select_page(
    connection: &Connection,
    tenant: Tenant,
    after: &str,
    limit: i64,
    now: Moment,
) -> Result<Vec<ListedSecret>, rusqlite::Error> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        dates!(),
        ", key FROM secrets WHERE organization = ?1 AND key_epoch = ?2 AND key > ?3 \
         AND (expires_at IS NULL OR expires_at > ?4) ORDER BY key LIMIT ?5",
    ))?;
    let rows = statement.query_map(
        params![
            tenant.organization.0,
            tenant.key_epoch.0,
            after,
            now.0,
            limit
        ],
        |row| Ok(dates(row)?.listed(row.get(4)?)),
    )?;
    rows.collect()
}

fn ids(tenant: Tenant) -> (i64, i64) {
    (tenant.organization.0, tenant.key_epoch.0)
}

fn dates(row: &Row) -> Result<Dates, rusqlite::Error> {
    Ok(Dates {
        version: SecretVersion(row.get(0)?),
        created_at: Moment(row.get(1)?),
        updated_at: Moment(row.get(2)?),
        expires_at: row.get::<_, Option<i64>>(3)?.map(Moment),
    })
}
