//! PostgreSQL, which any number of nodes may share.
//!
//! Every intent is one statement, so the answer to it is the answer to its commit, and it can be repeated as a whole. A
//! write whose answer was lost is looked up first (`writes`). Nothing that another node may change is remembered.

mod accounts;
mod acts;
mod address;
mod attempts;
mod failure;
mod inspect;
mod lists;
mod migrations;
mod pool;
mod primaries;
mod probe;
mod replication;
mod rights;
mod rotations;
mod secrets;
mod tokens;
mod transfer;
mod warnings;
mod writes;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{Postgres as Engine, Row};
use tokio::time::sleep;

use super::{StoreCounts, StoreError};
use crate::token;
use attempts::{Attempts, CONFLICTING, attempt, jitter};
use failure::Failure;
use pool::{Held, Pool};
use primaries::Primaries;

pub(super) use address::Address;
pub(crate) use inspect::{Host, Primary, Role};
pub(crate) use pool::MAX_CONNECTIONS;
pub(crate) use replication::Replication;
pub(crate) use rights::Lacking;
#[cfg(test)]
pub(super) use rights::needed as needed_rights;
pub(super) use transfer::CopySide;

/// The longest time of a statement on few rows that is repeated, of one that is not, and of one on many rows. It is
/// measured here, since a server that cancels a commit which waits for its standby leaves it visible and in danger of
/// being lost.
const REPEATED: Duration = Duration::from_secs(4);
const ONCE: Duration = Duration::from_secs(10);
const LONG: Duration = Duration::from_secs(60);

/// The timeout of the search for the next primary, after the primary of a statement was lost. It is below the 5 s after
/// which a client gives up on a silent vault.
const SEARCH: Duration = Duration::from_secs(4);
/// The pause between two searches.
const PAUSE: Duration = Duration::from_millis(100);

/// The number of list versions of an organization.
const SHARDS: i64 = 16;

/// The time of the database when it received the statement.
macro_rules! now {
    () => {
        "(extract(epoch FROM statement_timestamp()) * 1000000)::bigint"
    };
}
pub(super) use now;

type Statement = Query<'static, Engine, PgArguments>;

/// The open database.
pub(crate) struct Postgres {
    pool: Pool,
    name: String,
    /// The ids of writes of unknown outcome.
    unknown_writes: Mutex<Vec<i64>>,
    /// The time of the last probe that saw a commit wait in vain for its standby.
    saw_waiting: Mutex<Option<Instant>>,
    primaries: Primaries,
}

/// The effect of a repeated statement, which decides what follows when the connection is lost.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// Repeating it has no further effect, so it is repeated.
    Repeatable,
    /// It is repeated like [`Self::Repeatable`], but does not wait for the next primary, since a load balancer waits for
    /// the answer.
    Probe,
    /// It must not be repeated, since it may have had its effect.
    Once,
}

impl Postgres {
    pub(super) fn new(address: &Address) -> Self {
        Self::counted(address, StoreCounts::default())
    }

    pub(super) fn counted(address: &Address, counts: StoreCounts) -> Self {
        Self {
            pool: Pool::new(address.clone(), counts),
            name: address.to_string(),
            unknown_writes: Mutex::default(),
            saw_waiting: Mutex::default(),
            primaries: Primaries::default(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }

    /// Runs a statement that may be repeated, and returns its rows after its commit.
    async fn repeatable(
        &self,
        statement: impl Fn() -> Statement + Send + Sync,
    ) -> Result<Vec<PgRow>, StoreError> {
        self.run(statement, Effect::Repeatable, REPEATED).await
    }

    /// Runs a statement on many rows that may be repeated.
    async fn long(
        &self,
        statement: impl Fn() -> Statement + Send + Sync,
    ) -> Result<Vec<PgRow>, StoreError> {
        self.run(statement, Effect::Repeatable, LONG).await
    }

    /// Runs a statement that must not be repeated once it may have had its effect.
    async fn once(
        &self,
        statement: impl Fn() -> Statement + Send + Sync,
    ) -> Result<Vec<PgRow>, StoreError> {
        self.once_within(statement, ONCE).await
    }

    /// Runs a statement like [`Self::once`], with another timeout.
    async fn once_within(
        &self,
        statement: impl Fn() -> Statement + Send + Sync,
        time: Duration,
    ) -> Result<Vec<PgRow>, StoreError> {
        self.run(statement, Effect::Once, time).await
    }

    /// Returns a connection for a write, unless commits wait in vain for their standby by then.
    async fn take_for_write(&self, deadline: Instant) -> Result<Held<'_>, StoreError> {
        let held = self
            .take_by(deadline, || self.pool.take_for_write())
            .await?;
        match self.check_standby() {
            Ok(()) => Ok(held),
            Err(error) => {
                held.give_back();
                Err(error)
            }
        }
    }

    /// Returns a connection. If the primary was lost, the wait for the next one ends at a deadline.
    async fn take_by<'a, F>(
        &self,
        deadline: Instant,
        take: impl Fn() -> F + Send,
    ) -> Result<Held<'a>, StoreError>
    where
        F: Future<Output = Result<Held<'a>, StoreError>> + Send,
    {
        loop {
            match take().await {
                Err(StoreError::Unavailable(_))
                    if self.pool.has_lost_primary() && Instant::now() < deadline =>
                {
                    sleep(PAUSE).await;
                }
                held => return held,
            }
        }
    }

    async fn run(
        &self,
        statement: impl Fn() -> Statement + Send + Sync,
        effect: Effect,
        time: Duration,
    ) -> Result<Vec<PgRow>, StoreError> {
        let mut attempts = Attempts::new(effect);
        loop {
            let mut held = match effect {
                Effect::Probe => self.pool.take_for_probe().await?,
                Effect::Repeatable => {
                    self.take_by(attempts.start + SEARCH, || self.pool.take())
                        .await?
                }
                Effect::Once => self.take_for_write(attempts.start + SEARCH).await?,
            };
            let outcome = attempt(statement(), &mut held.connection, effect, time).await;
            let (failure, sqlstate) = match outcome {
                Ok(rows) => {
                    held.give_back();
                    return Ok(rows);
                }
                Err(failed) => failed,
            };
            match &failure {
                Failure::Conflict | Failure::Refused(_) => held.give_back(),
                Failure::Lost(_) => self.lose(held),
                Failure::NotPrimary(_) => held.give_up(),
            }
            let pause = attempts.pause_after(failure)?;
            self.pool.counts.retry(sqlstate);
            sleep(pause).await;
        }
    }
}

/// Returns the one row of a statement that always has one.
fn only(rows: &[PgRow]) -> Result<&PgRow, StoreError> {
    let missing = || StoreError::Failed("the database returned no row".to_owned());
    rows.first().ok_or_else(missing)
}

/// Returns a column.
fn get<'r, T>(row: &'r PgRow, index: usize) -> Result<T, StoreError>
where
    T: sqlx::Decode<'r, Engine> + sqlx::Type<Engine>,
{
    let value = row.try_get(index);
    value.map_err(|error| StoreError::Failed(failure::reason(&error)))
}

/// Returns a random number for a version, an id or a shard.
fn random() -> Result<i64, StoreError> {
    let id = token::generate_id();
    id.map_err(|error| StoreError::Failed(error.to_string()))
}

#[cfg(test)]
mod tests;
