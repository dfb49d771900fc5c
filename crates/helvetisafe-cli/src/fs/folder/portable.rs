use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// A folder by its path: only Unix opens files in an open folder.
#[derive(Debug)]
pub(in crate::fs) struct Folder(PathBuf);

impl Folder {
    /// Opens a folder.
    pub(in crate::fs) fn open(path: &Path) -> io::Result<Self> {
        match path.metadata()?.is_dir() {
            true => Ok(Self(path.to_owned())),
            false => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    /// Opens a folder; a link in its place is refused.
    pub(in crate::fs) fn open_itself(path: &Path) -> io::Result<Self> {
        match path.symlink_metadata()?.is_dir() {
            true => Ok(Self(path.to_owned())),
            false => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    /// Returns true if both have the same path.
    #[expect(clippy::unnecessary_wraps, reason = "as on Unix")]
    pub(in crate::fs) fn is_same_as(&self, other: &Self) -> io::Result<bool> {
        Ok(self.0 == other.0)
    }

    /// Returns the names of its entries.
    pub(in crate::fs) fn names(&self) -> io::Result<Vec<OsString>> {
        self.0
            .read_dir()?
            .map(|entry| Ok(entry?.file_name()))
            .collect()
    }

    /// Opens a folder in this one.
    pub(in crate::fs) fn open_folder(&self, name: &OsStr) -> io::Result<Self> {
        Self::open(&self.0.join(name))
    }

    /// Opens a file to read it.
    pub(in crate::fs) fn open_file(&self, name: &OsStr) -> io::Result<File> {
        File::open(self.0.join(name))
    }

    /// Opens a file to lock it.
    pub(in crate::fs) fn open_to_lock(&self, name: &OsStr) -> io::Result<File> {
        self.file(name, OpenOptions::new().read(true).write(true))
    }

    /// Opens a file to lock it, and creates an empty one if it does not exist.
    pub(in crate::fs) fn open_or_create(&self, name: &OsStr) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        self.file(name, &options)
    }

    /// Creates a file, to write it; fails if it exists.
    pub(in crate::fs) fn create_new(&self, name: &OsStr) -> io::Result<File> {
        self.file(name, OpenOptions::new().write(true).create_new(true))
    }

    fn file(&self, name: &OsStr, options: &OpenOptions) -> io::Result<File> {
        options.open(self.0.join(name))
    }

    /// Renames a file, and replaces one that has the new name.
    pub(in crate::fs) fn rename(&self, old: &OsStr, new: &OsStr) -> io::Result<()> {
        fs::rename(self.0.join(old), self.0.join(new))
    }

    pub(in crate::fs) fn remove_file(&self, name: &OsStr) -> io::Result<()> {
        fs::remove_file(self.0.join(name))
    }

    /// Does nothing on this system.
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as on Unix")]
    pub(in crate::fs) fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    pub(in crate::fs) fn metadata(&self) -> io::Result<Metadata> {
        self.0.metadata()
    }
}
