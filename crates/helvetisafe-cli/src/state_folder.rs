//! The folder with what is kept from one call of the command to the next.

use std::env;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

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

/// Makes a folder with mode 0700 where there is none.
pub(crate) fn make(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Keeps other processes out until what it gives is dropped. Fails with [`io::ErrorKind::TimedOut`]
/// where another one has kept us out for so long: it holds the lock for milliseconds unless it was
/// stopped.
pub(crate) fn lock(file: &Path, patience: Duration) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let lock = options.open(file)?;
    let begun = Instant::now();
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) if begun.elapsed() < patience => thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => return Err(held(file, patience)),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

fn held(file: &Path, patience: Duration) -> io::Error {
    let message = format!(
        "another process has locked {} for {} s; end it, or let it go on if it was stopped",
        file.display(),
        patience.as_secs()
    );
    io::Error::new(io::ErrorKind::TimedOut, message)
}

/// Between attempts.
const PAUSE: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_kept_out_gives_up_and_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.lock");
        let _held = lock(&file, Duration::ZERO).unwrap();
        let patience = Duration::from_secs(1);
        let begun = Instant::now();
        let error = lock(&file, patience).unwrap_err();
        assert!(begun.elapsed() >= patience);
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let wanted = format!("has locked {} for 1 s; end it", file.display());
        assert!(error.to_string().contains(&wanted), "{error}");
    }

    #[test]
    fn who_waits_goes_on_when_the_lock_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.lock");
        let held = lock(&file, Duration::ZERO).unwrap();
        let waiting = thread::spawn(move || lock(&file, Duration::from_secs(10)).map(drop));
        thread::sleep(Duration::from_millis(100));
        assert!(!waiting.is_finished());
        drop(held);
        waiting.join().unwrap().unwrap();
    }
}
