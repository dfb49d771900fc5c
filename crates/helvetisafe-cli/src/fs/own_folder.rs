//! A folder for private files, which is opened once. Its files are opened in it: another user who owns the folder above it
//! could put another one in its place, and would get what is written by path.

use std::ffi::{OsStr, OsString};
use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::folder::Folder;
use super::{Access, atomic_file, create_private_folder, private_file, wiped, with_remedy};
use crate::advice::shell_quoted;
use crate::failure::Failure;

/// The largest size of a file that is read, in bytes: more than any key has.
const LIMIT: usize = 64 << 10;

/// An open folder that other users cannot use.
pub(crate) struct OwnFolder {
    folder: Folder,
    path: PathBuf,
    insecure_permissions: bool,
}

impl OwnFolder {
    /// Opens a folder, and creates it and its parents with mode 0700 if it does not exist. One that exists is taken if other
    /// users cannot use it; an empty one gets mode 0700. A link is refused.
    pub(crate) fn open(path: &Path, insecure_permissions: bool) -> io::Result<Self> {
        // A slash at the end would follow a link.
        let path: PathBuf = std::path::absolute(path)?.components().collect();
        create_private_folder(&path)?;
        if path.symlink_metadata()?.is_symlink() {
            return Err(io::Error::other(
                "it is a symbolic link; give the folder itself",
            ));
        }
        let opened = Self {
            folder: Folder::open_itself(&path)?,
            path,
            insecure_permissions,
        };
        if !insecure_permissions {
            opened.restrict()?;
        }
        Ok(opened)
    }

    /// Returns its path, for messages and for the user.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the names of its files.
    pub(crate) fn names(&self) -> io::Result<Vec<OsString>> {
        self.folder.names()
    }

    /// Returns the contents of a file, which other users must not read or write; `None` if it does not exist. `what` names it
    /// in messages.
    pub(crate) fn read(
        &self,
        what: &str,
        name: &str,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
        let path = self.path.join(name);
        let file = match self.folder.open_file(OsStr::new(name)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            file => private_file::opened(file, what, &path, self.insecure_permissions)?,
        };
        let bytes = wiped::read(file, LIMIT).ok().flatten();
        bytes.map(Some).ok_or_else(|| {
            Failure::usage(format_args!(
                "{} cannot be read, or is too large; restore it from a copy, or choose a new folder",
                path.display()
            ))
        })
    }

    /// Replaces or creates a file, with mode 0600.
    pub(crate) fn write(&self, name: &str, contents: &[u8]) -> Result<(), Failure> {
        let name = OsStr::new(name);
        let written = atomic_file::replace(&self.folder, name, contents, Access::default());
        written.map_err(|error| {
            let path = self.path.join(name);
            let why = with_remedy(&error);
            Failure::other(format_args!("cannot write {}: {why}", path.display()))
        })
    }

    /// Locks a file against other processes until the returned value is dropped.
    pub(crate) fn try_lock(&self, name: &str) -> Result<File, TryLockError> {
        let opened = self.folder.open_or_create(OsStr::new(name));
        let lock = opened.map_err(TryLockError::Error)?;
        lock.try_lock().map(|()| lock)
    }

    /// Fails if its path leads elsewhere by now.
    pub(crate) fn check_place(&self) -> Result<(), Failure> {
        let found = Folder::open_itself(&self.path);
        let is_same = found.and_then(|found| found.is_same_as(&self.folder));
        match is_same {
            Ok(true) => Ok(()),
            _ => Err(Failure::other(format_args!(
                "the folder {} was moved while the command used it, perhaps by another user; choose a folder in one that only you \
                 can write",
                self.path.display()
            ))),
        }
    }

