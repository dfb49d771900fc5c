//! The steps from an empty database to the tables of this version, in order.

use rusqlite::{Connection, TransactionBehavior};

use crate::store::{Moment, Schema};

/// A file is never changed once it was released: there are databases that have run it.
const STEPS: &[&str] = &[
    include_str!("../../../migrations/sqlite/0001_vault.sql"),
    include_str!("../../../migrations/sqlite/0002_list_version.sql"),
    include_str!("../../../migrations/sqlite/0003_secret_version.sql"),
    include_str!("../../../migrations/sqlite/0004_organizations.sql"),
];

/// Runs the steps that the database has not seen, each in a transaction.
pub(super) fn run(connection: &mut Connection) -> Result<(), rusqlite::Error> {
    run_to(connection, STEPS.len())
}

/// Returns the number of steps that are still to run.
#[cfg(test)]
pub(super) fn pending(connection: &mut Connection) -> Result<usize, rusqlite::Error> {
    Ok(STEPS.len().saturating_sub(done(connection)?))
}

/// Compares the tables with those of this version.
pub(super) fn schema(connection: &Connection) -> Result<Schema, rusqlite::Error> {
    Ok(Schema::compare(done(connection)?, STEPS.len()))
}

fn run_to(connection: &mut Connection, last: usize) -> Result<(), rusqlite::Error> {
    let before = done(connection)?;
    for (index, step) in STEPS.iter().enumerate().take(last).skip(before) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        adopt(&transaction)?;
        transaction.execute_batch(step)?;
        transaction.execute(
            "INSERT INTO migrations (number, ran_at) VALUES (?, ?)",
            (
                i64::try_from(index + 1).unwrap_or(i64::MAX),
                Moment::now().0,
            ),
        )?;
        transaction.commit()?;
    }
    Ok(())
}

/// Returns the number of steps that the database has seen.
fn done(connection: &Connection) -> Result<usize, rusqlite::Error> {
    // The first versions of the vault used the migrations of `sqlx`.
    for (table, query) in [
        ("migrations", "SELECT max(number) FROM migrations"),
        (
            "_sqlx_migrations",
            "SELECT max(version) FROM _sqlx_migrations WHERE success",
        ),
    ] {
        if connection.table_exists(None, table)? {
            let last: Option<u32> = connection.query_row(query, [], |row| row.get(0))?;
            return Ok(last.unwrap_or_default() as usize);
        }
    }
    Ok(0)
}

/// Makes the table of the steps, with those of the first versions.
fn adopt(connection: &Connection) -> Result<(), rusqlite::Error> {
    if connection.table_exists(None, "migrations")? {
        return Ok(());
    }
    connection.execute_batch(
        "CREATE TABLE migrations (number INTEGER PRIMARY KEY, ran_at INTEGER NOT NULL) STRICT",
    )?;
    if connection.table_exists(None, "_sqlx_migrations")? {
        connection.execute_batch(
            "INSERT INTO migrations SELECT version, 0 FROM _sqlx_migrations WHERE success; \
             DROP TABLE _sqlx_migrations",
        )?;
    }
    Ok(())
}
