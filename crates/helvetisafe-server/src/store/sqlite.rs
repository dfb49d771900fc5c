//! SQLite, in memory or in a file that one process serves.
//!
//! Reads run in the caller's thread: a point read takes microseconds, and passing it to another thread and back takes
//! longer. Lists take milliseconds, so their callers must not be async workers. Writes run in a thread of their own,
//! where those that wait share a transaction.

mod accounts;
mod acts;
mod checkpoint;
mod connection;
mod copies;
mod disk;
mod file;
mod free_space;
mod lists;
mod migrations;
mod principals;
mod readers;
mod reserve;
mod rotations;
mod secrets;
mod tokens;
mod transfer;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rusqlite::{Connection, TransactionBehavior};

use super::{Lacking, Migrations, Moment, Probe, SecretWrite, Space, StoreError, table};
use crate::Error;
pub(in crate::store) use acts::select;
use checkpoint::Log;
pub(crate) use copies::{Contents, copy_online, drop_tokens, finish_log, inspect};
use disk::Disk;
use file::OpenFile;
pub(crate) use file::{foreign, has_log, is_in_use, remove_logs};
pub(crate) use free_space::{MIN_FREE, free_space};
pub(crate) use migrations::none as no_migrations;
use readers::{Present, Readers};
pub(crate) use reserve::{LOG as LEFT_RESERVE, SIZE as RESERVE, held};
pub(crate) use transfer::CopySide;
use writer::{Batch, Writer};

/// The open database.
pub(crate) struct Sqlite {
    writer: Writer,
    readers: Arc<Readers>,
    name: String,
    file: Option<OpenFile>,
    disk: Option<Arc<Disk>>,
}

/// Opens a file to read it as of one moment, also while a vault serves it.
pub(in crate::store) fn reading(path: &Path) -> Result<Connection, StoreError> {
    file::check_readable(path)?;
    let connection = connection::reading(path)?;
    connection.execute_batch("BEGIN")?;
    Ok(connection)
}

impl Sqlite {
    /// Opens a database that lives as long as this value.
    pub(super) fn in_memory() -> Result<Self, Error> {
        let name = "in memory".to_owned();
        let connection = connection::in_memory().map_err(failed(&name))?;
        let connection = Arc::new(Mutex::new(connection));
        let readers = Arc::new(Readers::sharing(Arc::clone(&connection)));
        let writer = Writer::start(connection, Arc::clone(&readers), None);
        Ok(Self {
            writer: writer.map_err(Error::Thread)?,
            readers,
            name,
            disk: None,
            file: None,
        })
    }

    /// Opens a file, and makes it if it does not exist.
    pub(super) fn in_file(path: PathBuf) -> Result<Self, Error> {
        refuse_foreign(&path)?;
        let file = OpenFile::open(path)?;
        let name = file.path().display().to_string();
        let reserve = file.reserve();
        let open = || connection::writing(file.path());
        let connection = reserve.open(open).map_err(failed(&name))?;
        reserve.renew(&connection);
        let files = (Log::of(file.path()), reserve);
        let connection = Arc::new(Mutex::new(connection));
        let disk = Arc::new(Disk::of(file.path().to_owned()));
        let readers = Arc::new(Readers::of(file.path().to_owned()));
        let writer = Writer::start(connection, Arc::clone(&readers), Some(files));
        Ok(Self {
            writer: writer.map_err(Error::Thread)?,
            readers,
            name,
            disk: Some(disk),
            file: Some(file),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Makes the tables, or brings those of an earlier version up to date. Returns the names of the steps.
    pub(super) async fn migrate(&self) -> Result<Vec<&'static str>, StoreError> {
        self.writer.exclusive(migrations::run).await
    }

    /// Returns the state of the disk; `None` for a database in memory.
    pub(super) fn space(&self) -> Option<Space> {
        self.disk.as_deref().map(Disk::space)
    }

    /// Takes the lock of a writer, and changes nothing. While the disk is nearly full, it also writes a page.
    pub(super) async fn probe(&self) -> Result<Probe, StoreError> {
        if self.space().is_some_and(|space| space.is_low) {
            let write = |batch: &Batch<'_>| {
                let name = "user_version";
                let value: i64 = batch.pragma_query_value(None, name, |row| row.get(0))?;
                // SQLite writes the same value again.
                Ok(batch.pragma_update(None, name, value)?)
            };
            self.write(write).await?;
        }
        let probe = |connection: &mut Connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            Ok(Probe {
                schema: migrations::read(&transaction)?.schema(),
                now: Moment::now(),
                replication: None,
                lacking: Lacking::default(),
                primaries: None,
            })
        };
        self.writer.exclusive(probe).await
    }

