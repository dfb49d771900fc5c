//! Temporary files, and the removal of those that a killed process left.
//!
//! A process holds a lock on its temporary file, and the system releases it when the process ends. So a
//! temporary file without a lock is a leftover, whichever container its process ran in.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;

use crate::fs::folder::Folder;

const PREFIX: &str = ".helvetisafe-";
const SUFFIX: &str = ".tmp";
/// Hexadecimal digits between the two.
const DIGITS: usize = 16;

/// A temporary file with mode 0600. It is removed on drop, unless it was renamed.
pub(super) struct Temporary<'a> {
    folder: &'a Folder,
    name: OsString,
    file: File,
    is_renamed: bool,
}

impl<'a> Temporary<'a> {
    pub(super) fn create(folder: &'a Folder) -> io::Result<Self> {
        loop {
            let name = random_name()?;
            let temporary = Self {
                folder,
                file: folder.create_new(&name)?,
                name,
                is_renamed: false,
            };
            if lock(&temporary.file)? {
                return Ok(temporary);
            }
        }
    }

    pub(super) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Renames it, and replaces the file of that name.
    pub(super) fn rename(mut self, name: &OsStr) -> io::Result<()> {
        self.folder.rename(&self.name, name)?;
        self.is_renamed = true;
        Ok(())
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.is_renamed {
            // If that fails too, the next write tries again.
            let _ = self.folder.remove_file(&self.name);
        }
    }
}

/// Locks a new temporary file. Returns false if another process has removed it as a leftover. On a file
/// system without locks no leftover is recognized.
#[cfg(unix)]
fn lock(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let _ = file.lock();
    Ok(file.metadata()?.nlink() > 0)
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "as on Unix")]
fn lock(_: &File) -> io::Result<bool> {
    Ok(true)
}

/// Removes temporary files of processes that have ended. The next write retries what fails.
#[cfg(unix)]
pub(super) fn remove_leftovers(folder: &Folder) {
    let names = folder.names().unwrap_or_default();
    for name in names.iter().filter(|name| is_temporary(name)) {
        let Ok(file) = folder.open_to_lock(name) else {
            continue;
        };
        // The lock is held until the file is gone.
        if is_own(&file) && file.try_lock().is_ok() {
            let _ = folder.remove_file(name);
        }
    }
}

/// On other systems an open file cannot be removed, and no locks are taken.
#[cfg(not(unix))]
pub(super) fn remove_leftovers(_: &Folder) {}

#[cfg(unix)]
fn is_own(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    let own = rustix::process::geteuid().as_raw();
    file.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.uid() == own)
}

/// Returns true if a name is that of a temporary file.
pub(in crate::fs) fn is_temporary(name: &OsStr) -> bool {
    let digits = name.to_str().and_then(|name| {
        let digits = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
        (digits.len() == DIGITS).then_some(digits)
    });
    digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn random_name() -> io::Result<OsString> {
    let mut bytes = [0; DIGITS / 2];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    let number = u64::from_ne_bytes(bytes);
    Ok(format!("{PREFIX}{number:016x}{SUFFIX}").into())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::path::Path;

    fn names(path: &Path) -> usize {
        std::fs::read_dir(path).unwrap().count()
    }

    #[test]
    fn a_leftover_is_removed_and_a_file_in_use_is_not() {
        let path = tempfile::tempdir().unwrap();
        let folder = Folder::open(path.path()).unwrap();
        let used = Temporary::create(&folder).unwrap();
        remove_leftovers(&folder);
        assert_eq!(names(path.path()), 1);
        // As after a kill: the lock is gone, the file is not.
        let name = used.name.clone();
        drop(used);
        folder.create_new(&name).unwrap();
        remove_leftovers(&folder);
        assert_eq!(names(path.path()), 0);
    }

    #[test]
    fn an_unused_file_is_removed() {
        let path = tempfile::tempdir().unwrap();
        let folder = Folder::open(path.path()).unwrap();
        drop(Temporary::create(&folder).unwrap());
        assert_eq!(names(path.path()), 0);
    }

    /// Many writers at once: none loses its file.
    #[test]
    fn writers_do_not_take_each_others_files_for_leftovers() {
        let path = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for n in 0..8 {
                let path = path.path();
                scope.spawn(move || {
                    let folder = Folder::open(path).unwrap();
                    for _ in 0..50 {
                        let name = format!("file-{n}");
                        crate::fs::atomic_file::replace(
                            &folder,
                            name.as_ref(),
                            b"x",
                            crate::fs::Access::default(),
                        )
                        .unwrap();
                    }
                });
            }
        });
        assert_eq!(names(path.path()), 8);
    }

    #[test]
    fn only_our_names_are_temporary() {
        assert!(is_temporary(&random_name().unwrap()));
        for other in [
            ".helvetisafe-notes.tmp",
            ".helvetisafe-0123456789abcdef",
            "a.tmp",
        ] {
            assert!(!is_temporary(OsStr::new(other)), "{other}");
        }
    }
}
