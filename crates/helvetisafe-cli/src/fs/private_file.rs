//! Files that other users must not read, such as those with credentials.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::advice::shell_quoted;
use crate::failure::Failure;

/// Opens a file, and refuses one that other users can read or write, except a group that can read a file of a
/// volume. `what` names it in messages.
pub(crate) fn open(what: &str, path: &Path, insecure_permissions: bool) -> Result<File, Failure> {
    opened(File::open(path), what, path, insecure_permissions)
}

/// Refuses an open file as [`open`] does.
pub(super) fn opened(
    file: io::Result<File>,
    what: &str,
    path: &Path,
    insecure_permissions: bool,
) -> Result<File, Failure> {
    let unreadable = |error: io::Error| {
        Failure::usage(format_args!(
            "cannot read {what} {}: {error}; check the path and its permissions",
            path.display()
        ))
    };
    let file = file.map_err(unreadable)?;
    if insecure_permissions {
        return Ok(file);
    }
    match exposure(&file, what, path).map_err(unreadable)? {
        Some(message) => Err(Failure::usage(message)),
        None => Ok(file),
    }
}

/// The message about a file that other users can read or write.
pub(super) fn exposed(what: &str, path: &Path) -> String {
    with_advice(
        what,
        path,
        &format!(
            "; run `chmod 600 {}`, or give --insecure-permissions",
            shell_quoted(path)
        ),
    )
}

fn with_advice(what: &str, path: &Path, advice: &str) -> String {
    let path = path.display();
    format!("other users can read or write {what} {path}{advice}")
}

/// Returns the message about a file that the wrong users can read or write; `None` if it is private.
#[cfg(unix)]
fn exposure(file: &File, what: &str, path: &Path) -> io::Result<Option<String>> {
    use std::os::unix::fs::MetadataExt;
    let metadata = file.metadata()?;
    let others = metadata.mode() & 0o077;
    let is_for_this_process = || is_of_volume(file, &metadata) || is_credential(path, &metadata);
    // The pipe of a `<(command)` belongs to this process alone.
    if !metadata.is_file() || others == 0 || (others == 0o040 && is_for_this_process()) {
        return Ok(None);
    }
    Ok(Some(if is_read_only(file) {
        with_advice(what, path, READ_ONLY)
    } else if rustix::process::geteuid().as_raw() == metadata.uid() {
        exposed(what, path)
    } else {
        with_advice(what, path, OTHER_OWNER)
    }))
}

#[cfg(unix)]
const READ_ONLY: &str = ", which is on a read-only mount; give the volume a mode such as `defaultMode: 0400`, or \
                         0440 for a group of this process (`fsGroup`), or set \
                         HELVETISAFE_INSECURE_PERMISSIONS=true";
#[cfg(unix)]
const OTHER_OWNER: &str = ", which belongs to another user; let its owner give it mode 0640 and a group of this \
                           process, or set HELVETISAFE_INSECURE_PERMISSIONS=true";

/// Returns true if this process reads a file through its group only, as in volumes of containers: the file of
/// another user, or one that cannot be changed. With an own file a group such as `users` is a mistake, since it
/// may have all users of the machine.
#[cfg(unix)]
fn is_of_volume(file: &File, metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    let is_own = metadata.uid() == rustix::process::geteuid().as_raw();
    is_own_group(metadata.gid()) && (!is_own || is_read_only(file))
}

/// Returns true if systemd made a file for this service, by `LoadCredential=`. Where its folder has access control lists,
/// the right of the service's user is one of the list, and shows as a right of the group.
#[cfg(unix)]
fn is_credential(path: &Path, metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY").filter(|folder| !folder.is_empty());
    let folder = folder.and_then(|folder| Path::new(&folder).canonicalize().ok());
    let own_folder = super::folder_of(path).canonicalize().ok();
    metadata.uid() == 0 && folder.is_some() && own_folder == folder
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
fn exposure(_: &File, _: &str, _: &Path) -> io::Result<Option<String>> {
    Ok(None)
}