    /// Compares the migrations of the database with those of this version.
    pub(super) async fn migrations(&self) -> Result<Migrations, StoreError> {
        // By the connection that migrates, since another one does not notice new tables.
        let read = |connection: &mut Connection| Ok(migrations::examine(connection));
        self.writer.exclusive(read).await?
    }

    /// Waits for the writes in the queue, moves the log to the database file, and closes it.
    pub(super) async fn close(&self) {
        self.readers.close();
        self.writer.close().await;
        if let Some(file) = &self.file {
            file.unlock();
        }
    }

    /// Runs a read in this thread.
    fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
    ) -> Result<T, StoreError> {
        self.readers.with(read)
    }

    /// Runs a read of a few rows in this thread. It must not begin a transaction.
    fn read_rows<T>(
        &self,
        read: impl FnOnce(&mut Present<'_>) -> Result<T, rusqlite::Error>,
    ) -> Result<T, StoreError> {
        self.readers.with_present(read)
    }

    /// Runs a write in the writer's thread. It is durable once this returns.
    ///
    /// It continues if the future is dropped. It may run twice, the first time without effect.
    async fn write<T: Send + 'static>(
        &self,
        write: impl Fn(&Batch<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let write = move |batch: &Batch<'_>| {
            batch.forget_grants();
            write(batch)
        };
        self.writer.write(write).await
    }

    /// Runs a write that changes only secrets.
    async fn write_secret<T: Send + 'static>(
        &self,
        write: impl Fn(&Batch<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer.write(write).await
    }

    /// Runs a write of a value, unless the disk is nearly full.
    async fn write_value<T: Send + 'static>(
        &self,
        value: &Arc<SecretWrite>,
        write: impl Fn(&Batch<'_>, &SecretWrite) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (disk, value) = (self.disk.clone(), Arc::clone(value));
        self.write_secret(move |connection| {
            if let Some(disk) = &disk {
                disk.check(connection, value.ciphertext.value.len())?;
            }
            write(connection, &value)
        })
        .await
    }
}

#[cfg(test)]
impl Sqlite {
    /// Behaves as with a full disk.
    pub(super) fn fill_disk(&mut self) {
        self.disk = self.disk.take().map(|disk| Arc::new(disk.full()));
    }
}

/// Reads the migrations of a file, which need not exist, without changing it. Another process may serve it.
pub(super) fn migrations_of_file(path: &Path) -> Result<Migrations, StoreError> {
    if !path.exists() {
        return Ok(no_migrations());
    }
    file::check_readable(path)?;
    if let Some((problem, remedy)) = file::foreign(path) {
        return Err(StoreError::Failed(format!("it {problem}; {remedy}")));
    }
    if !is_in_use(path) && !has_log(path) {
        return migrations::examine(&connection::unchanging(path)?);
    }
    let opened = connection::read_only(path);
    let readable = opened.and_then(|it| it.table_exists(None, table::MIGRATIONS).map(|_| it));
    match readable {
        // A killed process left a journal, which has to be rolled back first.
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ReadOnly) => {
            migrations::examine(&connection::reading(path)?)
        }
        connection => migrations::examine(&connection?),
    }
}

/// Refuses the file of another program before anything in it is changed. Other errors are those of the connection that writes.
fn refuse_foreign(path: &Path) -> Result<(), Error> {
    match migrations_of_file(path) {
        Err(error @ (StoreError::Foreign(_) | StoreError::Denied(_))) => {
            Err(error.of(path.display().to_string()))
        }
        _ => Ok(()),
    }
}

/// Returns a function for `map_err` that adds the name of the database.
fn failed(name: &str) -> impl FnOnce(rusqlite::Error) -> Error {
    move |error| StoreError::from(error).of(name.to_owned())
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseBusy, DiskFull};
        use rusqlite::ffi::{SQLITE_CONSTRAINT_FOREIGNKEY, SQLITE_IOERR_SHMSIZE};
        let Some(failure) = error.sqlite_error() else {
            return Self::Failed(error.to_string());
        };
        match failure.code {
            DatabaseBusy => Self::Busy,
            DiskFull => Self::Full,
            // The index of the write-ahead log cannot grow.
            _ if failure.extended_code == SQLITE_IOERR_SHMSIZE => Self::Full,
            _ if failure.extended_code == SQLITE_CONSTRAINT_FOREIGNKEY => Self::NoParent,
            _ => Self::Failed(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
