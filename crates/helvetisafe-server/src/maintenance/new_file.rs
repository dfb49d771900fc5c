//! A file that gets its name only when it is complete.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::folder::check_folder_of;
use crate::problem::Problem;
use crate::store::sqlite;
use crate::{Error, private_files};

/// A partial file. It is removed on drop unless it was completed.
pub(super) struct NewFile {
    path: PathBuf,
    partial: PathBuf,
    /// Locked, so that no other process writes the same file.
    file: File,
    is_complete: bool,
}

/// The treatment of a path that exists.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Existing {
    Replace,
    /// The operator may allow to replace it.
    Refuse,
    NeverReplace,
}

impl Existing {
    pub(super) fn of(replace: bool) -> Self {
        if replace { Self::Replace } else { Self::Refuse }
    }

    fn check(self, path: &Path, is_file: bool) -> Result<(), Error> {
        let (problem, remedy) = match self {
            // A folder, a device or a link.
            _ if !is_file => ("is not a regular file", "choose another path"),
            Self::Replace => return Ok(()),
            Self::Refuse => (
                "exists already",
                "choose another path, or replace it with --replace",
            ),
            Self::NeverReplace => ("exists already", "choose another path"),
        };
        Err(Problem::new(path.display(), problem, remedy).into())
    }
}

impl NewFile {
    /// Makes an empty file with mode 0600 beside the path, and replaces one of a killed process. An existing file at the
    /// path is not changed before the new one is complete.
    pub(super) fn create(path: &Path, existing: Existing) -> Result<Self, Error> {
        check_folder_of(path)?;
        let partial = partial_path(path);
        let file = open_locked(&partial)?;
        let new = Self {
            path: path.to_owned(),
            partial,
            file,
            is_complete: false,
        };
        if let Ok(found) = path.symlink_metadata() {
            existing.check(path, found.is_file())?;
        }
        new.file
            .set_len(0)
            .map_err(Error::file("write", &new.partial))?;
        sqlite::remove_logs(&new.partial)?;
        Ok(new)
    }

    /// Returns the path that the complete file gets.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of the partial file.
    pub(super) fn partial(&self) -> &Path {
        &self.partial
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Gives the file its name. Even after a power failure, the path has either the old or the new contents.
    pub(super) fn complete(mut self) -> Result<(), Error> {
        self.file
            .sync_all()
            .map_err(Error::file("write", &self.partial))?;
        fs::rename(&self.partial, &self.path).map_err(Error::file("write", &self.path))?;
        self.is_complete = true;
        private_files::sync_folder_of(&self.path).map_err(Error::file("write", &self.path))
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.is_complete {
            // If this fails, the next attempt removes it.
            let _ = fs::remove_file(&self.partial);
            let _ = sqlite::remove_logs(&self.partial);
        }
    }
}

/// Returns the path of the partial file for a path.
pub(super) fn partial_path(path: &Path) -> PathBuf {
    path.with_added_extension("partial")
}

/// Returns true if two paths are the same existing file.
pub(super) fn is_same(one: &Path, other: &Path) -> bool {
    let paths = one.canonicalize().ok().zip(other.canonicalize().ok());
    paths.is_some_and(|(one, other)| one == other)
}

fn open_locked(path: &Path) -> Result<File, Error> {
    loop {
        let file = private_files::options_without_links()
            .create(true)
            .append(true)
            .open(path)
            .map_err(Error::file("write", path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Locked {
                    path: path.to_owned(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(Error::file("lock", path)(error)),
        }
        // Another process may have completed or removed the file between the two calls.
        if is_at(&file, path).map_err(Error::file("write", path))? {
            private_files::check_file(path)?;
            return Ok(file);
        }
    }
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> std::io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let open = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(named) => Ok((open.dev(), open.ino()) == (named.dev(), named.ino())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> std::io::Result<bool> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        found => found.map(|_| true),
    }
}
