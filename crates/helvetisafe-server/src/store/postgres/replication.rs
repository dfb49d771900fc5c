//! The wait of commits for a synchronous standby.

use std::fmt;
use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::PgRow;

use super::Postgres;
use super::pool::Held;
use crate::lock::lock;
use crate::store::StoreError;

/// The time after which a commit that waits for a standby means that none confirms. It is above the time in which a standby
/// restarts.
const STUCK: Duration = Duration::from_secs(3);

/// The age from which a probe no longer counts. It is above the time between two probes of a node.
const STALE: Duration = Duration::from_secs(10);

/// The columns from which [`Replication::of`] is made.
///
/// A role sees its own sessions. The state of a standby is visible for a superuser and for members of `pg_read_all_stats`;
/// other roles see that there is one, which may be another program that receives the write-ahead log.
macro_rules! replication {
    () => {
        "current_setting('synchronous_standby_names') AS standby_names, \
         EXISTS (SELECT FROM pg_stat_replication WHERE state IS NULL \
         OR state = 'streaming' AND sync_state IN ('sync', 'quorum')) AS has_standby, \
         (SELECT coalesce(max(extract(epoch FROM clock_timestamp() - query_start)), 0)::float8 \
         FROM pg_stat_activity WHERE usename = current_user AND wait_event = 'SyncRep') AS wait"
    };
}
pub(super) use replication;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Replication {
    /// No commit waits.
    Off,
    /// A commit waits until a standby has it.
    On,
    /// A commit waits, and no standby confirms it.
    Stuck(Stuck),
}

/// The facts about commits that wait in vain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stuck {
    /// The setting `synchronous_standby_names`.
    names: String,
    /// True if a commit has waited for longer than [`STUCK`].
    pub(super) waits: bool,
}

impl Postgres {
    /// Refuses a write while commits wait in vain for their standby. Each one would keep a connection of the server, also
    /// after this node has given it up, until reads get none.
    pub(super) fn check_standby(&self) -> Result<(), StoreError> {
        let saw_waiting = *lock(&self.saw_waiting);
        match saw_waiting.is_some_and(|at| at.elapsed() < STALE) {
            true => Err(StoreError::NoStandby),
            false => Ok(()),
        }
    }

    /// Returns the error of a write that the database has not confirmed.
    pub(super) fn unconfirmed(&self, reason: String) -> StoreError {
        match self.check_standby() {
            Ok(()) => StoreError::OutcomeUnknown(reason),
            Err(_) => StoreError::Unconfirmed,
        }
    }

    /// Closes a connection without an answer, and the others unless this one waits for a standby.
    pub(super) fn lose(&self, held: Held<'_>) {
        match self.check_standby() {
            Ok(()) => held.give_up(),
            Err(_) => drop(held),
        }
    }
}

impl Replication {
    pub(super) fn of(row: &PgRow) -> Result<Self, sqlx::Error> {
        let (names, wait): (String, f64) = (row.try_get("standby_names")?, row.try_get("wait")?);
        let waits = wait > STUCK.as_secs_f64();
        let has_standby: bool = row.try_get("has_standby")?;
        Ok(match (names.is_empty(), has_standby && !waits) {
            (true, _) => Self::Off,
            (false, true) => Self::On,
            (false, false) => Self::Stuck(Stuck { names, waits }),
        })
    }
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { names, waits } = self;
        let finding = match waits {
            true => format!("a commit has waited for more than {} s", STUCK.as_secs()),
            false => "no such standby is connected".to_owned(),
        };
        write!(f, "synchronous_standby_names is \"{names}\", and {finding}")
    }
}
