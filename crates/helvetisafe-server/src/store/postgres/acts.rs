//! Administrative acts, each a transaction of several statements that locks its row first.
//!
//! Before the commit is sent, a failure has no effect and the act is repeated. A commit without an answer is looked up
//! like a write of one statement. Each statement sees what was committed before it, so the reads after the lock are
//! those of the state that the act changes.
//!
//! The server ends a transaction whose node no longer sends, since its locks would stop all writes of the organization.

use std::time::{Duration, Instant};

use sqlx::postgres::PgRow;
use sqlx::{Column, PgConnection, Row as _, TypeInfo};
use tokio::time::{sleep, timeout};

use super::failure::{self, Failure};
use super::warnings::with_warning;
use super::{CONFLICTING, ONCE, Postgres, SEARCH, SHARDS, get, jitter, now, only, random};
use crate::store::act::{Act, ActError, Context, Lock, Parameter, Record, Statement};
use crate::store::table::Value;
use crate::store::{Moment, StoreError};

/// The SQLSTATE unique_violation: another transaction has inserted the same key since the reads.
const UNIQUE: &str = "23505";

/// The longest time between two statements of an act. A node sends them at once. It is below the timeout of a look-up,
/// which waits for the end of the transaction.
const IDLE: &str = "SET LOCAL idle_in_transaction_session_timeout = '3s'";

