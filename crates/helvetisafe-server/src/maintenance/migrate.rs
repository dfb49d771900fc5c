//! Brings the tables of a database up to date.

use std::fmt;

use serde::Serialize;

use super::{block_on, check_owner};
use crate::store::{Schema, Store, incompatible};
use crate::{Database, Error};

/// The migrations of a database: those that were run, and the pending ones.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Migration {
    /// The database, without credentials.
    pub database: String,
    /// The number of its migrations before; 0 if it had no tables.
    pub from: usize,
    /// The number of its migrations now.
    pub to: usize,
    /// The migrations that this call ran, by name. Another one at the same time may have run the others between `from` and
    /// `to`.
    pub applied: Vec<&'static str>,
    /// The pending migrations.
    pub pending: Vec<&'static str>,
}

/// Returns the pending migrations of a database, and changes nothing. A vault may be serving it.
///
/// # Errors
///
/// [`Error::Problem`] if a newer version has made tables which this one cannot serve; [`Error::Database`] if the database
/// cannot be read.
pub fn pending_migrations(database: &Database) -> Result<Migration, Error> {
    block_on(state(database))
}

/// Makes the tables of a database, or brings those of an earlier version up to date. Nothing is done if they are those of
/// this version. Of several callers at the same time, one migrates a PostgreSQL database, and the others wait for it.
///
/// # Errors
///
/// Those of [`pending_migrations`], and [`Error::Locked`] if a vault uses the SQLite file.
pub fn migrate(database: &Database) -> Result<Migration, Error> {
    block_on(async {
        let before = state(database).await?;
        if before.pending.is_empty() {
            return Ok(before);
        }
        if let Some(path) = database.sqlite_file() {
            check_owner(path)?;
        }
        let store = Store::open(database).await?;
        let migrated = store.migrate().await;
        let migrations = store.migrations().await;
        store.close().await;
        let applied = migrated?.applied;
        let after = migrations.map_err(|error| database.error(error))?;
        Ok(Migration {
            to: after.seen,
            applied,
            pending: names(after.pending()),
            ..before
        })
    })
}

async fn state(database: &Database) -> Result<Migration, Error> {
    let migrations = database.migrations().await;
    let migrations = migrations.map_err(|error| database.error(error))?;
    if migrations.schema() == Schema::Incompatible {
        return Err(incompatible(&database.to_string()).into());
    }
    Ok(Migration {
        database: database.to_string(),
        from: migrations.seen,
        to: migrations.seen,
        applied: Vec::new(),
        pending: names(migrations.pending()),
    })
}

fn names(steps: &[crate::store::Step]) -> Vec<&'static str> {
    steps.iter().map(|step| step.name).collect()
}

impl fmt::Display for Migration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (database, from, to) = (&self.database, self.from, self.to);
        let list = |f: &mut fmt::Formatter<'_>, names: &[&str]| {
            names.iter().try_for_each(|name| write!(f, "\n  {name}"))
        };
        match (self.applied.is_empty(), self.pending.is_empty()) {
            (true, true) if from == to => {
                write!(f, "{database}: nothing to migrate; it is at migration {to}")
            }
            (true, true) => write!(
                f,
                "{database}: nothing left to migrate; another process has migrated it from {from} to {to}"
            ),
            (true, false) => {
                let count = self.pending.len();
                write!(f, "{database}: at migration {from}, pending ({count}):")?;
                list(f, &self.pending)
            }
            (false, _) => {
                write!(f, "{database}: migrated from {from} to {to}:")?;
                list(f, &self.applied)
            }
        }
    }
}
