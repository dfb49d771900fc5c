//! The folder with what one command leaves to the next.
//!
//! It records which org keys are trusted, so only this user may write in it. A folder or a file that
//! another user owns or can write is refused, and so is anything but a regular file. The checks look at
//! what was opened, not at the path, which may lead elsewhere a moment later.

mod check;

use std::ffi::OsStr;
use std::fmt;
use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::folder::Folder;
use super::{Access, atomic_file, create_private_folder, path_variable, xdg_folder};
use crate::failure::Failure;
pub(crate) use check::Refusal;

/// Returns the path of the state folder: HELVETISAFE_STATE_DIR, else a folder of the XDG base directory
/// specification. `None` without a home folder. A relative path is refused: each working directory would have
/// a state of its own, and its owner would decide which org keys are trusted.
pub(crate) fn path() -> Result<Option<PathBuf>, Failure> {
    let Some(path) = path_variable(VARIABLE) else {
        let folder = xdg_folder("XDG_STATE_HOME", ".local/state");
        return Ok(folder.map(|folder| folder.join("helvetisafe")));
    };
    if path.is_absolute() {
        return Ok(Some(path));
    }
    Err(Failure::usage(format_args!(
        "the variable {VARIABLE} is the relative path {}, so the org keys to trust would depend on the working \
         directory; give an absolute path",
        path.display()
    )))
}

const VARIABLE: &str = "HELVETISAFE_STATE_DIR";

/// The state folder, or a folder in it, open and checked.
#[derive(Debug)]
pub(crate) struct StateFolder {
    folder: Folder,
    /// For messages.
    path: PathBuf,
    insecure_permissions: bool,
}

impl StateFolder {
    /// Opens the folder; a link to it is followed. `None` if it does not exist, or if this user cannot see
    /// whether it does, as in a container whose home folder is missing or belongs to another user.
    pub(crate) fn open(path: &Path, insecure_permissions: bool) -> Result<Option<Self>, Failure> {
        let opened = Self::checked(Folder::open(path), path.to_owned(), insecure_permissions);
        none_if_unreachable(opened)
    }

    /// Opens the folder, and creates it with mode 0700 if it does not exist.
    pub(crate) fn create(path: &Path, insecure_permissions: bool) -> io::Result<Self> {
        create_private_folder(path)?;
        let opened = Self::checked(Folder::open(path), path.to_owned(), insecure_permissions);
        opened.map_err(Refusal::into_io)
    }

    /// Opens a folder in this one; a link is refused. `None` if it does not exist.
    pub(crate) fn open_folder(&self, name: &str) -> Result<Option<Self>, Failure> {
        none_if_unreachable(self.folder_in(name))
    }

    /// Opens a folder in this one, and creates it with mode 0700 if it does not exist.
    pub(crate) fn create_folder(&self, name: &str) -> io::Result<Self> {
        create_private_folder(&self.path.join(name))?;
        self.folder_in(name).map_err(Refusal::into_io)
    }

    fn folder_in(&self, name: &str) -> Result<Self, Refusal> {
        let folder = self.folder.open_folder(OsStr::new(name));
        Self::checked(folder, self.path.join(name), self.insecure_permissions)
    }

    fn checked(
        folder: io::Result<Folder>,
        path: PathBuf,
        insecure_permissions: bool,
    ) -> Result<Self, Refusal> {
        let folder = folder.map_err(|error| check::not_a_folder(error, &path))?;
        check::folder(&folder.metadata()?, &path, insecure_permissions)?;
        Ok(Self {
            folder,
            path,
            insecure_permissions,
        })
    }

