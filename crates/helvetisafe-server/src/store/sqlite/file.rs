//! The database file, which one process at a time can open, and no other user can read.

use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::reserve::Reserve;
use crate::problem::Problem;
use crate::store::StoreError;
use crate::store::error::CHECK_OWNER;
use crate::{Error, private_files};

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
        let lock = private_files::lock(&path).map_err(explained)?;
        // SQLite would make the file with the process' umask, so that others could read it. It gives its
        // log and index the mode of the file.
        let file = private_files::options()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(|reason| explained(Error::file("open", &path)(reason)))?;
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

/// Names the owner of a file that this process may not open.
fn explained(error: Error) -> Error {
    match error {
        Error::File { path, reason, .. } if reason.kind() == ErrorKind::PermissionDenied => {
            let problem = format!(
                "cannot be opened: {}",
                private_files::denied(&path, &reason)
            );
            Problem::new(path.display(), problem, CHECK_OWNER).into()
        }
        error => error,
    }
}

/// Returns an error if this process may not read the file of a database, which exists.
pub(super) fn check_readable(path: &Path) -> Result<(), StoreError> {
    match File::open(path) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            let reason = private_files::denied(path, &error);
            Err(StoreError::Denied(format!("cannot be read: {reason}")))
        }
        // Other failures are found, and explained, when SQLite opens it.
        _ => Ok(()),
    }
}

/// Returns true if another process uses the database. Nothing is made, and no lock remains.
pub(crate) fn is_in_use(database: &Path) -> bool {
    // A missing lock file is one that no process has locked. Shared, so that two such questions do not disturb each
    // other.
    let lock = File::open(private_files::lock_path(database));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// The beginning of every file of SQLite.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Returns the problem with a file or folder that is no database of SQLite, and the remedy. An empty file is one, and a file
/// that cannot be read may be one.
pub(crate) fn foreign(path: &Path) -> Option<(&'static str, &'static str)> {
    let metadata = std::fs::metadata(path).ok()?;
    if metadata.is_dir() {
        return Some(("is a folder", "name a file in it, such as vault.db"));
    }
    let remedy = "name the database of a vault, or a file that does not exist yet; a backup may have the data of a \
                  damaged one";
    let mut start = Vec::new();
    if metadata.is_file() {
        let file = File::open(path).ok()?;
        file.take(MAGIC.len() as u64).read_to_end(&mut start).ok()?;
    }
    let is_foreign = !metadata.is_file() || !(start.is_empty() || start == MAGIC);
    is_foreign.then_some(("is not a database of SQLite", remedy))
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