    #[cfg(unix)]
    fn restrict(&self) -> io::Result<()> {
        use std::os::unix::fs::MetadataExt;
        let metadata = self.folder.metadata()?;
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(io::Error::other(
                "it belongs to another user; choose a new folder",
            ));
        }
        if metadata.mode() & 0o077 == 0 {
            return Ok(());
        }
        if self.names()?.is_empty() {
            return self.close_to_others();
        }
        Err(io::Error::other(format!(
            "other users can use it; run `chmod 700 {}`, or give --insecure-permissions",
            shell_quoted(&self.path)
        )))
    }

    /// Gives an empty folder the mode 0700. Until then, another user could have put files into it.
    #[cfg(unix)]
    fn close_to_others(&self) -> io::Result<()> {
        self.folder.set_mode(0o700)?;
        match self.names()?.is_empty() {
            true => Ok(()),
            false => Err(io::Error::other(
                "a file was put into it meanwhile, perhaps by another user; choose a new folder",
            )),
        }
    }

    /// Only Unix has owners and modes.
    #[cfg(not(unix))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as on Unix")]
    fn restrict(&self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn refusal(path: &Path) -> String {
        OwnFolder::open(path, false).err().unwrap().to_string()
    }

    /// As the owner of the folder above it can do.
    #[test]
    fn files_stay_in_the_folder_that_was_opened() {
        let above = tempfile::tempdir().unwrap();
        let [path, moved, others] = ["own", "moved", "others"].map(|it| above.path().join(it));
        let folder = OwnFolder::open(&path, false).unwrap();
        folder.check_place().unwrap();
        fs::create_dir(&others).unwrap();
        fs::write(others.join("key"), "of another user").unwrap();
        fs::rename(&path, &moved).unwrap();
        symlink(&others, &path).unwrap();

        assert!(folder.read("the key", "key").unwrap().is_none());
        folder.write("key", b"own").unwrap();
        assert_eq!(*folder.read("the key", "key").unwrap().unwrap(), b"own");
        let _lock = folder.try_lock(".lock").unwrap();
        assert_eq!(fs::read(moved.join("key")).unwrap(), b"own");
        assert_eq!(fs::read(others.join("key")).unwrap(), b"of another user");
        assert_eq!(fs::read_dir(&others).unwrap().count(), 1);
        let failure = folder.check_place().unwrap_err();
        assert!(
            failure.message().unwrap().contains("was moved"),
            "{failure:?}"
        );
    }

    #[test]
    fn a_link_and_a_folder_that_others_can_use_are_refused() {
        let above = tempfile::tempdir().unwrap();
        let [path, link] = ["own", "link"].map(|it| above.path().join(it));
        fs::create_dir(&path).unwrap();
        symlink(&path, &link).unwrap();
        for link in [&link, &above.path().join("link/")] {
            assert!(refusal(link).contains("is a symbolic link"));
        }
        // An empty one gets the mode.
        mode(&path, 0o777);
        OwnFolder::open(&path, false).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        fs::write(path.join("key"), "x").unwrap();
        for others in [0o750, 0o701, 0o722] {
            mode(&path, others);
            assert!(refusal(&path).contains("other users can use it"));
            OwnFolder::open(&path, true).unwrap();
        }
        mode(&path, 0o700);
        if rustix::process::geteuid().is_root() {
            chown(&path, Some(54_321), None).unwrap();
            assert!(refusal(&path).contains("belongs to another user"));
        }
    }

    /// As between the look at an empty folder and its new mode.
    #[test]
    fn a_file_that_appears_before_the_folder_is_closed_is_refused() {
        let above = tempfile::tempdir().unwrap();
        let path = above.path().join("own");
        let folder = OwnFolder::open(&path, false).unwrap();
        mode(&path, 0o777);
        fs::write(path.join("account.json"), "of another user").unwrap();
        let refused = folder.close_to_others().unwrap_err().to_string();
        assert!(refused.contains("a file was put into it"), "{refused}");
    }

    #[test]
    fn a_file_that_others_can_read_and_a_link_are_not_read() {
        let above = tempfile::tempdir().unwrap();
        let path = above.path().join("own");
        let folder = OwnFolder::open(&path, false).unwrap();
        folder.write("key", b"own").unwrap();
        symlink("key", path.join("link")).unwrap();
        assert!(folder.read("the key", "link").is_err());
        mode(&path.join("key"), 0o644);
        let failure = folder.read("the key", "key").unwrap_err();
        let message = failure.message().unwrap();
        assert!(
            message.contains("other users can read or write the key"),
            "{message}"
        );
    }
}
