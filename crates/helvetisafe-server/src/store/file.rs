//! The database file: one process at a time, and nobody else's to read.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::Error;
use crate::private;

/// A database file that this process has to itself.
pub(crate) struct OpenFile {
    path: PathBuf,
    lock: File,
}

impl OpenFile {
    /// Takes the lock, and makes the file where there is none.
    pub(super) fn open(path: PathBuf) -> Result<Self, Error> {
        let lock = lock(&path)?;
        // SQLite would make the file with the process' mask, hence readable by others. Its log and
        // its index get the same mode as the file.
        private::options()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(Error::file("open", &path))?;
        private::check_file(&path)?;
        Ok(Self { path, lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Lets another process in; dropping the file does the same, though later.
    pub(super) fn unlock(&self) {
        // It fails only where the lock is not held, which is what is asked for.
        let _ = self.lock.unlock();
    }
}

/// The lock is a file of its own: SQLite's locks on the database file are lost when any handle of
/// this process on it is closed. It stays when the vault stops, since removing it would let two
/// processes lock two files of the same name.
fn lock(database: &Path) -> Result<File, Error> {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let mut options: OpenOptions = private::options();
    let file = options
        .create(true)
        .append(true)
        .open(&path)
        .map_err(Error::file("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Locked {
            path: database.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(Error::File {
            action: "lock",
            path,
            source,
        }),
    }
}
