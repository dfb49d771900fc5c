use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// A folder by its path: only Unix opens files in an open folder.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Fails where there is no folder.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        match path.metadata()?.is_dir() {
            true => Ok(Self(path.to_owned())),
            false => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    /// Opens a folder in this one.
    pub(crate) fn open_folder(&self, name: &OsStr) -> io::Result<Self> {
        Self::open(&self.0.join(name))
    }

    /// Opens a file to read it.
    pub(crate) fn open_file(&self, name: &OsStr) -> io::Result<File> {
        File::open(self.0.join(name))
    }

    /// Opens a file to lock it.
    pub(crate) fn open_to_lock(&self, name: &OsStr) -> io::Result<File> {
        self.file(name, OpenOptions::new().read(true).write(true))
    }

    /// The same; makes an empty one where there is none.
    pub(crate) fn open_or_create(&self, name: &OsStr) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        self.file(name, &options)
    }

    /// Makes a file, to write it; fails where there is one.
    pub(crate) fn create_new(&self, name: &OsStr) -> io::Result<File> {
        self.file(name, OpenOptions::new().write(true).create_new(true))
    }

    fn file(&self, name: &OsStr, options: &OpenOptions) -> io::Result<File> {
        options.open(self.0.join(name))
    }

    /// Gives a file another name, in place of the file that had it.
    pub(crate) fn rename(&self, old: &OsStr, new: &OsStr) -> io::Result<()> {
        fs::rename(self.0.join(old), self.0.join(new))
    }

    pub(crate) fn remove_file(&self, name: &OsStr) -> io::Result<()> {
        fs::remove_file(self.0.join(name))
    }

    /// Nothing is to be done here.
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as on Unix")]
    pub(crate) fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    pub(crate) fn metadata(&self) -> io::Result<Metadata> {
        self.0.metadata()
    }
}
