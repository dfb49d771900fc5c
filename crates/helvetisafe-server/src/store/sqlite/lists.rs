//! Lists, and the removal of what has expired.

use std::convert::Infallible;

use helvetisafe_proto::KeyName;
use helvetisafe_proto::endpoint::{ListedSecret, Page};
use rusqlite::{Connection, params};

use super::Sqlite;
use super::secrets::{ciphertext, date_columns, dates, ids};
use crate::store::{ListState, ListVersion, Moment, StoreError, StoredSecret, Tenant};

impl Sqlite {
    pub(in crate::store) fn list_version(
        &self,
        tenant: Tenant,
    ) -> Result<(ListVersion, Moment), StoreError> {
        let version = self.read_rows(|connection| select_list_version(connection, tenant))?;
        Ok((version, Moment::now()))
    }

    pub(in crate::store) fn read_list<E: From<StoreError>>(
        &self,
        tenant: Tenant,
        add: impl FnMut(ListedSecret) -> Result<(), E>,
    ) -> Result<ListState, E> {
        let read = self.read(|connection| {
            let snapshot = connection.unchecked_transaction()?;
            let state = ListState {
                version: select_list_version(&snapshot, tenant)?,
                read_at: Moment::now(),
            };
            let added = select_list(&snapshot, tenant, "", -1, state.read_at, add)?;
            snapshot.commit()?;
            Ok(added.map(|()| state))
        });
        read?
    }

    pub(in crate::store) fn list_page(
        &self,
        tenant: Tenant,
        page: Page,
    ) -> Result<Vec<ListedSecret>, StoreError> {
        let after = page.after.as_ref().map_or("", KeyName::as_str);
        let limit = i64::from(page.limit);
        self.read(|connection| {
            let mut page = Vec::new();
            let add = |secret| {
                page.push(secret);
                Ok::<_, Infallible>(())
            };
            let Ok(()) = select_list(connection, tenant, after, limit, Moment::now(), add)?;
            Ok(page)
        })
    }

    pub(in crate::store) fn stored_secrets(
        &self,
        tenant: Tenant,
    ) -> Result<Vec<StoredSecret>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare(concat!(
                "SELECT ",
                date_columns!(),
                ", key, value, nonce FROM secrets WHERE organization = ? AND key_epoch = ? ORDER BY key",
            ))?;
            let rows = statement.query_map(ids(tenant), |row| {
                Ok(dates(row, 0)?.stored(row.get(4)?, ciphertext(row, 5)?))
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

fn select_list_version(
    connection: &Connection,
    tenant: Tenant,
) -> Result<ListVersion, rusqlite::Error> {
    let mut statement =
        connection.prepare_cached("SELECT n FROM list_versions WHERE organization = ?")?;
    let n = statement.query_row([tenant.organization.0], |row| row.get::<_, i64>(0))?;
    Ok(ListVersion(n.into()))
}

/// Passes the secrets after a name to `add`, at most `limit`; all of them if `limit` is negative. Stops at the first error
/// of `add`.
fn select_list<E>(
    connection: &Connection,
    tenant: Tenant,
    after: &str,
    limit: i64,
    now: Moment,
    mut add: impl FnMut(ListedSecret) -> Result<(), E>,
) -> Result<Result<(), E>, rusqlite::Error> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        date_columns!(),
        ", key FROM secrets WHERE organization = ?1 AND key_epoch = ?2 AND key > ?3 \
         AND (expires_at IS NULL OR expires_at > ?4) ORDER BY key LIMIT ?5",
    ))?;
    let mut rows = statement.query(params![
        tenant.organization.0,
        tenant.key_epoch.0,
        after,
        now.0,
        limit
    ])?;
    while let Some(row) = rows.next()? {
        if let Err(error) = add(dates(row, 0)?.listed(row.get(4)?)) {
            return Ok(Err(error));
        }
    }
    Ok(Ok(()))
}
