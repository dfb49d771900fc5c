//! A file that is searched upwards from the working directory.
//!
//! Another user may have put a file into a folder above, such as `/tmp`, or of a project that several users
//! share. So only a file of this user or of root is used, and none that other users can write.

use std::env;
use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};

use crate::advice::shell_quoted;
use crate::failure::Failure;

/// Returns the file of this name in the working directory, or in the nearest folder above it.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let folder = env::current_dir().ok()?;
    let mut files = folder.ancestors().map(|folder| folder.join(name));
    files.find(|file| file.is_file())
}

/// Opens a file that was found, and refuses one that another user may have written. The variable `variable`
/// names it without a search, and so without this check.
pub(crate) fn open(path: &Path, variable: &str) -> Result<File, Failure> {
    let unreadable = |error| {
        Failure::usage(format_args!(
            "cannot read {}: {error}; check its permissions",
            path.display()
        ))
    };
    let file = File::open(path).map_err(unreadable)?;
    // A link of another user could lead to any file of this user.
    let link = path.symlink_metadata().map_err(unreadable)?;
    let opened = file.metadata().map_err(unreadable)?;
    match foreign_owner(&link).or_else(|| foreign(&opened)) {
        Some(why) => Err(Failure::usage(format_args!(
            "{} {why}, and was found by a search, so it is not used; if you trust it, set {variable}={}",
            path.display(),
            shell_quoted(path)
        ))),
        None => Ok(file),
    }
}

/// Returns the reason if another user may have written the file.
#[cfg(unix)]
fn foreign(metadata: &Metadata) -> Option<&'static str> {
    use std::os::unix::fs::MetadataExt;
    let is_writable = || {
        (metadata.mode() & 0o022 != 0)
            .then_some("can be written by other users (`chmod go-w` prevents that)")
    };
    foreign_owner(metadata).or_else(is_writable)
}

#[cfg(unix)]
fn foreign_owner(metadata: &Metadata) -> Option<&'static str> {
    use std::os::unix::fs::MetadataExt;
    let own = rustix::process::geteuid().as_raw();
    (![0, own].contains(&metadata.uid())).then_some("belongs to another user")
}

/// Only Unix has owners and modes.
#[cfg(not(unix))]
fn foreign(_: &Metadata) -> Option<&'static str> {
    None
}

#[cfg(not(unix))]
fn foreign_owner(_: &Metadata) -> Option<&'static str> {
    None
}
