//! The free space of the disk.

use std::path::PathBuf;

use rusqlite::Connection;

use crate::store::StoreError;

/// The free space that values must not use, in bytes. It is for tokens, deletes and the write-ahead log.
const RESERVE: u64 = 32 << 20;

/// The size of a row without its value, and of the other changes of a write, in bytes.
const OVERHEAD: u64 = 64 << 10;

/// The disk of a database file.
#[derive(Clone)]
pub(super) struct Disk {
    file: PathBuf,
    reserve: u64,
}

impl Disk {
    pub(super) fn of(file: PathBuf) -> Self {
        Self {
            file,
            reserve: RESERVE,
        }
    }

    #[cfg(test)]
    pub(super) fn full(self) -> Self {
        Self {
            reserve: u64::MAX,
            ..self
        }
    }

    /// Fails if a value of this size would need the reserve. One that fits into the pages of deleted values needs the disk
    /// only for the log, so half the reserve is enough.
    pub(super) fn check(&self, connection: &Connection, size: usize) -> Result<(), StoreError> {
        let free = free_space(&self.file);
        if free >= self.reserve {
            return Ok(());
        }
        let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, u32>(0));
        let unused = u64::from(pragma("freelist_count")?) * u64::from(pragma("page_size")?);
        match free >= self.reserve / 2 && unused > size as u64 + OVERHEAD {
            true => Ok(()),
            false => Err(StoreError::Full),
        }
    }
}

/// Returns the space that is free for this process, in bytes. An unknown one does not limit.
#[cfg(unix)]
fn free_space(file: &std::path::Path) -> u64 {
    rustix::fs::statvfs(file).map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
fn free_space(_: &std::path::Path) -> u64 {
    u64::MAX
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
    fn a_value_must_leave_the_reserve() {
        let folder = tempfile::tempdir().unwrap();
        let (connection, file) = database(&folder);
        let check = |reserve| {
            let file = file.clone();
            Disk { file, reserve }.check(&connection, 1000)
        };
        assert_eq!(check(0), Ok(()));
        assert_eq!(check(u64::MAX), Err(StoreError::Full));
    }

    #[test]
    fn a_value_that_fits_into_deleted_ones_needs_less() {
        let folder = tempfile::tempdir().unwrap();
        let (connection, file) = database(&folder);
        // More than is free, and half of it is not.
        let reserve = free_space(&file).saturating_add(1 << 30);
        let disk = Disk { file, reserve };
        assert_eq!(disk.check(&connection, 1000), Err(StoreError::Full));
        let delete = "INSERT INTO values_ VALUES (zeroblob(1000000)); DELETE FROM values_";
        connection.execute_batch(delete).unwrap();
        assert_eq!(disk.check(&connection, 1000), Ok(()));
        assert_eq!(disk.check(&connection, 1_000_000), Err(StoreError::Full));
    }
}
