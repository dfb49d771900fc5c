//! The SQLite database, in memory or in a file. Only this folder uses `sqlx`.
//!
//! Every function on secrets takes the organization, and every statement filters by it.

mod accounts;
mod file;
mod moment;
mod schema;
mod secrets;
mod tokens;
mod version;

use std::path::PathBuf;
use std::time::Duration;

use sqlx::query::Query;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Sqlite, SqlitePool};

use crate::Error;
use file::OpenFile;

pub(crate) use accounts::{AccountId, AccountRow, Client, OrganizationId};
pub(crate) use moment::Moment;
pub(crate) use schema::Schema;
pub use secrets::StoredSecret;
pub(crate) use secrets::{Ciphertext, Conditional, ListVersion};
pub(crate) use sqlx::Error as StoreError;
pub(crate) use tokens::{Principal, TokenKind, TokenRow};
pub(crate) use version::SecretVersion;

/// The longest wait of a statement for a connection, and of a connection for another process' lock.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The location of the database.
#[derive(Clone, Debug)]
pub(crate) enum Location {
    Memory,
    File(PathBuf),
}

/// The open database.
pub(crate) struct Store {
    /// One connection, since SQLite allows one writer at a time, and waiting here is cheaper than there.
    writer: SqlitePool,
    readers: SqlitePool,
    name: String,
    file: Option<OpenFile>,
}

impl Store {
    /// Opens the database, makes it if it does not exist, and migrates its tables.
    pub(crate) async fn open(location: Location) -> Result<Self, Error> {
        let store = match location {
            Location::Memory => Self::in_memory(),
            Location::File(path) => Self::in_file(OpenFile::open(path)?),
        };
        let migrated = sqlx::migrate!().run(&store.writer).await;
        migrated.map_err(|error| store.error(error))?;
        Ok(store)
    }

    /// The database lives as long as its only connection, which the pool therefore never closes.
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
        // The write-ahead log is on the disk before a write is acknowledged.
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

    /// Runs a statement that writes. Returns the number of changed rows.
    async fn write(
        &self,
        statement: Query<'_, Sqlite, SqliteArguments>,
    ) -> Result<u64, StoreError> {
        let written = statement.execute(&self.writer).await?;
        Ok(written.rows_affected())
    }

    /// Waits for running statements, moves the log to the database file, and closes it.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
        if let Some(file) = &self.file {
            file.unlock();
        }
    }

    /// Converts an error for the owner of the vault.
    pub(crate) fn error(
        &self,
        reason: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Error {
        Error::Database {
            name: self.name.clone(),
            reason: reason.into(),
        }
    }
}

fn common(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .foreign_keys(true)
        .busy_timeout(TIMEOUT)
        .pragma("secure_delete", "ON")
        .disable_statement_logging()
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

/// Returns a few more than the number of cores, since readers wait for the disk at times.
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

    /// Its secrets get versions, and its triggers and indexes stay.
    #[tokio::test]
    async fn a_database_of_an_earlier_version_is_migrated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.db");
        // Makes the file with the permissions that it has to have.
        drop(OpenFile::open(path.clone()).unwrap());
        let options = common(SqliteConnectOptions::new().filename(&path));
        let earlier = pool(1).connect_lazy_with(options);
        sqlx::migrate!().run_to(2, &earlier).await.unwrap();
        for statement in [
            "INSERT INTO organizations (id, created_at) VALUES (1, 0)",
            "INSERT INTO secrets VALUES (1, 'a', 1, 2, NULL, 'n', 'v'), (1, 'b', 3, 4, 5, 'm', 'w')",
        ] {
            sqlx::query(statement).execute(&earlier).await.unwrap();
        }
        let schema = "SELECT group_concat(type || ' ' || name, ', ') FROM \
                      (SELECT * FROM sqlite_schema WHERE tbl_name = 'secrets' ORDER BY type, name)";
        let before = pragma(&earlier, schema).await;
        earlier.close().await;

        let store = Store::open(Location::File(path)).await.unwrap();
        assert_eq!(pragma(&store.readers, schema).await, before);
        let rows = "SELECT group_concat(key || created_at || updated_at || ifnull(expires_at, '-') \
                    || nonce || value) FROM secrets";
        assert_eq!(pragma(&store.readers, rows).await, "a12-nv,b345mw");
        let versions = "SELECT CAST(count(DISTINCT version) AS TEXT) FROM secrets";
        assert_eq!(pragma(&store.readers, versions).await, "2");
        let list = "SELECT CAST(list_version AS TEXT) FROM organizations";
        assert_eq!(pragma(&store.readers, list).await, "2");
        let delete = sqlx::query("DELETE FROM secrets WHERE key = 'a'");
        store.write(delete).await.unwrap();
        assert_eq!(pragma(&store.readers, list).await, "3");
    }

    #[tokio::test]
    async fn writes_are_durable_and_deletes_are_secure() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(Location::File(folder.path().join("vault.db")))
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
