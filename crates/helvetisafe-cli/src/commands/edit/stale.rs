//! Folders that a killed command left. A command in progress holds the lock of its folder.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

/// The beginning of the name of each folder.
pub(super) const PREFIX: &str = "helvetisafe-edit-";

/// The file with the lock.
const LOCK: &str = ".lock";

/// Locks a new folder. Call it before a text is written there.
pub(super) fn lock(folder: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let file = options.open(folder.join(LOCK))?;
    file.lock()?;
    Ok(file)
}

/// Removes the folders of this user that no command holds. A failure leaves one for the next time.
pub(super) fn remove(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let is_ours = entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(PREFIX.as_bytes());
        if is_ours && is_own_folder(&entry.path()) && is_left(&entry.path()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Returns true if no process holds the lock. A folder without one is being created.
fn is_left(folder: &Path) -> bool {
    let lock = File::open(folder.join(LOCK));
    lock.is_ok_and(|lock| lock.try_lock().is_ok())
}

/// Returns true if the path is a folder of this user, and no link: other users can write in `/dev/shm`.
#[cfg(unix)]
fn is_own_folder(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let own = rustix::process::geteuid().as_raw();
    path.symlink_metadata()
        .is_ok_and(|found| found.is_dir() && found.uid() == own)
}

#[cfg(not(unix))]
fn is_own_folder(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.is_dir())
}
