//! The steps from an empty database to the tables of this version, in order. Of several nodes that start at once, the
//! one with the lease runs them, and the others wait.
//!
//! A step first expands and a later version contracts, so that the version before it can serve beside it.

mod found;

use std::time::{Duration, Instant};

use sqlx::{Connection, Error, PgConnection};
use tokio::time::{sleep, timeout};

use super::failure::{Failure, text};
use super::{Effect, Postgres, now, random};
use crate::store::StoreError;
use crate::store::schema::Step;

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
