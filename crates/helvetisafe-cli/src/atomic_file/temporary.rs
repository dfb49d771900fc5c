//! Temporary files, and those that a kill left behind.
//!
//! A process holds a lock on its temporary file for as long as that exists. The system lets it go when
//! the process ends, however it ends. So a temporary file without a lock is a leftover, in whatever
//! container the process ran.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;

use crate::folder::Folder;

const PREFIX: &str = ".helvetisafe-";
const SUFFIX: &str = ".tmp";
/// Hexadecimal digits between the two.
const DIGITS: usize = 16;

/// A temporary file with mode 0600. Dropped, it is gone unless it took its name.
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
            if is_ours(&temporary.file)? {
                return Ok(temporary);
            }
        }
    }

    pub(super) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Gives it its name, in place of the file that had it.
    pub(super) fn take_name(mut self, name: &OsStr) -> io::Result<()> {
        self.folder.rename(&self.name, name)?;
        self.is_renamed = true;
        Ok(())
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.is_renamed {
            // Where that fails too, the next write tries it again.
            let _ = self.folder.remove_file(&self.name);
        }
    }
}

/// Locks a new temporary file. `false` where another process was faster, took it for a leftover and
/// removed it. A file system without locks has no leftovers that are recognized.
#[cfg(unix)]
fn is_ours(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let _ = file.lock();
    Ok(file.metadata()?.nlink() > 0)
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "as on Unix")]
fn is_ours(_: &File) -> io::Result<bool> {
    Ok(true)
}

/// Removes temporary files of processes that have ended. What fails is tried again by the next write.
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

/// Elsewhere an open file cannot be removed, and no locks are taken.
#[cfg(not(unix))]
pub(super) fn remove_leftovers(_: &Folder) {}

#[cfg(unix)]
fn is_own(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    let own = rustix::process::geteuid().as_raw();
    file.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.uid() == own)
}

#[cfg_attr(not(unix), expect(dead_code, reason = "no leftovers are removed"))]
fn is_temporary(name: &OsStr) -> bool {
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
        // As a kill leaves it: the lock is gone, the file is not.
        let name = used.name.clone();
        drop(used);
        folder.create_new(&name).unwrap();
        remove_leftovers(&folder);
        assert_eq!(names(path.path()), 0);
    }

    #[test]
    fn one_that_is_not_used_is_gone() {
        let path = tempfile::tempdir().unwrap();
        let folder = Folder::open(path.path()).unwrap();
        drop(Temporary::create(&folder).unwrap());
        assert_eq!(names(path.path()), 0);
    }

    /// Many processes at once: none loses the file that it writes.
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
                        crate::atomic_file::replace(&folder, name.as_ref(), b"x").unwrap();
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
