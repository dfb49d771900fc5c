//! The folder with what is kept from one call of the command to the next.
//!
//! It says which org keys are trusted, so only this user may write in it: a folder or a file that
//! another user owns or can write is refused, and so is anything but a file in the place of one. What
//! was opened is checked, not the path, which may lead elsewhere a moment later.

mod check;

use std::env;
use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::atomic_file;
use crate::failure::Failure;
use crate::folder::Folder;
pub(crate) use check::Refusal;

/// The XDG base directory specification, unless HELVETISAFE_STATE_DIR says otherwise. `None` when
/// there is no home.
pub(crate) fn path() -> Option<PathBuf> {
    let variable = |name| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if let Some(folder) = variable("HELVETISAFE_STATE_DIR") {
        return Some(folder);
    }
    let state = variable("XDG_STATE_HOME").filter(|folder| folder.is_absolute());
    let home = || env::home_dir().filter(|home| !home.as_os_str().is_empty());
    let state = state.or_else(|| Some(home()?.join(".local").join("state")))?;
    Some(state.join("helvetisafe"))
}

/// The state folder, or a folder in it, open and checked.
#[derive(Debug)]
pub(crate) struct StateFolder {
    folder: Folder,
    /// For messages.
    path: PathBuf,
    insecure_permissions: bool,
}

impl StateFolder {
    /// Opens the folder; a link to it is followed. `None` where there is none, or where this user cannot see
    /// whether there is one, as in a container whose home is missing or another user's.
    pub(crate) fn open(path: &Path, insecure_permissions: bool) -> Result<Option<Self>, Failure> {
        let opened = Self::checked(Folder::open(path), path.to_owned(), insecure_permissions);
        unless_out_of_reach(opened)
    }

    /// Makes the folder with mode 0700 where there is none, and opens it.
    pub(crate) fn make(path: &Path, insecure_permissions: bool) -> io::Result<Self> {
        make(path)?;
        let opened = Self::checked(Folder::open(path), path.to_owned(), insecure_permissions);
        opened.map_err(Refusal::into_io)
    }

    /// Opens a folder in this one; a link is refused. `None` where there is none.
    pub(crate) fn open_folder(&self, name: &str) -> Result<Option<Self>, Failure> {
        unless_out_of_reach(self.folder_in(name))
    }

    /// Makes a folder in this one, with mode 0700, where there is none, and opens it.
    pub(crate) fn make_folder(&self, name: &str) -> io::Result<Self> {
        make(&self.path.join(name))?;
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

    /// Returns the contents of a file; `None` where there is none. One that is there and cannot be read is
    /// refused: it must not be taken for none, and be replaced. `what` names it in messages.
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

    /// Replaces a file, or makes it, with mode 0600.
    pub(crate) fn write(&self, name: &str, contents: &[u8]) -> io::Result<()> {
        atomic_file::replace(&self.folder, OsStr::new(name), contents)
    }

    /// Fails where a lock file, if there is one, is none that [`Self::lock`] would take.
    pub(crate) fn check_lock(&self, name: &str) -> Result<(), Failure> {
        let opened = self.folder.open_to_lock(OsStr::new(name));
        unless_out_of_reach(self.file(opened, name, LOCK)).map(drop)
    }

    /// Keeps other processes out until the returned file is dropped. Fails with
    /// [`ErrorKind::TimedOut`] where another one has kept us out for so long: it holds the lock for
    /// milliseconds unless it was stopped.
    pub(crate) fn lock(&self, name: &str, patience: Duration) -> io::Result<File> {
        let opened = self.folder.open_or_create(OsStr::new(name));
        let lock = self.file(opened, name, LOCK).map_err(Refusal::into_io)?;
        let begun = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(lock),
                Err(TryLockError::WouldBlock) if begun.elapsed() < patience => thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => {
                    return Err(held(&self.path.join(name), patience));
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
/// Between attempts to get a lock.
const PAUSE: Duration = Duration::from_millis(10);

fn unless_out_of_reach<T>(opened: Result<T, Refusal>) -> Result<Option<T>, Failure> {
    match opened {
        Ok(opened) => Ok(Some(opened)),
        Err(Refusal::Io(error)) if is_out_of_reach(&error) => Ok(None),
        Err(refusal) => Err(refusal.into()),
    }
}

/// In a container the home may be missing, or another user's.
fn is_out_of_reach(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::PermissionDenied
    )
}

fn make(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn held(file: &Path, patience: Duration) -> io::Error {
    let message = format!(
        "another process has locked {} for {} s; end it, or let it go on if it was stopped",
        file.display(),
        patience.as_secs()
    );
    io::Error::new(ErrorKind::TimedOut, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_is_kept_out_gives_up_and_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::make(folder.path(), false).unwrap();
        let _held = state.lock("a.lock", Duration::ZERO).unwrap();
        let patience = Duration::from_secs(1);
        let begun = Instant::now();
        let error = state.lock("a.lock", patience).unwrap_err();
        assert!(begun.elapsed() >= patience);
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let file = folder.path().join("a.lock");
        let wanted = format!("has locked {} for 1 s; end it", file.display());
        assert!(error.to_string().contains(&wanted), "{error}");
    }

    #[test]
    fn a_process_that_waits_goes_on_when_the_lock_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::make(folder.path(), false).unwrap();
        let held = state.lock("a.lock", Duration::ZERO).unwrap();
        let waiting =
            thread::spawn(move || state.lock("a.lock", Duration::from_secs(10)).map(drop));
        thread::sleep(Duration::from_millis(100));
        assert!(!waiting.is_finished());
        drop(held);
        waiting.join().unwrap().unwrap();
    }
}
