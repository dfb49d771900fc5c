//! Connections and their settings.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

/// The longest wait for another process' lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The size of the write-ahead log from which it is moved to the database file, in pages of 4 KiB. SQLite's default, a
/// quarter of it, would flush the file several times a second while there are many writes.
const CHECKPOINT: u32 = 4000;

/// The memory for pages of the connection that writes, in KiB. They stay valid, since no other connection writes.
const WRITER_CACHE: u32 = 32 * 1024;

/// The memory for pages of a connection that reads, in KiB: about 15 000 small secrets. SQLite has half of it by default.
const READER_CACHE: u32 = 4 * 1024;

/// The number of prepared statements that a connection caches.
const STATEMENTS: usize = 64;

pub(super) fn in_memory() -> Result<Connection, rusqlite::Error> {
    prepared(Connection::open_in_memory()?)
}

/// Opens the connection that writes. The write-ahead log is on the disk before a write is acknowledged.
pub(super) fn writing(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = prepared(Connection::open(path)?)?;
    let pages: u32 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
    if pages == 0 {
        // A new file has nothing that a journal on the disk could restore.
        connection.pragma_update(None, "journal_mode", "MEMORY")?;
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT)?;
    set_cache(&connection, WRITER_CACHE)?;
    Ok(connection)
}

pub(super) fn reading(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = prepared(Connection::open_with_flags(path, flags)?)?;
    set_cache(&connection, READER_CACHE)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// Opens a partial file that no other process uses. It is discarded unless it is completed, so no write waits for the
/// disk, and no log stays beside it.
pub(super) fn alone(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "secure_delete", true)?;
    Ok(connection)
}

/// Opens a connection that changes nothing.
pub(super) fn read_only(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

/// Opens a file that no process uses and that has no log. Nothing is made beside it, so a full disk does not matter.
pub(super) fn unchanging(path: &Path) -> Result<Connection, rusqlite::Error> {
    let path = path.to_string_lossy();
    let escaped = path.replace('%', "%25").replace('?', "%3f");
    let uri = format!("file:{}?immutable=1", escaped.replace('#', "%23"));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(&uri, flags).map_err(|error| match error {
        // The operator knows the path alone.
        rusqlite::Error::SqliteFailure(failure, Some(text)) => {
            rusqlite::Error::SqliteFailure(failure, Some(text.replace(&uri, &path)))
        }
        error => error,
    })
}

/// Sets the memory for pages, in KiB, which SQLite counts as negative numbers.
fn set_cache(connection: &Connection, kib: u32) -> Result<(), rusqlite::Error> {
    connection.pragma_update(None, "cache_size", -i64::from(kib))
}

fn prepared(connection: Connection) -> Result<Connection, rusqlite::Error> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Otherwise a statement that is run again may be compiled again for its new parameters, which takes longer than a
    // point read.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "secure_delete", true)?;
    Ok(connection)
}
