//! Files and folders that other users can neither read nor write.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::Error;
use crate::folder::{check_folder_of, folder_of};
use crate::problem::Problem;

/// Returns options that make new files with mode 0600.
pub(crate) fn options() -> OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "only Unix has modes"))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Returns the options of [`options`] that do not follow a link, for a file in a folder that others may write.
pub(crate) fn options_without_links() -> OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "only Unix has such links"))]
    let mut options = options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        rustix::fs::OFlags::NOFOLLOW.bits().cast_signed(),
    );
    options
}

/// Makes a folder and its parents with mode 0700; refuses an existing one that others can read.
pub(crate) fn make_folder(path: &Path) -> Result<(), Error> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .recursive(true)
        .create(path)
        .map_err(Error::file("make the folder", path))?;
    check(path, "700")
}

/// Makes a folder with mode 0700 that is removed on drop.
pub(crate) fn temporary_folder() -> Result<TempDir, Error> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("helvetisafe-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder
        .tempdir()
        .map_err(Error::file("make a folder in", &std::env::temp_dir()))
}

/// Locks a path for this process, until the file is dropped.
///
/// It locks a separate file: SQLite's locks on a database file are lost when this process closes any handle of it. The
/// lock file is never removed, since two processes could then lock two files of the same name.
pub(crate) fn lock(path: &Path) -> Result<File, Error> {
    check_folder_of(path)?;
    let lock_path = lock_path(path);
    let file = options()
        .create(true)
        .append(true)
        .open(&lock_path)
        .map_err(Error::file("open", &lock_path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Locked {
            path: path.to_owned(),
        }),
        Err(TryLockError::Error(reason)) => Err(Error::file("lock", &lock_path)(reason)),
    }
}

/// Returns the path of the lock file for a path.
pub(crate) fn lock_path(path: &Path) -> PathBuf {
    // A link and its target are one file.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    path.with_added_extension("lock")
}

/// Describes why this process may not use a file or a folder: the error, the owner, and the user of the process.
pub(crate) fn denied(path: &Path, error: &std::io::Error) -> String {
    match (error.kind(), ownership(path)) {
        (ErrorKind::PermissionDenied, Some(ownership)) => format!("{error}: {ownership}"),
        _ => error.to_string(),
    }
}

#[cfg(unix)]
fn ownership(path: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path).ok()?;
    let (owner, mode) = (metadata.uid(), metadata.mode() & 0o7777);
    let user = rustix::process::geteuid().as_raw();
    Some(format!(
        "it belongs to the user {owner} with mode {mode:04o}, and this is the user {user}"
    ))
}

#[cfg(not(unix))]
fn ownership(_: &Path) -> Option<String> {
    None
}

/// Refuses a file that others can read.
pub(crate) fn check_file(path: &Path) -> Result<(), Error> {
    check(path, "600")
}

#[cfg(unix)]
fn check(path: &Path, mode: &'static str) -> Result<(), Error> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path).map_err(Error::file("read", path))?;
    if metadata.mode() & 0o077 != 0 {
        return Err(Error::Exposed {
            path: path.to_owned(),
            mode,
        });
    }
    Ok(())
}

#[cfg(not(unix))]
fn check(_: &Path, _: &'static str) -> Result<(), Error> {
    Ok(())
}

/// The maximum size of a file with a certificate chain or a key, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// Refuses a folder, a device, a file that is far too large, and a pipe, which could block its reader forever.
pub(crate) fn check_regular(path: &Path, subject: &str) -> Result<(), Problem> {
    let metadata = std::fs::metadata(path).map_err(|error| {
        let problem = format_args!("cannot be read: {error}");
        Problem::new(subject, problem, "check the path and its permissions")
    })?;
    if !metadata.is_file() {
        let remedy = "name a file, not a folder, a pipe or a device";
        return Err(Problem::new(subject, "is not a regular file", remedy));
    }
    if metadata.len() > MAX_FILE {
        return Err(Problem::new(
            subject,
            "is larger than 1 MiB",
            "check the path",
        ));
    }
    Ok(())
}

