//! The steps from an empty database to the tables of this version, in order. Of several nodes that start at once, the
//! one with the lease runs them, and the others wait.
//!
//! A step first expands and a later version contracts, so that the version before it can serve beside it.

use std::time::{Duration, Instant};

use sqlx::{Connection, Error, PgConnection};
use tokio::time::{sleep, timeout};

use super::failure::{Failure, text};
use super::{Effect, Postgres, REPEATED, get, now, random};
use crate::store::found_tables::FoundTables;
use crate::store::schema::Step;
use crate::store::table::MIGRATIONS;
use crate::store::{Migrations, StoreError};

/// A file is never changed once it was released: there are databases that have run it.
const STEPS: &[Step] = &[
    Step {
        name: "0001_vault",
        script: include_str!("../../../migrations/postgres/0001_vault.sql"),
        compatible_from: 1,
    },
    Step {
        name: "0002_writes",
        script: include_str!("../../../migrations/postgres/0002_writes.sql"),
        compatible_from: 1,
    },
    Step {
        name: "0003_administration",
        script: include_str!("../../../migrations/postgres/0003_administration.sql"),
        compatible_from: 1,
    },
    Step {
        name: "0004_hold",
        script: include_str!("../../../migrations/postgres/0004_hold.sql"),
        compatible_from: 1,
    },
    Step {
        name: "0005_audit_seals",
        script: include_str!("../../../migrations/postgres/0005_audit_seals.sql"),
        compatible_from: 1,
    },
    Step {
        name: "0006_refused_writes",
        script: include_str!("../../../migrations/postgres/0006_refused_writes.sql"),
        compatible_from: 1,
    },
];

/// The name of the lease.
const LEASE: &str = "migrations";

/// The time after which the lease of a node that died is free. A step locks its row, however long it takes.
const LEASE_SECONDS: u32 = 30;

/// The timeout of a step.
const STEP: Duration = Duration::from_secs(3600);

/// The maximum number of attempts at a step that conflicts with other transactions.
const ATTEMPTS: u32 = 10;

/// The time between two attempts to get the lease.
const POLL: Duration = Duration::from_millis(100);

/// The timeout of several nodes that make the first tables at the same time.
const FIRST: Duration = Duration::from_secs(10);

/// The tables that come before the steps. Those of the first version have no column `needs`.
const TABLES: &str = "CREATE TABLE IF NOT EXISTS leases (name TEXT PRIMARY KEY, holder BIGINT NOT NULL, \
                      valid_until BIGINT NOT NULL); \
                      CREATE TABLE IF NOT EXISTS migrations (number BIGINT PRIMARY KEY, ran_at BIGINT NOT NULL); \
                      ALTER TABLE migrations ADD COLUMN IF NOT EXISTS needs BIGINT";

/// The result of an attempt at a step.
enum Attempt {
    Done,
    /// Another node has the lease, and runs the step.
    LeaseLost,
    /// It conflicted with another transaction.
    Conflict,
}

