//! Paths that name open files, such as `/dev/stdout` and `/dev/fd/3`.

use std::path::Path;

#[cfg(unix)]
use crate::fs::{MAX_LINKS, folder_of};

/// Returns true if a path leads to the same file, pipe or device as a stream.
#[cfg(unix)]
pub(super) fn is_open_as(path: &Path, stream: &impl std::os::fd::AsFd) -> bool {
    use std::os::unix::fs::MetadataExt;
    let stream = rustix::fs::fstat(stream);
    let (Ok(file), Ok(stream)) = (path.metadata(), stream) else {
        return false;
    };
    #[expect(clippy::unnecessary_cast, reason = "its type depends on the system")]
    let device = stream.st_dev as u64;
    file.dev() == device && file.ino() == stream.st_ino
}

#[cfg(not(unix))]
pub(super) fn is_open_as<T>(_: &Path, _: &T) -> bool {
    false
}

/// Returns true if a path, or a link on the way, is the name of an open file of a process, as in `/dev/fd`.
#[cfg(unix)]
pub(super) fn is_descriptor(path: &Path) -> bool {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let folder = folder_of(&path).canonicalize();
        if folder.is_ok_and(|folder| is_of_processes(&folder)) {
            return true;
        }
        match path.read_link() {
            Ok(target) => path = folder_of(&path).join(target),
            Err(_) => return false,
        }
    }
    false
}

/// Every user can make folders below `/dev`, in `/dev/shm`.
#[cfg(unix)]
fn is_of_processes(folder: &Path) -> bool {
    folder == Path::new("/dev/fd") || folder.starts_with("/proc") && folder.ends_with("fd")
}

#[cfg(not(unix))]
pub(super) fn is_descriptor(_: &Path) -> bool {
    false
}

/// Returns true if a path itself names an open file of this process. Links do not count: another user may have
/// made them.
pub(super) fn is_own_descriptor(path: &Path) -> bool {
    let folders = ["/dev/fd", "/proc/self/fd"];
    folders
        .iter()
        .any(|folder| path.parent() == Some(Path::new(folder)))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn only_folders_of_the_system_have_descriptors() {
        for (folder, is_one) in [
            ("/dev/fd", true),
            ("/proc/1/fd", true),
            ("/proc/1/task/1/fd", true),
            ("/dev/shm/fd", false),
            ("/proc/1", false),
            ("/tmp/proc/1/fd", false),
        ] {
            assert_eq!(is_of_processes(Path::new(folder)), is_one, "{folder}");
        }
    }
}
