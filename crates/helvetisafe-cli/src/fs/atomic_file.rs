//! Files that are written completely or not at all.

mod temporary;

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::access::Access;
use super::folder::Folder;
use super::folder_of;
use temporary::Temporary;
pub(super) use temporary::is_temporary;

/// Writes a file. Readers find the old contents or the new ones, never a part, also after a crash. A link is
/// followed.
pub(super) fn write(path: &Path, contents: &[u8], access: Access) -> io::Result<()> {
    let path = target(path)?;
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    replace(&Folder::open(folder_of(&path))?, name, contents, access)
}

/// Writes a file in an open folder; a link is replaced. The contents go into a temporary file in the
/// folder, which is then renamed. Temporary files that a killed process left there are removed.
pub(super) fn replace(
    folder: &Folder,
    name: &OsStr,
    contents: &[u8],
    access: Access,
) -> io::Result<()> {
    temporary::remove_leftovers(folder);
    let mut temporary = Temporary::create(folder)?;
    temporary.file().write_all(contents)?;
    access.apply(temporary.file())?;
    temporary.file().sync_all()?;
    temporary.rename(name)?;
    // The new name is on the disk once its folder is.
    folder.sync()
}

/// Follows a link, and refuses to replace a folder.
fn target(path: &Path) -> io::Result<PathBuf> {
    match path.metadata() {
        Ok(metadata) if metadata.is_file() => path.canonicalize(),
        Ok(_) => Err(io::Error::other("it is a folder")),
        Err(_) => Ok(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const PRIVATE: Access = Access {
        mode: None,
        group: None,
    };

    #[test]
    fn a_file_is_replaced_and_only_the_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("value");
        for contents in ["old and longer", "new"] {
            write(&path, contents.as_bytes(), PRIVATE).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), contents);
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(write(folder.path(), b"x", PRIVATE).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_followed_by_path_and_replaced_in_an_open_folder() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write(&link, b"new", PRIVATE).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        let opened = Folder::open(folder.path()).unwrap();
        replace(&opened, OsStr::new("link"), b"newer", PRIVATE).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert!(link.symlink_metadata().unwrap().is_file());
    }
}