impl Postgres {
    /// Runs the steps that the database has not seen, each in a transaction. Returns the names of those that this node ran.
    pub(in crate::store) async fn migrate(&self) -> Result<Vec<&'static str>, StoreError> {
        let migrations = self.migrations_by(Effect::Repeatable).await?;
        if migrations.pending().is_empty() {
            return Ok(Vec::new());
        }
        self.make_tables().await?;
        self.run_steps(STEPS).await
    }

    pub(super) async fn run_steps(&self, steps: &[Step]) -> Result<Vec<&'static str>, StoreError> {
        let holder = random()?;
        let mut conflicts = 0;
        let mut names = Vec::new();
        loop {
            let done = self.done(Effect::Repeatable).await?;
            let Some(step) = steps.get(done) else {
                return Ok(names);
            };
            if !self.lease(LEASE, holder, LEASE_SECONDS).await? {
                sleep(POLL).await;
                continue;
            }
            match self.run_step(step, done + 1, holder).await? {
                Attempt::Done => names.push(step.name),
                Attempt::LeaseLost => {}
                Attempt::Conflict => {
                    conflicts += 1;
                    if conflicts == ATTEMPTS {
                        return Err(StoreError::Busy);
                    }
                    sleep(POLL).await;
                }
            }
        }
    }

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

    /// Returns the tables that statements find by their names, and those in the schema where new ones are made. Those of
    /// extensions do not count.
    async fn found_tables(&self) -> Result<FoundTables, StoreError> {
        let statement = || {
            let query = "SELECT c.relname::text, n.nspname = current_schema(), coalesce(pg_table_is_visible(c.oid), false) \
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
            found.add(get(row, 0)?, get(row, 1)?, get(row, 2)?);
        }
        Ok(found)
    }

    /// Compares them with statements of this effect.
    pub(super) async fn migrations_by(&self, effect: Effect) -> Result<Migrations, StoreError> {
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
        let needs: Option<i64> = get(super::only(&rows)?, 0)?;
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
        let row = super::only(&rows)?;
        match (get(row, 0)?, get(row, 1)?) {
            (true, true) => self.done(effect).await,
            (true, false) => Err(StoreError::Foreign(MIGRATIONS.to_owned())),
            (false, _) => Ok(0),
        }
    }

    async fn done(&self, effect: Effect) -> Result<usize, StoreError> {
        let statement = || sqlx::query("SELECT coalesce(max(number), 0)::bigint FROM migrations");
        let rows = self.run(statement, effect, REPEATED).await?;
        let done: i64 = get(super::only(&rows)?, 0)?;
        Ok(usize::try_from(done).unwrap_or_default())
    }

    /// Makes the tables before the steps. `IF NOT EXISTS` can fail when two nodes make a table at the same time.
    async fn make_tables(&self) -> Result<(), StoreError> {
        let start = Instant::now();
        loop {
            let mut held = self.pool.take().await?;
            match sqlx::raw_sql(TABLES).execute(&mut held.connection).await {
                Ok(_) => {
                    held.give_back();
                    return Ok(());
                }
                Err(error) if exists(&error) && start.elapsed() < FIRST => sleep(POLL).await,
                Err(error) => return Err(StoreError::Failed(text(&error))),
            }
        }
    }

    /// Takes a lease, or extends one of this holder. Returns `false` if another holder has it.
    pub(in crate::store) async fn lease(
        &self,
        name: &'static str,
        holder: i64,
        seconds: u32,
    ) -> Result<bool, StoreError> {
        let statement = || {
            let lease = concat!(
                "INSERT INTO leases (name, holder, valid_until) SELECT $1, $2, ",
                now!(),
                " + $3 * 1000000 ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, \
                 valid_until = excluded.valid_until \
                 WHERE leases.holder = excluded.holder OR leases.valid_until < ",
                now!(),
                " RETURNING 1"
            );
            sqlx::query(lease)
                .bind(name)
                .bind(holder)
                .bind(i64::from(seconds))
        };
        Ok(!self.repeatable(statement).await?.is_empty())
    }

    async fn run_step(
        &self,
        step: &Step,
        number: usize,
        holder: i64,
    ) -> Result<Attempt, StoreError> {
        let mut held = self.pool.take().await?;
        let run = run_leased(&mut held.connection, step, number, holder);
        match timeout(STEP, run).await {
            Ok(Ok(attempt)) => {
                held.give_back();
                Ok(attempt)
            }
            Ok(Err(error)) if Failure::of(&error) == Failure::Conflict => Ok(Attempt::Conflict),
            Ok(Err(error)) => {
                let text = text(&error);
                Err(StoreError::Failed(format!("migration {number}: {text}")))
            }
            Err(_) => Err(StoreError::Failed(format!(
                "migration {number} takes too long"
            ))),
        }
    }
}

/// Runs a step if this node still has the lease; else another node runs it. The transaction locks the row of the lease, so
/// another node can take it over only afterwards, and then sees the step.
async fn run_leased(
    connection: &mut PgConnection,
    step: &Step,
    number: usize,
    holder: i64,
) -> Result<Attempt, Error> {
    let mut transaction = connection.begin().await?;
    // A step waits for the locks of other nodes as long as it may.
    sqlx::query("SET LOCAL lock_timeout = 0")
        .execute(&mut *transaction)
        .await?;
    let lease = sqlx::query("SELECT 1 FROM leases WHERE name = $1 AND holder = $2 FOR UPDATE")
        .bind(LEASE)
        .bind(holder)
        .fetch_optional(&mut *transaction)
        .await?;
    if lease.is_none() {
        transaction.rollback().await?;
        return Ok(Attempt::LeaseLost);
    }
    sqlx::raw_sql(step.script)
        .execute(&mut *transaction)
        .await?;
    let record = concat!(
        "INSERT INTO migrations (number, ran_at, needs) VALUES ($1, ",
        now!(),
        ", $2)"
    );
    sqlx::query(record)
        .bind(i64::try_from(number).unwrap_or(i64::MAX))
        .bind(i64::try_from(step.compatible_from).unwrap_or(i64::MAX))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(Attempt::Done)
}

/// Returns true if another node was about to make the same table: unique_violation, duplicate_table, duplicate_object,
/// duplicate_column, deadlock_detected.
fn exists(error: &Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| ["23505", "42P07", "42710", "42701", "40P01"].contains(&code.as_ref()))
}
