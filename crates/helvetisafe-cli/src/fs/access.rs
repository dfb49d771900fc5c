//! The mode and the group of what a command writes.

use std::fs::File;
use std::io;
use std::path::Path;

/// The mode and the group of files. By default the mode is 0600, and the system chooses the group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) mode: Option<u32>,
    /// The number of the group.
    pub(crate) group: Option<u32>,
}

impl Access {
    /// Returns the mode of files.
    #[cfg(unix)]
    pub(crate) fn file_mode(self) -> u32 {
        self.mode.unwrap_or(0o600)
    }

    /// Returns the mode of folders: all rights for the owner, and the right to search for users who can read
    /// the files.
    #[cfg(unix)]
    fn folder_mode(self) -> u32 {
        let mode = self.file_mode();
        0o700 | mode | (mode & 0o444) >> 2
    }

    /// Returns the same access without the right to write for the group and others.
    #[must_use]
    pub(crate) fn written_by_owner(self) -> Self {
        Self {
            mode: self.mode.map(|mode| mode & !0o022),
            ..self
        }
    }

    /// Gives a file its group and its mode, whatever the umask. Does nothing if neither is set.
    #[cfg(unix)]
    pub(super) fn apply(self, file: &File) -> io::Result<()> {
        use std::os::unix::fs::{PermissionsExt, fchown};
        if let Some(group) = self.group {
            fchown(file, None, self.group).map_err(|error| wrong_group(group, &error))?;
        }
        match self.mode {
            Some(mode) => file.set_permissions(std::fs::Permissions::from_mode(mode)),
            None => Ok(()),
        }
    }

    /// Gives a new folder its group and its mode. It keeps an inherited set-group-ID bit.
    #[cfg(unix)]
    pub(super) fn apply_to_folder(self, path: &Path) -> io::Result<()> {
        use std::os::unix::fs::MetadataExt;
        const SET_GROUP: u32 = 0o2000;
        let inherited = path.metadata()?.mode() & SET_GROUP;
        self.apply_to_path(path, self.folder_mode() | inherited)
    }

    /// Gives a new socket its group and its mode, which is 0600 if none is set.
    #[cfg(unix)]
    pub(crate) fn apply_to_socket(self, path: &Path) -> io::Result<()> {
        self.apply_to_path(path, self.file_mode())
    }

    #[cfg(unix)]
    fn apply_to_path(self, path: &Path, mode: u32) -> io::Result<()> {
        use std::os::unix::fs::{PermissionsExt, chown};
        if let Some(group) = self.group {
            chown(path, None, self.group).map_err(|error| wrong_group(group, &error))?;
        }
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
    }

    /// Only Unix has modes and groups.
    #[cfg(not(unix))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as on Unix")]
    pub(super) fn apply(self, _: &File) -> io::Result<()> {
        Ok(())
    }

    #[cfg(not(unix))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as on Unix")]
    pub(super) fn apply_to_folder(self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(unix)]
fn wrong_group(group: u32, error: &io::Error) -> io::Error {
    io::Error::other(format!(
        "it cannot get the group {group}: {error}; choose a group of this user"
    ))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_folder_can_be_searched_by_those_who_read_its_files() {
        for (file, folder) in [
            (None, 0o700),
            (Some(0o600), 0o700),
            (Some(0o640), 0o750),
            (Some(0o660), 0o770),
            (Some(0o444), 0o755),
            (Some(0o404), 0o705),
        ] {
            let access = Access {
                mode: file,
                group: None,
            };
            assert_eq!(access.folder_mode(), folder, "{file:?}");
        }
    }
}
