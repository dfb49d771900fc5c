//! The database: SQLite, in memory or in a file. The only folder that names `sqlx`.
//!
//! Every function that touches a secret takes the organization, and every statement filters by it.

mod accounts;
mod file;
mod moment;
mod secrets;
mod tokens;

use std::path::PathBuf;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::Error;
use file::OpenFile;

pub(crate) use accounts::{AccountId, AccountRow, Client, OrganizationId};
pub(crate) use moment::Moment;
pub use secrets::StoredSecret;
pub(crate) use secrets::{Ciphertext, ListVersion, NewExpiry};
pub(crate) use sqlx::Error as StoreError;
pub(crate) use tokens::{Principal, TokenKind, TokenRow};

/// How long a statement waits for a connection, and a connection for another process' lock.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where the data are.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Memory,
    File(PathBuf),
}

/// The open database.
pub(crate) struct Store {
    /// One connection, since SQLite has one writer at a time: waiting here is cheaper than there.
    writer: SqlitePool,
    readers: SqlitePool,
    name: String,
    file: Option<OpenFile>,
}

impl Store {
    /// Opens the database, makes it where there is none, and brings its tables up to date.
    pub(crate) async fn open(place: Place) -> Result<Self, Error> {
        let store = match place {
            Place::Memory => Self::in_memory(),
            Place::File(path) => Self::in_file(OpenFile::open(path)?),
        };
        let migrated = sqlx::migrate!().run(&store.writer).await;
        migrated.map_err(|error| store.error(error))?;
        Ok(store)
    }

    /// The database lives as long as its only connection, so that one is never given up.
    fn in_memory() -> Self {
        let options = common(SqliteConnectOptions::new().in_memory(true));
        let pool = pool(1).connect_lazy_with(options);
        Self {
            writer: pool.clone(),
            readers: pool,
            name: "in memory".to_owned(),
            file: None,
        }
    }

    fn in_file(file: OpenFile) -> Self {
        let options = common(SqliteConnectOptions::new().filename(file.path()));
        // A write is in the log and the log is on the disk before it is acknowledged.
        let writing = options
            .clone()
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let reading = options.pragma("query_only", "ON");
        Self {
            writer: pool(1).connect_lazy_with(writing),
            readers: pool(reader_count()).connect_lazy_with(reading),
            name: file.path().display().to_string(),
            file: Some(file),
        }
    }

    /// Waits for what is under way, moves the log into the database file and closes it.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
        if let Some(file) = &self.file {
            file.unlock();
        }
    }

    /// An error for the process that holds the vault.
    pub(crate) fn error(
        &self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Error {
        Error::Database {
            name: self.name.clone(),
            source: source.into(),
        }
    }
}

fn common(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .foreign_keys(true)
        .busy_timeout(PATIENCE)
        .pragma("secure_delete", "ON")
        .disable_statement_logging()
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

/// A reader waits for the disk at most, so a few more than there are cores.
fn reader_count() -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    u32::try_from(cores + 2).unwrap_or(u32::MAX).min(16)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn pragma(pool: &SqlitePool, query: &'static str) -> String {
        sqlx::query_scalar(query).fetch_one(pool).await.unwrap()
    }

    #[tokio::test]
    async fn an_acknowledged_write_is_on_the_disk_and_a_deleted_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(Place::File(folder.path().join("vault.db")))
            .await
            .unwrap();
        for (query, expected) in [
            ("SELECT journal_mode FROM pragma_journal_mode", "wal"),
            (
                "SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous",
                "2",
            ),
            (
                "SELECT CAST(secure_delete AS TEXT) FROM pragma_secure_delete",
                "1",
            ),
            (
                "SELECT CAST(foreign_keys AS TEXT) FROM pragma_foreign_keys",
                "1",
            ),
        ] {
            assert_eq!(pragma(&store.writer, query).await, expected, "{query}");
        }
        assert!(
            sqlx::query("DELETE FROM secrets")
                .execute(&store.readers)
                .await
                .is_err()
        );
    }
}