/// Reads a private key or a password of the operator. Refuses one that other users can read, except a group of this process
/// in a volume, such as one of Kubernetes with an `fsGroup`: the file of another user, or on a read-only mount.
pub(crate) fn read_key(path: &Path, subject: &str) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let unreadable = |error: std::io::Error| {
        let problem = format_args!("cannot be read: {error}");
        Problem::new(subject, problem, "check the path and its permissions")
    };
    check_regular(path, subject)?;
    let mut file = File::open(path).map_err(unreadable)?;
    if let Some(mode) = exposing_mode(&file).map_err(unreadable)? {
        let problem = format_args!("can be read or written by other users, with mode {mode:04o}");
        let remedy = format!(
            "run chmod 600 {}; in a volume, mode 0440 with a group of the vault will do",
            crate::error::quoted(path)
        );
        return Err(Problem::new(subject, problem, remedy));
    }
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    // Enough room from the start, so that no part of the key is left where a smaller buffer was.
    let mut text = Zeroizing::new(Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1));
    file.read_to_end(&mut text).map_err(unreadable)?;
    Ok(text)
}

/// Returns true if users other than the owner can write a file or a folder.
#[cfg(unix)]
pub(crate) fn is_writable_by_others(path: &Path) -> std::io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    Ok(std::fs::metadata(path)?.mode() & 0o022 != 0)
}

#[cfg(not(unix))]
pub(crate) fn is_writable_by_others(_: &Path) -> std::io::Result<bool> {
    Ok(false)
}

/// Returns the mode of a file that other users can read or write.
#[cfg(unix)]
fn exposing_mode(file: &File) -> std::io::Result<Option<u32>> {
    use std::os::unix::fs::MetadataExt;
    let metadata = file.metadata()?;
    let others = metadata.mode() & 0o077;
    let is_own = metadata.uid() == rustix::process::geteuid().as_raw();
    let is_of_volume = || is_own_group(metadata.gid()) && (!is_own || is_read_only(file));
    let is_exposed = others != 0 && !(others == 0o040 && is_of_volume());
    Ok(is_exposed.then_some(metadata.mode() & 0o7777))
}

#[cfg(unix)]
fn is_own_group(group: u32) -> bool {
    let groups = rustix::process::getgroups().unwrap_or_default();
    let mut groups = groups.into_iter().chain([rustix::process::getegid()]);
    groups.any(|own| own.as_raw() == group)
}

#[cfg(unix)]
fn is_read_only(file: &File) -> bool {
    let flags = rustix::fs::fstatvfs(file).map(|it| it.f_flag);
    flags.is_ok_and(|flags| flags.contains(rustix::fs::StatVfsMountFlags::RDONLY))
}

/// Only Unix has modes.
#[cfg(not(unix))]
fn exposing_mode(_: &File) -> std::io::Result<Option<u32>> {
    Ok(None)
}

/// Writes a file with mode 0600 atomically: even after a power failure, a reader finds either the old or the
/// new contents. Only one process at a time may write a file.
pub(crate) fn write(path: &Path, contents: &[u8]) -> Result<(), Error> {
    let temporary = path.with_added_extension("new");
    write_new(&temporary, contents).map_err(Error::file("write", &temporary))?;
    std::fs::rename(&temporary, path).map_err(Error::file("write", path))?;
    sync_folder_of(path).map_err(Error::file("write", path))
}

fn write_new(path: &Path, contents: &[u8]) -> std::io::Result<()> {
    // A file that a killed process left may have another mode.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = options().write(true).create_new(true).open(path)?;
    file.write_all(contents)?;
    file.sync_all()
}

/// Writes the folder of `path` to the disk, and with it the new name.
pub(crate) fn sync_folder_of(path: &Path) -> std::io::Result<()> {
    match cfg!(unix) {
        true => File::open(folder_of(path))?.sync_all(),
        false => Ok(()),
    }
}
