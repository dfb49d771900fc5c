use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, openat, renameat, unlinkat};

/// Links are not followed, and opening a FIFO does not block.
const FILE: OFlags = OFlags::CLOEXEC
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY);
const FOLDER: OFlags = OFlags::CLOEXEC.union(OFlags::DIRECTORY);
/// Readable and writable by the owner only.
const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);

/// An open folder.
#[derive(Debug)]
pub(in crate::fs) struct Folder(File);

impl Folder {
    /// Opens a folder; links are followed.
    pub(in crate::fs) fn open(path: &Path) -> io::Result<Self> {
        let folder = openat(CWD, path, FOLDER, Mode::empty())?;
        Ok(Self(folder.into()))
    }

    /// Opens a folder; a link in its place is refused, if the path has no slash at its end.
    pub(in crate::fs) fn open_itself(path: &Path) -> io::Result<Self> {
        let folder = openat(CWD, path, FOLDER | OFlags::NOFOLLOW, Mode::empty())?;
        Ok(Self(folder.into()))
    }

    /// Returns true if both are the same folder.
    pub(in crate::fs) fn is_same_as(&self, other: &Self) -> io::Result<bool> {
        let [own, other] = [self.metadata()?, other.metadata()?];
        Ok(own.dev() == other.dev() && own.ino() == other.ino())
    }

    /// Opens a folder in this one; a link is refused.
    pub(in crate::fs) fn open_folder(&self, name: &OsStr) -> io::Result<Self> {
        let folder = openat(&self.0, name, FOLDER | OFlags::NOFOLLOW, Mode::empty())?;
        Ok(Self(folder.into()))
    }

    /// Opens a file to read it.
    pub(in crate::fs) fn open_file(&self, name: &OsStr) -> io::Result<File> {
        self.file(name, OFlags::RDONLY)
    }

    /// Opens a file to lock it.
    pub(in crate::fs) fn open_to_lock(&self, name: &OsStr) -> io::Result<File> {
        self.file(name, OFlags::RDWR)
    }

    /// Opens a file to lock it, and creates an empty one with mode 0600 if it does not exist.
    pub(in crate::fs) fn open_or_create(&self, name: &OsStr) -> io::Result<File> {
        self.file(name, OFlags::RDWR | OFlags::CREATE)
    }

    /// Creates a file with mode 0600, to write it; fails if it exists.
    pub(in crate::fs) fn create_new(&self, name: &OsStr) -> io::Result<File> {
        self.file(name, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL)
    }

    fn file(&self, name: &OsStr, flags: OFlags) -> io::Result<File> {
        let file: OwnedFd = openat(&self.0, name, FILE | flags, PRIVATE)?;
        Ok(file.into())
    }

    /// Renames a file, and replaces one that has the new name.
    pub(in crate::fs) fn rename(&self, old: &OsStr, new: &OsStr) -> io::Result<()> {
        Ok(renameat(&self.0, old, &self.0, new)?)
    }

    pub(in crate::fs) fn remove_file(&self, name: &OsStr) -> io::Result<()> {
        Ok(unlinkat(&self.0, name, AtFlags::empty())?)
    }

    /// Returns the names of its entries, without `.` and `..`.
    pub(in crate::fs) fn names(&self) -> io::Result<Vec<OsString>> {
        let is_own = |name: &[u8]| name == b"." || name == b"..";
        Dir::read_from(&self.0)?
            .filter(|it| {
                !it.as_ref()
                    .is_ok_and(|it| is_own(it.file_name().to_bytes()))
            })
            .map(|entry| Ok(OsStr::from_bytes(entry?.file_name().to_bytes()).to_owned()))
            .collect()
    }

    /// Writes all names to the disk.
    pub(in crate::fs) fn sync(&self) -> io::Result<()> {
        self.0.sync_all()
    }

    /// Sets the mode of the folder.
    pub(in crate::fs) fn set_mode(&self, mode: u32) -> io::Result<()> {
        self.0.set_permissions(Permissions::from_mode(mode))
    }

    pub(in crate::fs) fn metadata(&self) -> io::Result<Metadata> {
        self.0.metadata()
    }
}
