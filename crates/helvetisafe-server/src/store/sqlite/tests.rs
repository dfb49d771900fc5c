use helvetisafe_proto::KeyName;

use super::*;
use crate::store::{Conditional, Schema};

fn schema_of_file(path: &Path) -> Result<Schema, StoreError> {
    Ok(migrations_of_file(path)?.schema())
}

#[tokio::test]
async fn writes_are_durable_and_deletes_are_secure() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = Sqlite::in_file(folder.path().join("vault.db")).unwrap();
    for (pragma, expected) in [
        ("journal_mode", "wal"),
        ("synchronous", "2"),
        ("secure_delete", "1"),
        ("foreign_keys", "1"),
    ] {
        let query = format!("SELECT CAST({pragma} AS TEXT) FROM pragma_{pragma}");
        let value: String = sqlite
            .write(move |connection| Ok(connection.query_row(&query, [], |row| row.get(0))?))
            .await
            .unwrap();
        assert_eq!(value, expected, "{pragma}");
    }
    sqlite.migrate().await.unwrap();
    assert!(sqlite.migrations().await.unwrap().pending().is_empty());
    let delete = sqlite.read(|connection| connection.execute("DELETE FROM secrets", []));
    assert!(delete.is_err(), "a reader cannot write");
}

/// An idle connection that kept its state would keep the writer from emptying the log.
#[tokio::test]
async fn a_read_sees_the_writes_before_it_and_the_state_it_keeps_hinders_no_writer() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = Sqlite::in_file(folder.path().join("vault.db")).unwrap();
    let create = "CREATE TABLE numbers (n INTEGER); INSERT INTO numbers VALUES (0)";
    let create = |batch: &Batch<'_>| Ok(batch.execute_batch(create)?);
    sqlite.write(create).await.unwrap();
    let query = |connection: &Connection| {
        connection.query_row("SELECT n FROM numbers", [], |row| row.get::<_, i64>(0))
    };
    for n in 1..10 {
        for _ in 0..2 {
            assert_eq!(sqlite.read_rows(|present| query(present)), Ok(n - 1));
        }
        let update = move |connection: &mut Connection| {
            connection.execute("UPDATE numbers SET n = ?", [n])?;
            let empty = "PRAGMA wal_checkpoint(TRUNCATE)";
            connection.query_row(empty, [], |row| row.get(0))
        };
        let is_busy: bool = sqlite.writer.exclusive(update).await.unwrap();
        assert!(!is_busy);
        assert_eq!(sqlite.read(query), Ok(n));
    }
}

#[tokio::test]
async fn the_schema_is_compared_with_this_version() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vault.db");
    assert_eq!(schema_of_file(&path).unwrap(), Schema::Absent);
    let sqlite = Sqlite::in_file(path.clone()).unwrap();
    assert_eq!(sqlite.probe().await.unwrap().schema, Schema::Absent);
    sqlite.migrate().await.unwrap();
    for (change, expected) in [
        ("SELECT 1", Schema::Current),
        (
            "DELETE FROM migrations WHERE number = (SELECT max(number) FROM migrations)",
            Schema::Behind(1),
        ),
        (
            "INSERT INTO migrations VALUES (9999, 0, NULL)",
            Schema::Incompatible,
        ),
        (
            "UPDATE migrations SET needs = 1 WHERE needs IS NULL",
            Schema::Ahead,
        ),
    ] {
        let change = |batch: &Batch<'_>| Ok(batch.execute_batch(change)?);
        sqlite.write(change).await.unwrap();
        assert_eq!(sqlite.probe().await.unwrap().schema, expected);
        assert_eq!(schema_of_file(&path).unwrap(), expected);
    }
    sqlite.close().await;
    assert_eq!(schema_of_file(&path).unwrap(), Schema::Ahead);
    assert!(sqlite.probe().await.is_err(), "it is closed");
}

fn disable(batch: &Batch<'_>) -> Result<usize, StoreError> {
    Ok(batch.execute("UPDATE accounts SET status = 'disabled'", [])?)
}

/// Its tokens are valid, as when a request is accepted before the account is disabled.
#[tokio::test]
async fn a_write_of_a_disabled_account_is_refused() {
    use crate::store::tests::World;
    let world = World::of(&crate::store::Database::in_memory(), ()).await;
    world.create("a", "1").await;
    let crate::store::Store::Sqlite(sqlite) = &world.store else {
        panic!("it is SQLite");
    };
    assert_eq!(sqlite.write(disable).await, Ok(1));
    let updated = world.store.update_secret(world.write("a", "2")).await;
    assert_eq!(updated.err(), Some(StoreError::Revoked));
}

/// All writes are in one transaction.
#[tokio::test]
async fn a_token_is_checked_again_after_a_change_of_something_else_than_a_secret() {
    use crate::store::tests::World;
    let world = World::of(&crate::store::Database::in_memory(), ()).await;
    world.create("a", "1").await;
    let crate::store::Store::Sqlite(sqlite) = &world.store else {
        panic!("it is SQLite");
    };
    let update = |value| world.store.update_secret(world.write("a", value));
    let (release, released) = std::sync::mpsc::channel();
    let (_, first, second, disabled, third, ()) = tokio::join!(
        sqlite.writer.exclusive(move |_| Ok(released.recv())),
        update("2"),
        update("3"),
        sqlite.write(disable),
        update("4"),
        async { release.send(()).unwrap() },
    );
    assert!(matches!(first, Ok(Conditional::Done(_))));
    assert!(matches!(second, Ok(Conditional::Done(_))));
    assert_eq!(disabled, Ok(1));
    assert_eq!(third.err(), Some(StoreError::Revoked));
}

/// A state is kept between the reads.
#[tokio::test]
async fn a_token_that_was_found_is_not_found_after_it_is_revoked() {
    use crate::store::tests::World;
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:{}", folder.path().join("vault.db").display());
    let world = World::of(&address.parse().unwrap(), ()).await;
    world.create("a", "1").await;
    let crate::store::Store::Sqlite(sqlite) = &world.store else {
        panic!("it is SQLite");
    };
    let token = world.write("a", "1").grant.token;
    let name = || Some(KeyName::parse("a").unwrap());
    for _ in 0..3 {
        let (_, record) = sqlite.read_secret(&token, name()).unwrap().unwrap();
        assert!(record.is_some());
        assert!(sqlite.principal(&token).unwrap().is_some());
    }
    let revoke = |batch: &Batch<'_>| Ok(batch.execute("DELETE FROM tokens", [])?);
    assert!(sqlite.write(revoke).await.is_ok());
    assert!(sqlite.principal(&token).unwrap().is_none());
    assert!(sqlite.read_secret(&token, name()).unwrap().is_none());
}

#[tokio::test]
async fn a_probe_fails_while_another_process_holds_the_lock_of_a_writer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vault.db");
    let sqlite = Sqlite::in_file(path.clone()).unwrap();
    sqlite.migrate().await.unwrap();
    let store = super::super::Store::Sqlite(sqlite);
    let mut other = Connection::open(&path).unwrap();
    let held = other
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .unwrap();
    let readiness = crate::readiness::Readiness::default();
    let reasons = async || readiness.state(&store).await.reasons;
    assert_eq!(reasons().await.len(), 1);
    held.rollback().unwrap();
    assert_eq!(reasons().await.len(), 1, "it is cached");
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(reasons().await, Vec::new());
    readiness.drain();
    assert_eq!(reasons().await.len(), 1);
}
