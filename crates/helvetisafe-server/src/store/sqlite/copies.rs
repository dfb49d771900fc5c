//! Complete copies of a database as one file: made while a vault serves the database, and checked.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::file::check_readable;
use super::{connection, migrations};
use crate::store::{CopyError, Migrations, Moment, StoreError};

/// The number of pages in one step of a copy.
const PAGES: i32 = 1024;

/// The contents of a copy.
pub(crate) struct Contents {
    pub(crate) migrations: Migrations,
    pub(crate) organizations: u64,
    pub(crate) accounts: u64,
    pub(crate) tokens: u64,
    /// The number of secrets under the present org keys, under replaced ones, and under the next ones.
    pub(crate) secrets: u64,
    pub(crate) old_secrets: u64,
    pub(crate) staged_secrets: u64,
    /// The time of the newest account, token or write of a secret.
    pub(crate) latest: Option<Moment>,
}

/// Copies a database into an existing, empty file, as of one moment. Another process may serve the database meanwhile;
/// the two do not wait for each other.
pub(crate) fn copy_online(database: &Path, file: &Path) -> Result<(), CopyError> {
    check_readable(database).map_err(CopyError::Source)?;
    let source = connection::reading(database)?;
    // Later writes are not seen, so that the copy need not start again after each of them.
    let snapshot = source.unchecked_transaction()?;
    migrations::read(&snapshot)?;
    let mut copy = without_journal(file).map_err(|error| CopyError::Target(error.into()))?;
    let backup = Backup::new(&source, &mut copy)?;
    loop {
        match backup.step(PAGES)? {
            StepResult::Done => break,
            StepResult::More => {}
            _ => return Err(CopyError::Source(StoreError::Busy)),
        }
    }
    drop(backup);
    Ok(snapshot.finish()?)
}

fn without_journal(file: &Path) -> Result<Connection, rusqlite::Error> {
    let copy = connection::alone(file)?;
    copy.pragma_update(None, "journal_mode", "OFF")?;
    Ok(copy)
}

/// The source is only read, so a failed write is one of the copy.
impl From<rusqlite::Error> for CopyError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ffi::{SQLITE_FULL, SQLITE_IOERR_TRUNCATE, SQLITE_IOERR_WRITE};
        match error.sqlite_extended_error_code() {
            Some(SQLITE_FULL | SQLITE_IOERR_TRUNCATE | SQLITE_IOERR_WRITE) => {
                Self::Target(error.into())
            }
            _ => Self::Source(error.into()),
        }
    }
}

/// Checks a copy that no other process uses, and returns its contents. Afterwards it is one file, without a log.
pub(crate) fn inspect(file: &Path) -> Result<Contents, StoreError> {
    let copy = connection::alone(file)?;
    copy.pragma_update(None, "journal_mode", "DELETE")?;
    check(&copy)?;
    contents(&copy)
}

fn check(copy: &Connection) -> Result<(), StoreError> {
    let found: String = copy.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if found != "ok" {
        let found = found.replace('\n', " ");
        return Err(StoreError::Failed(format!("the file is damaged: {found}")));
    }
    let query = "SELECT count(*) FROM pragma_foreign_key_check";
    match copy.query_row(query, [], |row| row.get::<_, i64>(0))? {
        0 => Ok(()),
        count => Err(StoreError::Failed(format!(
            "the file is damaged: rows that refer to a missing row: {count}"
        ))),
    }
}

fn contents(copy: &Connection) -> Result<Contents, StoreError> {
    let migrations = migrations::read(copy)?;
    if migrations.seen == 0 {
        let problem = "the file has no tables of a vault";
        return Err(StoreError::Failed(problem.to_owned()));
    }
    let number = |query| {
        let count: i64 = copy.query_row(query, [], |row| row.get(0))?;
        Ok::<_, rusqlite::Error>(count.unsigned_abs())
    };
    let latest = "SELECT max(at) FROM (SELECT max(created_at) AS at FROM accounts \
                  UNION ALL SELECT max(updated_at) FROM secrets)";
    let latest: Option<i64> = copy.query_row(latest, [], |row| row.get(0))?;
    let [secrets, old_secrets, staged_secrets] = count_secrets(copy)?.map(i64::unsigned_abs);
    Ok(Contents {
        migrations,
        organizations: number("SELECT count(*) FROM organizations")?,
        accounts: number("SELECT count(*) FROM accounts")?,
        tokens: number("SELECT count(*) FROM tokens")?,
        secrets,
        old_secrets,
        staged_secrets,
        latest: latest.map(Moment),
    })
}

/// Returns the numbers of secrets under the present org keys, under replaced ones, and under the next ones.
fn count_secrets(copy: &Connection) -> Result<[i64; 3], rusqlite::Error> {
    // The first versions of the vault had one org key.
    let query = match copy.column_exists(None, "secrets", "key_epoch")? {
        true => {
            "SELECT count(*) FILTER (WHERE secrets.key_epoch = organizations.key_epoch), \
             count(*) FILTER (WHERE secrets.key_epoch < organizations.key_epoch), \
             count(*) FILTER (WHERE secrets.key_epoch > organizations.key_epoch) \
             FROM secrets JOIN organizations ON organizations.id = secrets.organization"
        }
        false => "SELECT count(*), 0, 0 FROM secrets",
    };
    copy.query_row(query, [], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]))
}

/// Removes all tokens from a copy.
pub(crate) fn drop_tokens(file: &Path) -> Result<(), StoreError> {
    connection::alone(file)?.execute("DELETE FROM tokens", [])?;
    Ok(())
}

/// Moves the write-ahead log of a database that no process uses into its file, and removes it. Returns `false` if the file
/// is damaged, or not a database.
pub(crate) fn finish_log(database: &Path) -> Result<bool, StoreError> {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    let finish = || {
        let connection = connection::writing(database)?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    };
    match finish() {
        Ok(()) => Ok(true),
        Err(error) => match error.sqlite_error_code() {
            Some(DatabaseCorrupt | NotADatabase) => Ok(false),
            _ => Err(error.into()),
        },
    }
}
