//! The parent of the folder with the text: a folder in memory whose entries no other user can rename.

use std::fs::Metadata;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::fs::path_variable;
use crate::ui::messages::Messages;

/// Returns a folder in memory. The folder for temporary files is the last choice.
pub(super) fn choose(messages: Messages) -> Result<PathBuf, Failure> {
    let runtime = path_variable("XDG_RUNTIME_DIR").filter(|folder| folder.is_absolute());
    let runtime = runtime.and_then(|folder| usable(&folder, access::is_private));
    let shared = || usable(Path::new("/dev/shm"), access::is_protected);
    if let Some(folder) = runtime.or_else(shared) {
        return Ok(folder);
    }
    let folder = std::env::temp_dir();
    let is_fixed = folder.is_absolute();
    let folder = usable(&folder, access::is_protected).filter(|_| is_fixed).ok_or_else(|| {
        Failure::other(format_args!(
            "no folder is safe for the text: another user could replace it in {}, or the folder cannot be \
             written; set XDG_RUNTIME_DIR to a folder of your own with mode 0700",
            folder.display()
        ))
    })?;
    messages.warning(format_args!(
        "there is no folder in memory, so the text is in {}, where the disk may keep a copy; set \
         XDG_RUNTIME_DIR to a folder of your own in memory, with mode 0700",
        folder.display()
    ));
    Ok(folder)
}

/// Returns the folder, without links in its path, if new folders can be created there and it passes the check.
fn usable(folder: &Path, is_safe: fn(&Metadata) -> bool) -> Option<PathBuf> {
    // Windows would write the path in a form that some editors refuse.
    let folder = match cfg!(unix) {
        true => folder.canonicalize().ok()?,
        false => folder.to_owned(),
    };
    let metadata = folder.metadata().ok()?;
    let is_usable = metadata.is_dir() && is_safe(&metadata);
    (is_usable && tempfile::tempdir_in(&folder).is_ok()).then_some(folder)
}

/// The checks of a parent. The owner of a folder, and other users who can write there, can rename what it has.
#[cfg(unix)]
mod access {
    use std::fs::Metadata;
    use std::os::unix::fs::MetadataExt;

    /// The bit of the mode that lets only owners rename what a folder has.
    const STICKY: u32 = 0o1000;

    /// Returns true if no other user can use the folder, as the XDG specification demands.
    pub(super) fn is_private(folder: &Metadata) -> bool {
        folder.uid() == own() && folder.mode() & 0o077 == 0
    }

    /// Returns true if no other user but root can rename what this user creates in the folder.
    pub(super) fn is_protected(folder: &Metadata) -> bool {
        let is_trusted = [0, own()].contains(&folder.uid());
        is_trusted && (folder.mode() & STICKY != 0 || folder.mode() & 0o022 == 0)
    }

    fn own() -> u32 {
        rustix::process::geteuid().as_raw()
    }
}

/// Elsewhere the folders belong to the user.
#[cfg(not(unix))]
mod access {
    use std::fs::Metadata;

    pub(super) fn is_private(_: &Metadata) -> bool {
        true
    }

    pub(super) fn is_protected(_: &Metadata) -> bool {
        true
    }
}
