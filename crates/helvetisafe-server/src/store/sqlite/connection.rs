//! Connections, and the pool of those that read.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::lock::lock;
use crate::store::StoreError;

/// The longest wait for another process' lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The largest number of idle connections for later reads.
const IDLE: usize = 16;

/// The size of the write-ahead log from which it is moved to the database file, in pages of 4 KiB. SQLite's default, a
/// quarter of it, would flush the file several times a second while there are many writes.
const CHECKPOINT: u32 = 4000;

/// The memory for pages of the connection that writes, in KiB. They stay valid, since no other connection writes.
const WRITER_CACHE: u32 = 32 * 1024;

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
    // SQLite counts KiB as negative numbers, and pages as positive ones.
    connection.pragma_update(None, "cache_size", -i64::from(WRITER_CACHE))?;
    Ok(connection)
}

pub(super) fn reading(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = prepared(Connection::open_with_flags(path, flags)?)?;
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
    Connection::open_with_flags(uri, flags)
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

/// The connections that read, as many as there are readers at the same time.
pub(super) enum Readers {
    /// A database in memory has one connection, which also writes.
    Shared(Mutex<Option<Arc<Mutex<Connection>>>>),
    Pool(Pool),
}

pub(super) struct Pool {
    path: PathBuf,
    /// The connections that are not in use; `None` once the pool is closed.
    idle: Mutex<Option<Vec<Connection>>>,
}

impl Readers {
    pub(super) fn sharing(connection: Arc<Mutex<Connection>>) -> Self {
        Self::Shared(Mutex::new(Some(connection)))
    }

    pub(super) fn of(path: PathBuf) -> Self {
        Self::Pool(Pool {
            path,
            idle: Mutex::new(Some(Vec::new())),
        })
    }

    /// Runs a read.
    pub(super) fn with<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
    ) -> Result<T, StoreError> {
        match self {
            Self::Shared(connection) => {
                let connection = lock(connection).clone().ok_or(StoreError::Busy)?;
                Ok(read(&lock(&connection))?)
            }
            Self::Pool(pool) => {
                let connection = pool.take()?;
                let outcome = read(&connection);
                pool.give_back(connection);
                Ok(outcome?)
            }
        }
    }

    /// Closes the connections. Later reads fail, and those in progress close theirs.
    pub(super) fn close(&self) {
        match self {
            Self::Shared(connection) => *lock(connection) = None,
            Self::Pool(pool) => *lock(&pool.idle) = None,
        }
    }
}

impl Pool {
    fn take(&self) -> Result<Connection, StoreError> {
        let idle = lock(&self.idle).as_mut().map(Vec::pop);
        match idle.ok_or(StoreError::Busy)? {
            Some(connection) => Ok(connection),
            None => Ok(reading(&self.path)?),
        }
    }

    fn give_back(&self, connection: Connection) {
        if let Some(idle) = lock(&self.idle).as_mut().filter(|idle| idle.len() < IDLE) {
            idle.push(connection);
        }
    }
}
