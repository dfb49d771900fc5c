//! The tables and the steps that a database has.

use super::STEPS;
use crate::store::found_tables::FoundTables;
use crate::store::postgres::{Effect, Postgres, REPEATED, get, only};
use crate::store::table::MIGRATIONS;
use crate::store::{Migrations, StoreError};

impl Postgres {
    /// Compares the steps of the database with those of this version. Refuses the tables of another program, and a database
    /// that lacks some of its own.
    pub(in crate::store) async fn migrations(&self) -> Result<Migrations, StoreError> {
        loop {
            let migrations = self.migrations_by(Effect::Repeatable).await?;
            match self.found_tables().await?.check(&migrations) {
                Ok(other_table) => {
                    return Ok(Migrations {
                        other_table,
                        ..migrations
                    });
                }
                Err(error) => {
                    // Another node may have migrated it between the two reads.
                    let again = self.migrations_by(Effect::Repeatable).await?;
                    if again.seen == migrations.seen {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// Returns the tables that statements find by their names, with their columns, and those in the schema where new ones are made. Those of
    /// extensions do not count.
    async fn found_tables(&self) -> Result<FoundTables, StoreError> {
        let statement = || {
            let query = "SELECT c.relname::text, n.nspname = current_schema(), coalesce(pg_table_is_visible(c.oid), false), \
                         ARRAY(SELECT a.attname::text FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 \
                         AND NOT a.attisdropped) \
                         FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace \
                         WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') \
                         AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%' \
                         AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass \
                         AND d.objid = c.oid AND d.deptype = 'e') ORDER BY c.relname";
            sqlx::query(query)
        };
        let rows = self.repeatable(statement).await?;
        let mut found = FoundTables::shared();
        for row in &rows {
            let (name, is_visible): (String, bool) = (get(row, 0)?, get(row, 2)?);
            if is_visible {
                found.set_columns(&name, get(row, 3)?);
            }
            found.add(name, get(row, 1)?, is_visible);
        }
        Ok(found)
    }

    /// Compares them with statements of this effect.
    pub(in crate::store::postgres) async fn migrations_by(
        &self,
        effect: Effect,
    ) -> Result<Migrations, StoreError> {
        let seen = self.seen(effect).await?;
        Ok(Migrations {
            steps: STEPS,
            seen,
            compatible_from: match seen > STEPS.len() {
                true => self.compatible_from(effect).await?,
                false => None,
            },
            other_table: None,
        })
    }

    /// Returns the number of steps that a vault has to know; `None` if a step of a later version has not stored it.
    async fn compatible_from(&self, effect: Effect) -> Result<Option<usize>, StoreError> {
        let statement = || {
            let needs = "SELECT CASE WHEN count(*) = count(needs) THEN max(needs) END FROM migrations WHERE number > $1";
            sqlx::query(needs).bind(i64::try_from(STEPS.len()).unwrap_or(i64::MAX))
        };
        let rows = self.run(statement, effect, REPEATED).await?;
        let needs: Option<i64> = get(only(&rows)?, 0)?;
        Ok(needs.and_then(|needs| usize::try_from(needs).ok()))
    }

    /// Returns the number of steps that the database has seen, which may have no tables.
    async fn seen(&self, effect: Effect) -> Result<usize, StoreError> {
        let statement = || {
            let query = "SELECT to_regclass('migrations') IS NOT NULL, EXISTS (SELECT FROM pg_attribute \
                         WHERE attrelid = to_regclass('migrations') AND attname = 'number')";
            sqlx::query(query)
        };
        let rows = self.run(statement, effect, REPEATED).await?;
        let row = only(&rows)?;
        match (get(row, 0)?, get(row, 1)?) {
            (true, true) => self.done(effect).await,
            (true, false) => Err(StoreError::Foreign(MIGRATIONS.to_owned())),
            (false, _) => Ok(0),
        }
    }

    pub(super) async fn done(&self, effect: Effect) -> Result<usize, StoreError> {
        let statement = || sqlx::query("SELECT coalesce(max(number), 0)::bigint FROM migrations");
        let rows = self.run(statement, effect, REPEATED).await?;
        let done: i64 = get(only(&rows)?, 0)?;
        Ok(usize::try_from(done).unwrap_or_default())
    }
}