    /// Returns the contents of a file; `None` if it does not exist. An unreadable file is refused: treated
    /// as missing, it would be replaced. `what` names it in messages.
    pub(crate) fn read(&self, name: &str, what: &str) -> Result<Option<Vec<u8>>, Refusal> {
        let opened = self.folder.open_file(OsStr::new(name));
        let path = self.path.join(name);
        let mut file = match self.file(opened, name, what) {
            Err(Refusal::Io(error)) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(Refusal::Io(error)) => return Err(check::unreadable(&error, &path, what, 600)),
            file => file?,
        };
        check::readers(&file.metadata()?, &path, what, self.insecure_permissions)?;
        let mut contents = Vec::new();
        file.read_to_end(&mut contents).map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", path.display()))
        })?;
        Ok(Some(contents))
    }

    /// Replaces or creates a file, with mode 0600.
    pub(crate) fn write(&self, name: &str, contents: &[u8]) -> io::Result<()> {
        atomic_file::replace(&self.folder, OsStr::new(name), contents, Access::default())
    }

    /// Removes a file, if it exists.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        match self.folder.remove_file(OsStr::new(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Fails if a lock file exists that [`Self::lock`] would refuse.
    pub(crate) fn check_lock(&self, name: &str) -> Result<(), Failure> {
        let opened = self.folder.open_to_lock(OsStr::new(name));
        none_if_unreachable(self.file(opened, name, LOCK)).map(drop)
    }

    /// Locks a file against other processes until the returned value is dropped.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TimedOut`] if another process holds the lock for longer than `timeout`. A process
    /// needs it for milliseconds, unless it was stopped.
    pub(crate) fn lock(&self, name: &str, timeout: Duration) -> io::Result<File> {
        let opened = self.folder.open_or_create(OsStr::new(name));
        let lock = self.file(opened, name, LOCK).map_err(Refusal::into_io)?;
        let started = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(lock),
                Err(TryLockError::WouldBlock) if started.elapsed() < timeout => {
                    thread::sleep(PAUSE)
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(lock_timeout(&self.path.join(name), timeout));
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    fn file(&self, opened: io::Result<File>, name: &str, what: &str) -> Result<File, Refusal> {
        let path = self.path.join(name);
        let file = opened.map_err(|error| check::not_a_file(error, &path, what))?;
        check::file(&file.metadata()?, &path, what, self.insecure_permissions)?;
        Ok(file)
    }
}

impl fmt::Display for StateFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())
    }
}

const LOCK: &str = "the lock";
/// The pause between two attempts to lock.
const PAUSE: Duration = Duration::from_millis(10);

fn none_if_unreachable<T>(opened: Result<T, Refusal>) -> Result<Option<T>, Failure> {
    match opened {
        Ok(opened) => Ok(Some(opened)),
        Err(Refusal::Io(error)) if is_unreachable(&error) => Ok(None),
        Err(refusal) => Err(refusal.into()),
    }
}

/// In a container the home folder may be missing, or belong to another user.
fn is_unreachable(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::PermissionDenied
    )
}

fn lock_timeout(file: &Path, timeout: Duration) -> io::Error {
    let message = format!(
        "another process has locked {} for {} s; end it, or resume it if it was stopped",
        file.display(),
        timeout.as_secs()
    );
    io::Error::new(ErrorKind::TimedOut, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_of_another_process_times_out_with_an_explanation() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::create(folder.path(), false).unwrap();
        let _held = state.lock("a.lock", Duration::ZERO).unwrap();
        let timeout = Duration::from_secs(1);
        let started = Instant::now();
        let error = state.lock("a.lock", timeout).unwrap_err();
        assert!(started.elapsed() >= timeout);
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let file = folder.path().join("a.lock");
        let wanted = format!("has locked {} for 1 s; end it", file.display());
        assert!(error.to_string().contains(&wanted), "{error}");
    }

    #[test]
    fn a_waiting_process_continues_when_the_lock_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::create(folder.path(), false).unwrap();
        let held = state.lock("a.lock", Duration::ZERO).unwrap();
        let waiting =
            thread::spawn(move || state.lock("a.lock", Duration::from_secs(10)).map(drop));
        thread::sleep(Duration::from_millis(100));
        assert!(!waiting.is_finished());
        drop(held);
        waiting.join().unwrap().unwrap();
    }
}