/// The end of one attempt.
enum Attempt<T> {
    Done(T),
    /// The commit was sent, and its answer was lost.
    Unknown(T, String),
    Refused(ActError),
    Failed(Failure, &'static str),
}

/// A failed statement, which had no effect, or a refusal.
enum Stop {
    Refused(ActError),
    Failed(Failure, &'static str),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}

impl Postgres {
    pub(in crate::store) async fn act<A: Act>(&self, act: A) -> Result<A::Outcome, ActError> {
        let (start, deadline) = (Instant::now(), Instant::now() + SEARCH);
        let (mut conflicts, mut was_moved, mut was_fenced) = (0, false, false);
        loop {
            self.check_standby()?;
            let id = random()?;
            let mut held = self.take_for_write(deadline).await?;
            match attempt(&mut held.connection, &act, id).await {
                Attempt::Done(outcome) => {
                    held.give_back();
                    return Ok(outcome);
                }
                Attempt::Refused(error) => {
                    held.give_back();
                    return Err(error);
                }
                Attempt::Unknown(outcome, reason) => {
                    self.lose(held);
                    match self.look_up(id).await {
                        Ok(Some(_)) => return Ok(outcome),
                        Ok(None) if was_fenced => {
                            return Err(StoreError::Unavailable(reason).into());
                        }
                        Ok(None) => was_fenced = true,
                        Err(_) => {
                            self.fence_later(id);
                            return Err(self.unconfirmed(reason).into());
                        }
                    }
                }
                Attempt::Failed(Failure::Conflict, sqlstate) => {
                    // Closes the connection, and so ends the transaction.
                    drop(held);
                    conflicts += 1;
                    if start.elapsed() > CONFLICTING {
                        return Err(failure::conflicting().into());
                    }
                    self.pool.counts.retry(sqlstate);
                    sleep(jitter(conflicts)).await;
                }
                Attempt::Failed(Failure::Refused(error), _) => return Err(error.into()),
                Attempt::Failed(Failure::Lost(reason) | Failure::NotPrimary(reason), sqlstate) => {
                    held.give_up();
                    if was_moved {
                        return Err(StoreError::Unavailable(reason).into());
                    }
                    was_moved = true;
                    self.pool.counts.retry(sqlstate);
                }
            }
        }
    }

    /// Returns the time of the database.
    pub(in crate::store) async fn now(&self) -> Result<Moment, StoreError> {
        let statement = || sqlx::query(concat!("SELECT ", now!()));
        let rows = self.repeatable(statement).await?;
        Ok(Moment(get(only(&rows)?, 0)?))
    }

    pub(in crate::store) async fn records(
        &self,
        statement: &Statement,
    ) -> Result<Vec<Record>, StoreError> {
        let rows = self.repeatable(|| bound(statement.clone())).await?;
        rows.iter().map(record).collect()
    }
}

async fn attempt<A: Act>(connection: &mut PgConnection, act: &A, id: i64) -> Attempt<A::Outcome> {
    match prepare(connection, act, id).await {
        Ok((outcome, true)) => commit(connection, outcome).await,
        Ok((outcome, false)) => rolled_back(connection, Attempt::Done(outcome)).await,
        Err(Stop::Refused(error)) => rolled_back(connection, Attempt::Refused(error)).await,
        Err(Stop::Failed(failure, sqlstate)) => Attempt::Failed(failure, sqlstate),
    }
}

/// Runs all statements but the commit. Returns `false` if there is nothing to commit.
async fn prepare<A: Act>(
    connection: &mut PgConnection,
    act: &A,
    id: i64,
) -> Result<(A::Outcome, bool), Stop> {
    let begin = sqlx::query("BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED");
    run(connection, begin).await?;
    run(connection, sqlx::query(IDLE)).await?;
    run(connection, locking(act.lock())).await?;
    let time = run(connection, sqlx::query(concat!("SELECT ", now!()))).await?;
    let now = Moment(get(only(&time)?, 0)?);
    let mut found = Vec::new();
    for query in act.queries(now) {
        let rows = run(connection, bound(query)).await?;
        found.push(rows.iter().map(record).collect::<Result<_, _>>()?);
    }
    let context = Context {
        now,
        shards: SHARDS,
    };
    let (changes, outcome) = act.decide(context, &found).map_err(Stop::Refused)?;
    if changes.is_empty() {
        return Ok((outcome, false));
    }
    for change in changes {
        run(connection, bound(change)).await?;
    }
    let write = concat!(
        "INSERT INTO writes (id, at, happened) VALUES ($1, ",
        now!(),
        ", true)"
    );
    run(connection, sqlx::query(write).bind(id)).await?;
    Ok((outcome, true))
}

async fn commit<T>(connection: &mut PgConnection, outcome: T) -> Attempt<T> {
    let commit = with_warning(sqlx::query("COMMIT").execute(connection));
    let (committed, warning) = match timeout(ONCE, commit).await {
        Ok(ended) => ended,
        Err(_) => return Attempt::Unknown(outcome, silent(ONCE)),
    };
    match (committed, warning) {
        (Ok(_), None) => Attempt::Done(outcome),
        (Ok(_), Some(warning)) => Attempt::Unknown(outcome, warning),
        (Err(error), _) => match Failure::of(&error) {
            Failure::Lost(reason) => Attempt::Unknown(outcome, reason),
            failure => Attempt::Failed(failure, failure::sqlstate(&error)),
        },
    }
}

/// Ends a transaction without an effect. If that fails, so will the next statement of the connection.
async fn rolled_back<T>(connection: &mut PgConnection, ended: Attempt<T>) -> Attempt<T> {
    match run(connection, sqlx::query("ROLLBACK")).await {
        Ok(_) => ended,
        Err(Stop::Failed(failure, sqlstate)) => Attempt::Failed(failure, sqlstate),
        Err(Stop::Refused(error)) => Attempt::Refused(error),
    }
}

async fn run(
    connection: &mut PgConnection,
    statement: super::Statement,
) -> Result<Vec<PgRow>, Stop> {
    match timeout(ONCE, statement.fetch_all(connection)).await {
        Ok(Ok(rows)) => Ok(rows),
        Ok(Err(error)) => Err(Stop::Failed(failure_of(&error), failure::sqlstate(&error))),
        Err(_) => Err(Stop::Failed(
            Failure::Lost(silent(ONCE)),
            failure::NO_SQLSTATE,
        )),
    }
}

fn failure_of(error: &sqlx::Error) -> Failure {
    let code = error.as_database_error().and_then(|error| error.code());
    match code.as_deref() {
        Some(UNIQUE) => Failure::Conflict,
        _ => Failure::of(error),
    }
}

fn silent(time: Duration) -> String {
    format!("no answer within {} s", time.as_secs())
}

fn locking(lock: Lock) -> super::Statement {
    let statement = match lock {
        Lock::Organization(_) => "SELECT key_epoch FROM organizations WHERE id = $1 FOR UPDATE",
        Lock::Bootstrap(_) => "SELECT expires_at FROM bootstraps WHERE hash = $1 FOR UPDATE",
        Lock::Seals(_) => {
            "SELECT number FROM audit_seals WHERE organization = $1 ORDER BY number DESC LIMIT 1 FOR UPDATE"
        }
    };
    bound(Statement {
        sql: statement,
        parameters: lock.parameters(),
    })
}

fn bound(statement: Statement) -> super::Statement {
    let query = sqlx::query(statement.sql);
    let parameters = statement.parameters.into_iter();
    parameters.fold(query, |query, parameter| match parameter {
        Parameter::Integer(number) => query.bind(number),
        Parameter::Text(text) => query.bind(text),
        Parameter::Bytes(bytes) => query.bind(bytes),
    })
}

fn record(row: &PgRow) -> Result<Record, StoreError> {
    let columns = row.columns().iter();
    let values = columns.map(|column| value(row, column.ordinal(), column.type_info().name()));
    values.collect::<Result<_, _>>().map(Record)
}

fn value(row: &PgRow, index: usize, kind: &str) -> Result<Value, StoreError> {
    let value = match kind {
        "INT8" => get::<Option<i64>>(row, index)?.map(Value::Integer),
        "TEXT" => get::<Option<String>>(row, index)?.map(Value::Text),
        "BYTEA" => get::<Option<Vec<u8>>>(row, index)?.map(Value::Bytes),
        other => return Err(StoreError::Failed(format!("a column has the type {other}"))),
    };
    Ok(value.unwrap_or(Value::Null))
}
