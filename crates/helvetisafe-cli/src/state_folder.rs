//! The folder with what is kept from one call of the command to the next.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

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

/// Keeps other processes out until what it gives is dropped.
pub(crate) fn lock(file: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let lock = options.open(file)?;
    lock.lock()?;
    Ok(lock)
}
