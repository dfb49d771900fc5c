//! Disk space in reserve, for tokens, deletes and acts on a disk that another process has filled.
//!
//! A file beside the database has the space. When a write finds the disk full, the file is removed, and the write-ahead log
//! and the unused pages of the database are extended at once, so that no other process can take their space. What they have
//! already stays free for all. The log is used again and again, so the space lasts for many writes. The file is made again
//! once the disk has space, and before values are accepted.

use std::cell::Cell;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::checkpoint::log_of;
use super::free_space::{MIN_FREE, free_space};
use crate::log::{self, Limited};
use crate::private_files;

/// The size of the log from its begin: more than it reaches before it is moved to the database file. A stopped vault leaves
/// this in the file after a release, which is enough for the next start.
pub(crate) const LOG: u64 = 21 << 20;
/// The unused pages of the database, in bytes. They have room for 10 000 tokens.
const GROWTH: u64 = 4 << 20;
/// The size of the file. What remains is for the index of the log, and for what the file system needs.
pub(crate) const SIZE: u64 = 26 << 20;

/// The pause between two attempts to make the file again, or to empty the log.
const PAUSE: Duration = Duration::from_secs(1);

/// The reserve of a database file.
pub(super) struct Reserve {
    path: PathBuf,
    database: PathBuf,
    /// Open as long as the database, since closing it would release SQLite's locks.
    file: Arc<File>,
    is_held: Cell<bool>,
    was_released: Cell<bool>,
    last_attempt: Attempt,
    last_emptied: Attempt,
    exhausted: Limited,
}

/// Returns the path of the file beside a database.
fn path_of(database: &Path) -> PathBuf {
    database.with_added_extension("reserve")
}

/// Returns the bytes that a database has in reserve.
pub(crate) fn held(database: &Path) -> u64 {
    std::fs::metadata(path_of(database)).map_or(0, |file| file.len())
}

impl Reserve {
    pub(super) fn of(database: &Path, file: Arc<File>) -> Self {
        Self {
            path: path_of(database),
            database: database.to_owned(),
            file,
            is_held: Cell::new(held(database) >= SIZE),
            was_released: Cell::default(),
            last_attempt: Attempt::default(),
            last_emptied: Attempt::default(),
            exhausted: Limited::default(),
        }
    }

    /// Opens the database with the space of the reserve if the disk is full.
    pub(super) fn open(
        &self,
        open: impl Fn() -> Result<Connection, rusqlite::Error>,
    ) -> Result<Connection, rusqlite::Error> {
        match open() {
            Err(_) if free_space(&self.database) < SIZE && self.remove() => {
                let connection = open()?;
                self.occupy(&connection);
                Ok(connection)
            }
            opened => opened,
        }
    }

    /// Makes the disk usable for a write that found it full. Returns false if the write need not be repeated.
    pub(super) fn release(&self, connection: &Connection) -> bool {
        if self.remove() {
            self.occupy(connection);
            return true;
        }
        // Reads in progress may have kept the log from being begun anew.
        self.last_emptied.is_due() && empty_log(connection).unwrap_or(false)
    }

    /// Reports a write that found the disk full all the same.
    pub(super) fn report(&self) {
        self.exhausted.error(&format_args!(
            "{}: the disk is full, and so is the space in reserve: nothing can be written; free space on the disk",
            self.database.display()
        ));
    }

    /// Makes the file, if it is missing or too small and the disk has space. A release leaves less space than that, so the
    /// file is not made again at once.
    pub(super) fn renew(&self, connection: &Connection) {
        if self.is_held.get() {
            return;
        }
        let held = held(&self.database);
        let has_space = free_space(&self.database).saturating_add(held) >= MIN_FREE;
        if !has_space || !self.last_attempt.is_due() {
            return;
        }
        match self.make(SIZE) {
            Ok(()) => {
                self.is_held.set(true);
                self.was_released.set(false);
                // As at the start. A failure leaves temporary files in memory.
                let _ = connection.pragma_update(None, "temp_store", "DEFAULT");
            }
            Err(error) => {
                if held == 0 {
                    let _ = std::fs::remove_file(&self.path);
                }
                self.exhausted.warning(&format_args!(
                    "{}: no disk space can be held in reserve: {error}; once the disk is full, deletes and token \
                     requests fail",
                    self.path.display()
                ));
            }
        }
    }

    /// Takes the space of the log, which was removed when the database was closed.
    pub(super) fn keep(&self) {
        if self.was_released.get() {
            // Less than the whole is enough for the next start, and more than nothing.
            let _ = self.make(LOG);
        }
    }

    fn make(&self, size: u64) -> io::Result<()> {
        let mut options = private_files::options_without_links();
        let file = options.create(true).write(true).open(&self.path)?;
        allocate(&file, size)
    }

