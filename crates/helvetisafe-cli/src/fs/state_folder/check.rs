//! The checks of the state folder. Each message says how to fix what is wrong.

use std::fs::Metadata;
use std::io::{self, ErrorKind};
use std::path::Path;

use crate::advice::shell_quoted;
use crate::failure::Failure;
use crate::fs::private_file::exposed;

/// The bit of the mode that lets only owners remove files in a folder.
const STICKY: u32 = 0o1000;

/// The reason to refuse something in the state folder.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Another user may control it: the message.
    Untrusted(String),
    /// Other users can read it, but not write it, or its contents are invalid: the message.
    Unusable(String),
    Io(io::Error),
}

impl Refusal {
    pub(crate) fn into_io(self) -> io::Error {
        match self {
            Self::Untrusted(message) | Self::Unusable(message) => io::Error::other(message),
            Self::Io(error) => error,
        }
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Untrusted(message) | Refusal::Unusable(message) => Self::usage(message),
            Refusal::Io(error) => Self::usage(format_args!(
                "cannot read the state folder: {error}; set HELVETISAFE_STATE_DIR to another folder"
            )),
        }
    }
}

/// Explains why a folder cannot be opened, if something else has its place.
pub(super) fn not_a_folder(error: io::Error, path: &Path) -> Refusal {
    let is = match path.symlink_metadata() {
        Ok(found) if found.is_dir() && error.kind() == ErrorKind::PermissionDenied => {
            return unreadable(&error, path, "the state folder", 700);
        }
        Ok(found) if found.is_dir() => return Refusal::Io(error),
        // The target of a link may be unreachable.
        Ok(found) if found.is_symlink() && error.kind() != ErrorKind::PermissionDenied => {
            "a symbolic link"
        }
        Ok(found) if !found.is_symlink() => "not a folder",
        _ => return Refusal::Io(error),
    };
    Refusal::Untrusted(format!(
        "the state folder {} is {is}; set HELVETISAFE_STATE_DIR to another folder, or remove it if it is \
         not needed",
        path.display()
    ))
}

/// The refusal of something that this user cannot read.
pub(super) fn unreadable(error: &io::Error, path: &Path, what: &str, mode: u16) -> Refusal {
    Refusal::Untrusted(format!(
        "cannot read {what} {}: {error}; run `chmod {mode} {}` as its owner, or set \
         HELVETISAFE_STATE_DIR to another folder",
        path.display(),
        shell_quoted(path)
    ))
}

/// Explains why a file cannot be opened, if something else has its place.
pub(super) fn not_a_file(error: io::Error, path: &Path, what: &str) -> Refusal {
    match path.symlink_metadata() {
        Ok(found) if found.is_symlink() => wrong_kind("a symbolic link", path, what),
        Ok(found) if !found.is_file() => wrong_kind("not a regular file", path, what),
        _ => Refusal::Io(error),
    }
}

fn wrong_kind(is: &str, path: &Path, what: &str) -> Refusal {
    Refusal::Untrusted(format!(
        "{} is {is}, in place of {what}; another user may have put it there: remove it, or set \
         HELVETISAFE_STATE_DIR to another folder",
        path.display()
    ))
}

/// Refuses a folder that another user owns or can write.
pub(super) fn folder(
    metadata: &Metadata,
    path: &Path,
    insecure_permissions: bool,
) -> Result<(), Refusal> {
    check_owner(metadata, path)?;
    if insecure_permissions || mode(metadata) & 0o022 == 0 {
        return Ok(());
    }
    // A folder that all users share, such as /tmp, must keep its mode.
    let fix = if mode(metadata) & STICKY != 0 {
        String::new()
    } else {
        format!("run `chmod go-w {}`, or ", shell_quoted(path))
    };
    Err(Refusal::Untrusted(format!(
        "other users can write in the state folder {}, and so decide which org key is trusted; {fix}set \
         HELVETISAFE_STATE_DIR to a folder of your own, such as a new one inside it",
        path.display(),
    )))
}

/// Refuses anything but a regular file, and a file that another user owns or can write.
pub(super) fn file(
    metadata: &Metadata,
    path: &Path,
    what: &str,
    insecure_permissions: bool,
) -> Result<(), Refusal> {
    if !metadata.is_file() {
        return Err(wrong_kind("not a regular file", path, what));
    }
    check_owner(metadata, path)?;
    if insecure_permissions || mode(metadata) & 0o022 == 0 {
        return Ok(());
    }
    Err(Refusal::Untrusted(exposed(what, path)))
}

/// Refuses a file that other users can read.
pub(super) fn readers(
    metadata: &Metadata,
    path: &Path,
    what: &str,
    insecure_permissions: bool,
) -> Result<(), Refusal> {
    if insecure_permissions || mode(metadata) & 0o044 == 0 {
        return Ok(());
    }
    Err(Refusal::Unusable(exposed(what, path)))
}

/// Refuses what another user owns. Root may own it, since root can do everything anyway.
#[cfg(unix)]
fn check_owner(metadata: &Metadata, path: &Path) -> Result<(), Refusal> {
    use std::os::unix::fs::MetadataExt;
    let own = rustix::process::geteuid().as_raw();
    match metadata.uid() {
        0 => Ok(()),
        owner if owner == own => Ok(()),
        owner => Err(Refusal::Untrusted(format!(
            "{} belongs to another user ({owner}), who can change it; run \
             `chown {own} {}`, or set HELVETISAFE_STATE_DIR to a folder of your own",
            path.display(),
            shell_quoted(path)
        ))),
    }
}

#[cfg(unix)]
fn mode(metadata: &Metadata) -> u32 {
    std::os::unix::fs::MetadataExt::mode(metadata)
}

/// Only Unix has owners and modes.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "as on Unix")]
fn check_owner(_: &Metadata, _: &Path) -> Result<(), Refusal> {
    Ok(())
}

#[cfg(not(unix))]
fn mode(_: &Metadata) -> u32 {
    0
}
