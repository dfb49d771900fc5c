//! A comparison of the tables of a database with those of this version.

use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, Row, SqliteConnection};

use super::{Store, StoreError, common};

/// The tables of a database, compared with this version of the vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Schema {
    /// The database has no tables.
    Absent,
    /// So many migrations are pending.
    Behind(usize),
    Current,
    /// A newer version has migrated it.
    Ahead,
}

impl Schema {
    /// Reads the schema of a database file without changing it. Another process may serve it.
    pub(crate) async fn of_file(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        let mut connection = SqliteConnection::connect_with(&common(options)).await?;
        let schema = read(&mut connection).await;
        connection.close().await?;
        schema
    }
}

impl Store {
    /// Takes the lock of a writer, reads the schema, and changes nothing. Fails if the database takes no
    /// writes.
    pub(crate) async fn probe(&self) -> Result<Schema, StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let schema = read(&mut transaction).await;
        transaction.rollback().await?;
        schema
    }
}

async fn read(connection: &mut SqliteConnection) -> Result<Schema, StoreError> {
    let table = "SELECT count(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'";
    let tables: i64 = sqlx::query_scalar(table)
        .fetch_one(&mut *connection)
        .await?;
    if tables == 0 {
        return Ok(Schema::Absent);
    }
    let applied = "SELECT count(*), ifnull(max(version), 0) FROM _sqlx_migrations WHERE success";
    let row = sqlx::query(applied).fetch_one(&mut *connection).await?;
    let (count, newest): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    let migrator = sqlx::migrate!();
    let known: Vec<i64> = migrator.iter().map(|migration| migration.version).collect();
    let applied = usize::try_from(count).unwrap_or_default();
    Ok(if known.iter().all(|version| *version < newest) {
        Schema::Ahead
    } else if applied < known.len() {
        Schema::Behind(known.len() - applied)
    } else {
        Schema::Current
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Location;
    use crate::store::file::OpenFile;

    #[tokio::test]
    async fn the_schema_of_a_file_is_compared_with_this_version() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.db");
        drop(OpenFile::open(path.clone()).unwrap());
        assert_eq!(Schema::of_file(&path).await.unwrap(), Schema::Absent);
        let store = Store::open(Location::File(path.clone())).await.unwrap();
        assert_eq!(store.probe().await.unwrap(), Schema::Current);
        assert_eq!(Schema::of_file(&path).await.unwrap(), Schema::Current);
        let forget = "DELETE FROM _sqlx_migrations WHERE version = (SELECT max(version) FROM _sqlx_migrations)";
        store.write(sqlx::query(forget)).await.unwrap();
        assert_eq!(store.probe().await.unwrap(), Schema::Behind(1));
        let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                     VALUES (99999999999999, 'newer', 1, x'', 0)";
        store.write(sqlx::query(newer)).await.unwrap();
        assert_eq!(store.probe().await.unwrap(), Schema::Ahead);
        store.close().await;
        assert_eq!(Schema::of_file(&path).await.unwrap(), Schema::Ahead);
        assert!(store.probe().await.is_err(), "it is closed");
    }

    #[tokio::test]
    async fn a_probe_fails_while_another_process_holds_the_lock_of_a_writer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.db");
        let store = Store::open(Location::File(path.clone())).await.unwrap();
        let options = common(SqliteConnectOptions::new().filename(&path));
        let mut other = SqliteConnection::connect_with(&options).await.unwrap();
        let held = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
        let readiness = crate::readiness::Readiness::default();
        let reasons = readiness.reasons(&store).await;
        assert_eq!(reasons.len(), 1, "{reasons:?}");
        held.rollback().await.unwrap();
        assert_eq!(readiness.reasons(&store).await.len(), 1, "it is cached");
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        assert_eq!(readiness.reasons(&store).await, Vec::new());
        readiness.drain();
        assert_eq!(readiness.reasons(&store).await.len(), 1);
    }
}