    /// Removes the file. Returns false if there is none.
    fn remove(&self) -> bool {
        self.is_held.set(false);
        let is_removed = std::fs::remove_file(&self.path).is_ok();
        if is_removed {
            self.was_released.set(true);
            log::warning(&format_args!(
                "{}: the disk is full: values are refused, and the space in reserve is used for deletes and token \
                 requests; free space on the disk",
                self.database.display()
            ));
        }
        is_removed
    }

    /// Takes the space for the files of the database. What fails here is free for other processes too.
    fn occupy(&self, connection: &Connection) {
        // Without a log, the next write makes one.
        if let Ok(log) = OpenOptions::new().write(true).open(log_of(&self.database)) {
            let _ = allocate_blocks(&log, LOG);
        }
        let _ = allocate_beyond_end(&self.file, GROWTH);
        // A large delete would need a temporary file, maybe on this disk.
        let _ = connection.pragma_update(None, "temp_store", "MEMORY");
        if let Err(error) = grow(connection) {
            log::error(&format_args!("{}: {error}", self.database.display()));
        }
    }
}

/// The time of something that happens at intervals.
#[derive(Default)]
struct Attempt(Cell<Option<Instant>>);

impl Attempt {
    fn is_due(&self) -> bool {
        let is_due = self.0.get().is_none_or(|last| last.elapsed() >= PAUSE);
        if is_due {
            self.0.set(Some(Instant::now()));
        }
        is_due
    }
}

/// Moves the log to the database file, and has the next write begin it anew. Returns false if reads prevent that.
fn empty_log(connection: &Connection) -> Result<bool, rusqlite::Error> {
    connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |row| {
        Ok(row.get::<_, i64>(0)? == 0)
    })
}

/// Makes unused pages. Only the database itself can hold the space beyond its end, since each move of the log cuts that off.
fn grow(connection: &Connection) -> Result<(), rusqlite::Error> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, u32>(0));
    let unused = u64::from(pragma("freelist_count")?) * u64::from(pragma("page_size")?);
    if unused < GROWTH {
        let transaction = connection.unchecked_transaction()?;
        transaction.execute_batch(&format!(
            "CREATE TABLE reserve (pages BLOB); INSERT INTO reserve VALUES (zeroblob({})); DROP TABLE reserve",
            GROWTH - unused
        ))?;
        transaction.commit()?;
    }
    empty_log(connection).map(drop)
}

/// Gives a file this size, with real blocks.
fn allocate(file: &File, size: u64) -> io::Result<()> {
    match allocate_blocks(file, size) {
        // This file system has no such call.
        Err(error) if error.kind() == io::ErrorKind::Unsupported => write_zeros(file, size),
        allocated => allocated,
    }
}

fn write_zeros(mut file: &File, size: u64) -> io::Result<()> {
    io::copy(&mut io::Read::take(io::repeat(0), size), &mut file)?;
    file.sync_all()
}

#[cfg(target_os = "linux")]
fn allocate_blocks(file: &File, size: u64) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    Ok(fallocate(file, FallocateFlags::empty(), 0, size)?)
}

#[cfg(target_os = "linux")]
fn allocate_beyond_end(file: &File, size: u64) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    let end = file.metadata()?.len();
    Ok(fallocate(file, FallocateFlags::KEEP_SIZE, end, size)?)
}

#[cfg(not(target_os = "linux"))]
fn allocate_blocks(_: &File, _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(target_os = "linux"))]
fn allocate_beyond_end(_: &File, _: u64) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::file::OpenFile;
    use super::*;

    /// The test `full_database` of the command has a full disk.
    #[cfg(target_os = "linux")]
    #[test]
    fn the_space_moves_to_the_log_and_to_unused_pages_and_is_held_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.db");
        let file = OpenFile::open(path.clone()).unwrap();
        let connection = super::super::connection::writing(&path).unwrap();
        connection.execute_batch("CREATE TABLE a (n)").unwrap();
        let reserve = file.reserve();
        reserve.renew(&connection);
        assert_eq!(held(&path), SIZE);
        let size = |path: &Path| std::fs::metadata(path).unwrap().len();

        assert!(reserve.release(&connection));
        assert_eq!(held(&path), 0);
        assert_eq!(size(&log_of(&path)), LOG);
        assert!(size(&path) >= GROWTH, "{}", size(&path));
        let table = "SELECT count(*) FROM sqlite_schema";
        let tables: i64 = connection.query_row(table, [], |row| row.get(0)).unwrap();
        assert_eq!(tables, 1);

        // A second release has nothing to give, and the unused pages are enough.
        let before = size(&path);
        reserve.occupy(&connection);
        assert_eq!(size(&path), before);
        std::thread::sleep(PAUSE);
        reserve.renew(&connection);
        assert_eq!(held(&path), SIZE);
    }
}
