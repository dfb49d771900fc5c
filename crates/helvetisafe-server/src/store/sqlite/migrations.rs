//! The steps from an empty database to the tables of this version, in order.

use rusqlite::{Connection, TransactionBehavior};

use crate::store::found_tables::FoundTables;
use crate::store::schema::Step;
use crate::store::table::MIGRATIONS;
use crate::store::{Migrations, Moment, StoreError};

/// A file is never changed once it was released: there are databases that have run it.
const STEPS: &[Step] = &[
    Step {
        name: "0001_vault",
        script: include_str!("../../../migrations/sqlite/0001_vault.sql"),
        compatible_from: 1,
    },
    Step {
        name: "0002_list_version",
        script: include_str!("../../../migrations/sqlite/0002_list_version.sql"),
        compatible_from: 1,
    },
    Step {
        name: "0003_secret_version",
        script: include_str!("../../../migrations/sqlite/0003_secret_version.sql"),
        compatible_from: 3,
    },
    Step {
        name: "0004_organizations",
        script: include_str!("../../../migrations/sqlite/0004_organizations.sql"),
        compatible_from: 4,
    },
    Step {
        name: "0005_administration",
        script: include_str!("../../../migrations/sqlite/0005_administration.sql"),
        compatible_from: 4,
    },
    Step {
        name: "0006_hold",
        script: include_str!("../../../migrations/sqlite/0006_hold.sql"),
        compatible_from: 4,
    },
    Step {
        name: "0007_audit_seals",
        script: include_str!("../../../migrations/sqlite/0007_audit_seals.sql"),
        compatible_from: 4,
    },
];

/// The first versions of the vault used the migrations of `sqlx`, as other programs do. These tables were theirs.
const SQLX: &str = "_sqlx_migrations";
const FIRST: [&str; 4] = ["accounts", "organizations", "secrets", "tokens"];

/// Runs the pending steps. A new database gets all of them in one transaction, which takes one flush. Otherwise each step
/// has its own transaction, since it may copy all secrets into the log. Returns the names of the steps.
pub(super) fn run(connection: &mut Connection) -> Result<Vec<&'static str>, rusqlite::Error> {
    run_to(connection, STEPS.len())
}

/// Returns the migrations of a database without tables.
pub(crate) fn none() -> Migrations {
    Migrations {
        steps: STEPS,
        seen: 0,
        compatible_from: None,
        other_table: None,
    }
}

/// Compares the steps like [`read`]. Refuses the tables of another program, and a database that lacks some of its own.
pub(super) fn examine(connection: &Connection) -> Result<Migrations, StoreError> {
    let query = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
                 ORDER BY name";
    let mut statement = connection.prepare(query)?;
    let names = statement.query_map([], |row| row.get(0))?;
    let mut found = FoundTables::in_file(names.collect::<Result<_, _>>()?);
    if found.has(MIGRATIONS) && !connection.column_exists(None, MIGRATIONS, "number")? {
        return Err(StoreError::Foreign(MIGRATIONS.to_owned()));
    }
    let is_first = found.has(SQLX) && FIRST.iter().all(|name| found.has(name));
    if !found.has(MIGRATIONS) && !is_first {
        return match found.first() {
            Some(name) => Err(StoreError::Foreign(name.to_owned())),
            None => Ok(none()),
        };
    }
    let migrations = read(connection)?;
    for table in found.own().collect::<Vec<_>>() {
        let mut columns = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
        let columns = columns.query_map([table], |row| row.get(0))?;
        found.set_columns(table, columns.collect::<Result<_, _>>()?);
    }
    let other_table = found.check(&migrations)?;
    Ok(Migrations {
        other_table: other_table.filter(|name| name != SQLX),
        ..migrations
    })
}

/// Compares the steps of the database with those of this version.
pub(super) fn read(connection: &Connection) -> Result<Migrations, rusqlite::Error> {
    let seen = done(connection)?;
    Ok(Migrations {
        steps: STEPS,
        seen,
        compatible_from: match seen > STEPS.len() {
            true => compatible_from(connection)?,
            false => None,
        },
        other_table: None,
    })
}

/// Returns the number of steps that a vault has to know; `None` if a step of a later version has not stored it.
fn compatible_from(connection: &Connection) -> Result<Option<usize>, rusqlite::Error> {
    if !connection.column_exists(None, "migrations", "needs")? {
        return Ok(None);
    }
    let query = "SELECT CASE WHEN count(*) = count(needs) THEN max(needs) END FROM migrations WHERE number > ?";
    let needs: Option<u32> =
        connection.query_row(query, [number(STEPS.len())], |row| row.get(0))?;
    Ok(needs.map(|needs| needs as usize))
}

fn run_to(connection: &mut Connection, last: usize) -> Result<Vec<&'static str>, rusqlite::Error> {
    let before = done(connection)?;
    let together = if before == 0 { STEPS.len() } else { 1 };
    let steps: Vec<_> = STEPS.iter().zip(1_i64..).take(last).skip(before).collect();
    for steps in steps.chunks(together) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        adopt(&transaction)?;
        for (step, at) in steps {
            transaction.execute_batch(step.script)?;
            transaction.execute(
                "INSERT INTO migrations (number, ran_at, needs) VALUES (?, ?, ?)",
                (at, Moment::now().0, number(step.compatible_from)),
            )?;
        }
        transaction.commit()?;
    }
    Ok(steps.iter().map(|(step, _)| step.name).collect())
}

fn number(steps: usize) -> i64 {
    i64::try_from(steps).unwrap_or(i64::MAX)
}

/// Returns the number of steps that the database has seen.
fn done(connection: &Connection) -> Result<usize, rusqlite::Error> {
    for (table, query) in [
        (MIGRATIONS, "SELECT max(number) FROM migrations"),
        (
            SQLX,
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
        return match connection.column_exists(None, "migrations", "needs")? {
            true => Ok(()),
            false => connection.execute_batch("ALTER TABLE migrations ADD COLUMN needs INTEGER"),
        };
    }
    connection.execute_batch(
        "CREATE TABLE migrations (number INTEGER PRIMARY KEY, ran_at INTEGER NOT NULL, needs INTEGER) STRICT",
    )?;
    if connection.table_exists(None, "_sqlx_migrations")? {
        connection.execute_batch(
            "INSERT INTO migrations SELECT version, 0, NULL FROM _sqlx_migrations WHERE success; \
             DROP TABLE _sqlx_migrations",
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_new_database_is_made_in_one_transaction_and_an_old_one_step_by_step() {
        for (first, expected) in [(0, 1), (1, STEPS.len() - 1), (STEPS.len(), 0)] {
            let mut connection = Connection::open_in_memory().unwrap();
            run_to(&mut connection, first).unwrap();
            let commits = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&commits);
            let count = move || {
                counted.fetch_add(1, Ordering::SeqCst);
                false
            };
            connection.commit_hook(Some(count)).unwrap();
            run(&mut connection).unwrap();
            assert_eq!(commits.load(Ordering::SeqCst), expected, "{first}");
            assert!(read(&connection).unwrap().pending().is_empty());
        }
    }
}
