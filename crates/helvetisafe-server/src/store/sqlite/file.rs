//! The database file, which one process at a time can open, and no other user can read.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::Error;
use crate::private_files;

/// A database file that this process has locked.
pub(crate) struct OpenFile {
    path: PathBuf,
    lock: File,
}

impl OpenFile {
    /// Takes the lock, and makes the file if it does not exist.
    pub(super) fn open(path: PathBuf) -> Result<Self, Error> {
        let lock = lock(&path)?;
        // SQLite would make the file with the process' umask, so that others could read it. It gives its
        // log and index the mode of the file.
        private_files::options()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(Error::file("open", &path))?;
        private_files::check_file(&path)?;
        Ok(Self { path, lock })
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
    let lock = File::open(lock_path(database));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn lock_path(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    PathBuf::from(path)
}

/// Locks a separate file: SQLite's locks on the database file are lost when this process closes any handle
/// of it. The lock file is never removed, since two processes could then lock two files of the same name.
fn lock(database: &Path) -> Result<File, Error> {
    let path = lock_path(database);
    let mut options: OpenOptions = private_files::options();
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
        Err(TryLockError::Error(reason)) => Err(Error::File {
            action: "lock",
            path,
            reason,
        }),
    }
}
