//! Files that are written completely or not at all.

mod temporary;

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::access::Access;
use super::folder::Folder;
use super::{MAX_LINKS, folder_of, named_if_missing};
use temporary::Temporary;
pub(super) use temporary::is_temporary;

/// Writes a file. Readers find the old contents or the new ones, never a part, also after a crash. A link is
/// followed.
pub(super) fn write(path: &Path, contents: &[u8], access: Access) -> io::Result<()> {
    let path = target(path)?;
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    replace(&open_folder_of(&path)?, name, contents, access)
}

/// Fails if [`write`] would, as far as that is known before: makes and removes a temporary file in the folder.
pub(super) fn check(path: &Path, access: Access) -> io::Result<()> {
    let path = target(path)?;
    path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let folder = open_folder_of(&path)?;
    let mut temporary = Temporary::create(&folder)?;
    access.apply(temporary.file())
}

fn open_folder_of(path: &Path) -> io::Result<Folder> {
    let folder = folder_of(path);
    Folder::open(folder).map_err(|error| named_if_missing(folder, error))
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
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(missing_target(path)),
        // The system does not follow this link.
        Err(_) => Ok(path.to_owned()),
    }
}

/// Follows a link to a file that does not exist, as far as the system does.
fn missing_target(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match path.read_link() {
            Ok(target) => path = folder_of(&path).join(target),
            Err(_) => break,
        }
    }
    path
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

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_missing_file_makes_that_file() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let [link, other, broken] = ["link", "other", "broken"].map(|it| folder.path().join(it));
        fs::create_dir(folder.path().join("sub")).unwrap();
        symlink("other", &link).unwrap();
        symlink("sub/file", &other).unwrap();
        write(&link, b"new", PRIVATE).unwrap();
        let file = folder.path().join("sub/file");
        assert_eq!(fs::read_to_string(file).unwrap(), "new");
        assert!(link.is_symlink() && other.is_symlink());
        symlink("no-folder/file", &broken).unwrap();
        let error = write(&broken, b"new", PRIVATE).unwrap_err().to_string();
        assert!(error.contains("no-folder does not exist"), "{error}");
    }
}
