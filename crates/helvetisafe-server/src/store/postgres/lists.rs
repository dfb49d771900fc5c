//! Lists, and the removal of what has expired.

use helvetisafe_proto::KeyName;
use helvetisafe_proto::endpoint::{ListedSecret, Page};

use super::secrets::{ListChange, ciphertext, date_columns, dates, live};
use super::{Postgres, get, now, only};
use crate::store::{ListState, ListVersion, Moment, StoreError, StoredSecret, Tenant};

impl Postgres {
    pub(in crate::store) async fn list_version(
        &self,
        tenant: Tenant,
    ) -> Result<(ListVersion, Moment), StoreError> {
        let statement = || {
            let select = concat!(
                "SELECT ",
                now!(),
                ", n FROM list_versions WHERE organization = $1"
            );
            sqlx::query(select).bind(tenant.organization.0)
        };
        let rows = self.repeatable(statement).await?;
        let mut version = 0;
        for row in &rows {
            let n: i64 = get(row, 1)?;
            version += i128::from(n);
        }
        Ok((ListVersion(version), Moment(get(only(&rows)?, 0)?)))
    }

    /// The version comes in each row, since only one statement has one snapshot.
    pub(in crate::store) async fn read_list<E: From<StoreError>>(
        &self,
        tenant: Tenant,
        mut add: impl FnMut(ListedSecret) -> Result<(), E>,
    ) -> Result<ListState, E> {
        let statement = || {
            let select = concat!(
                "WITH state AS (SELECT ",
                now!(),
                " AS read_at, sum(n)::text AS n FROM list_versions WHERE organization = $1), \
                 live AS (SELECT key, ",
                date_columns!(),
                " FROM secrets WHERE ",
                live!(),
                ") SELECT read_at, n, key, ",
                date_columns!(),
                " FROM state LEFT JOIN live ON true ORDER BY key"
            );
            sqlx::query(select)
                .bind(tenant.organization.0)
                .bind(tenant.key_epoch.0)
        };
        let rows = self.long(statement).await?;
        let first = only(&rows)?;
        let version: Option<&str> = get(first, 1)?;
        let version = version.and_then(|n| n.parse().ok());
        for row in &rows {
            let key: Option<String> = get(row, 2)?;
            if let Some(key) = key {
                add(dates(row, 3)?.listed(key))?;
            }
        }
        Ok(ListState {
            version: ListVersion(version.unwrap_or_default()),
            read_at: Moment(get(first, 0)?),
        })
    }

    pub(in crate::store) async fn list_page(
        &self,
        tenant: Tenant,
        page: Page,
    ) -> Result<Vec<ListedSecret>, StoreError> {
        let statement = || {
            let select = concat!(
                "SELECT ",
                date_columns!(),
                ", key FROM secrets WHERE ",
                live!(),
                " AND key > $3 ORDER BY key LIMIT $4"
            );
            sqlx::query(select)
                .bind(tenant.organization.0)
                .bind(tenant.key_epoch.0)
                .bind(page.after.as_ref().map_or("", KeyName::as_str))
                .bind(i64::from(page.limit))
        };
        let rows = self.repeatable(statement).await?;
        let listed = |row| Ok(dates(row, 0)?.listed(get(row, 4)?));
        rows.iter().map(listed).collect()
    }

    pub(in crate::store) async fn stored_secrets(
        &self,
        tenant: Tenant,
    ) -> Result<Vec<StoredSecret>, StoreError> {
        let statement = || {
            let select = concat!(
                "SELECT ",
                date_columns!(),
                ", value, nonce, key FROM secrets WHERE organization = $1 AND key_epoch = $2 \
                 ORDER BY key"
            );
            sqlx::query(select)
                .bind(tenant.organization.0)
                .bind(tenant.key_epoch.0)
        };
        let rows = self.long(statement).await?;
        let stored = |row| Ok(dates(row, 0)?.stored(get(row, 6)?, ciphertext(row, 4)?));
        rows.iter().map(stored).collect()
    }

    /// Several nodes may do this at the same time.
    pub(in crate::store) async fn sweep(&self) -> Result<(), StoreError> {
        self.check_standby()?;
        let change = ListChange::generate()?;
        let secrets = || {
            let delete = concat!(
                "WITH removed AS (DELETE FROM secrets WHERE expires_at <= ",
                now!(),
                " RETURNING organization) UPDATE list_versions SET n = $1 WHERE shard = $2 \
                 AND organization IN (SELECT organization FROM removed)"
            );
            sqlx::query(delete).bind(change.number).bind(change.shard)
        };
        self.long(secrets).await?;
        let tokens = || sqlx::query(concat!("DELETE FROM tokens WHERE expires_at <= ", now!()));
        self.long(tokens).await?;
        self.sweep_writes().await
    }
}
