//! The free space that values leave.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::checkpoint::log_of;
use super::free_space::{MIN_FREE, free_space};
use super::reserve::{self, LOG, SIZE as RESERVE};
use crate::log::Limited;
use crate::store::{Space, StoreError};

/// The size of a row without its value, and of the other changes of a write, in bytes.
const OVERHEAD: u64 = 64 << 10;

/// The disk of a database file.
pub(super) struct Disk {
    file: PathBuf,
    /// The free space that values leave beside that in reserve, in bytes.
    min_free: u64,
    refused: Limited,
}

impl Disk {
    pub(super) fn of(file: PathBuf) -> Self {
        Self {
            file,
            min_free: MIN_FREE,
            refused: Limited::default(),
        }
    }

    /// Returns the free space of the disk, and the sizes of the files.
    pub(super) fn space(&self) -> Space {
        let size = |file: &Path| fs::metadata(file).map_or(0, |file| file.len());
        let free = free_space(&self.file);
        let held = reserve::held(&self.file);
        Space {
            file: self.file.clone(),
            free,
            database: size(&self.file),
            log: size(&log_of(&self.file)),
            held,
            is_low: free < self.needed(held),
            has_reserve: held >= LOG,
        }
    }

    /// Returns the free space that values need, in bytes: what is missing in reserve is kept free for it.
    fn needed(&self, held: u64) -> u64 {
        self.min_free.saturating_add(RESERVE.saturating_sub(held))
    }

    #[cfg(test)]
    pub(super) fn full(&self) -> Self {
        Self {
            min_free: u64::MAX,
            ..Self::of(self.file.clone())
        }
    }

    /// Fails if a value of this size would not leave the free space. One that fits into the pages of deleted values needs the
    /// disk only for the log, so half of it is enough.
    pub(super) fn check(&self, connection: &Connection, size: usize) -> Result<(), StoreError> {
        let free = free_space(&self.file);
        if free >= self.needed(0) {
            return Ok(());
        }
        let needed = self.needed(reserve::held(&self.file));
        if free >= needed {
            return Ok(());
        }
        let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, u32>(0));
        let unused = u64::from(pragma("freelist_count")?) * u64::from(pragma("page_size")?);
        match free >= needed - self.min_free / 2 && unused > size as u64 + OVERHEAD {
            true => Ok(()),
            false => {
                self.report(free, needed);
                Err(StoreError::Full)
            }
        }
    }

    fn report(&self, free: u64, needed: u64) {
        self.refused.warning(&format_args!(
            "{}: the disk has {} MiB free, so creates and updates are refused below {} MiB; free space on it, or \
             move the database to a larger one",
            self.file.display(),
            free >> 20,
            needed >> 20
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(folder: &tempfile::TempDir) -> (Connection, PathBuf) {
        let path = folder.path().join("vault.db");
        let connection = Connection::open(&path).unwrap();
        let tables = "CREATE TABLE values_ (value BLOB)";
        connection.execute_batch(tables).unwrap();
        (connection, path)
    }

    #[test]
    fn a_value_must_leave_free_space() {
        let folder = tempfile::tempdir().unwrap();
        let (connection, file) = database(&folder);
        let check = |min_free| {
            let file = file.clone();
            let disk = Disk {
                min_free,
                ..Disk::of(file)
            };
            disk.check(&connection, 1000)
        };
        assert_eq!(check(0), Ok(()));
        assert_eq!(check(u64::MAX), Err(StoreError::Full));
    }

    #[test]
    fn a_value_that_fits_into_deleted_ones_needs_less() {
        let folder = tempfile::tempdir().unwrap();
        let (connection, file) = database(&folder);
        // More than is free, and half of it is not.
        let min_free = free_space(&file).saturating_add(1 << 30);
        let disk = Disk {
            min_free,
            ..Disk::of(file)
        };
        assert_eq!(disk.check(&connection, 1000), Err(StoreError::Full));
        let delete = "INSERT INTO values_ VALUES (zeroblob(1000000)); DELETE FROM values_";
        connection.execute_batch(delete).unwrap();
        assert_eq!(disk.check(&connection, 1000), Ok(()));
        assert_eq!(disk.check(&connection, 1_000_000), Err(StoreError::Full));
    }
}
