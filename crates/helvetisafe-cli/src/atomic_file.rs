//! Files that others cannot read, and that are there whole or not at all.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Writes a file with mode 0600. Whoever reads it, also after a crash, finds the old contents or
/// the new ones, never a part: they go into a temporary file beside it, which then takes its name.
pub(crate) fn write(path: &Path, contents: &[u8]) -> Result<(), Failure> {
    replace(path, contents)
        .map_err(|error| Failure::other(format_args!("cannot write {}: {error}", path.display())))
}

fn replace(path: &Path, contents: &[u8]) -> io::Result<()> {
    let path = &target(path)?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    folder.metadata()?;
    // It makes its files with mode 0600. Its errors name a file that nobody knows.
    let mut file = tempfile::Builder::new()
        .prefix(".helvetisafe-")
        .tempfile_in(folder)
        .map_err(|error| io::Error::from(error.kind()))?;
    file.write_all(contents)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync(folder)
}

/// The file that is really meant: a link is followed, and a folder or a device is not replaced.
fn target(path: &Path) -> io::Result<PathBuf> {
    match path.metadata() {
        Ok(metadata) if metadata.is_file() => path.canonicalize(),
        Ok(_) => Err(io::Error::other("it is there and is no regular file")),
        Err(_) => Ok(path.to_owned()),
    }
}

/// The new name is on the disk once its folder is.
fn sync(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_file_is_replaced_and_nobody_else_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("value");
        for contents in ["old and longer", "new"] {
            write(&path, contents.as_bytes()).unwrap();
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
        assert!(write(folder.path(), b"x").is_err());
    }
}
