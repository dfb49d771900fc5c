//! The database file, which one process at a time can open, and no other user can read.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::reserve::Reserve;
use crate::Error;
use crate::private_files;

/// A database file that this process has locked.
pub(crate) struct OpenFile {
    path: PathBuf,
    /// Open as long as the database, since closing it would release SQLite's locks.
    file: Arc<File>,
    lock: File,
}

impl OpenFile {
    /// Takes the lock, and makes the file if it does not exist.
    pub(super) fn open(path: PathBuf) -> Result<Self, Error> {
        let lock = private_files::lock(&path)?;
        // SQLite would make the file with the process' umask, so that others could read it. It gives its
        // log and index the mode of the file.
        let file = private_files::options()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(Error::file("open", &path))?;
        private_files::check_file(&path)?;
        Ok(Self {
            path,
            file: Arc::new(file),
            lock,
        })
    }

    /// Returns the reserve of the database.
    pub(super) fn reserve(&self) -> Reserve {
        Reserve::of(&self.path, Arc::clone(&self.file))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Releases the lock, as dropping does later.
    pub(super) fn unlock(&self) {
        // Fails only if the lock is not held, which is the aim.
        let _ = self.lock.unlock();
    }
}

/// Returns true if another process uses the database. Nothing is made, and no lock remains.
pub(crate) fn is_in_use(database: &Path) -> bool {
    // A missing lock file is one that no process has locked. Shared, so that two such questions do not disturb each
    // other.
    let lock = File::open(private_files::lock_path(database));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Returns the files that SQLite makes beside a database: its write-ahead log with the index, and its journal. They
/// belong to that database alone: applied to another one, they damage it.
fn logs(database: &Path) -> [PathBuf; 3] {
    ["-wal", "-shm", "-journal"].map(|suffix| {
        let mut path = database.as_os_str().to_owned();
        path.push(suffix);
        PathBuf::from(path)
    })
}

/// Returns true if a log beside a database contains changes of it.
pub(crate) fn has_log(database: &Path) -> bool {
    let [wal, _, journal] = logs(database);
    let size = |path: PathBuf| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    size(wal) + size(journal) > 0
}

/// Removes the logs beside a database.
pub(crate) fn remove_logs(database: &Path) -> Result<(), Error> {
    for path in logs(database) {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(Error::file("remove", &path)(error));
            }
            _ => {}
        }
    }
    Ok(())
}
