//! Files that cannot be replaced and are rewritten in place, such as the target of a bind mount.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

#[cfg(unix)]
use super::refuse_foreign;
use crate::fs::Access;

/// Returns true if a failure is about the folder or the name, not about the contents, so that rewriting in
/// place may succeed.
pub(super) fn is_about_replacing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::ResourceBusy
            | ErrorKind::CrossesDevices
            | ErrorKind::Unsupported
            | ErrorKind::InvalidInput
    )
}

/// Rewrites a file in place. Fails if users can have it open who could not open a new file: they would read
/// the new contents, whatever its mode is by then.
pub(super) fn rewrite(path: &Path, contents: &[u8], access: Access) -> io::Result<()> {
    let mut file = File::options().write(true).open(path)?;
    protect(&file, access)?;
    file.set_len(0)?;
    file.write_all(contents)?;
    file.sync_all()
}

/// Fails if [`rewrite`] would, as far as that is known before. Changes nothing.
pub(super) fn check_rewrite(path: &Path, access: Access) -> io::Result<()> {
    let file = File::options().write(true).open(path)?;
    refuse_readers(&file, access)
}

/// Refuses a file that users can have open who could not open a new one.
#[cfg(unix)]
fn refuse_readers(file: &File, access: Access) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let metadata = file.metadata()?;
    refuse_foreign(&metadata)?;
    let (old, new) = (metadata.mode() & 0o777, access.file_mode());
    let loses_group = access.group.is_some_and(|new| new != metadata.gid()) && old & 0o070 != 0;
    if old & !new & 0o077 != 0 || loses_group {
        let group = match loses_group {
            true => format!(" --group {}", metadata.gid()),
            false => String::new(),
        };
        return Err(io::Error::other(format!(
            "its mode is {old:o}, so other users may have it open; accept that with --mode {old:o}{group}, or \
             make a new file"
        )));
    }
    Ok(())
}

#[cfg(unix)]
fn protect(file: &File, access: Access) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    refuse_readers(file, access)?;
    if access.group.is_some() {
        access.apply(file)?;
    }
    // It may fail for a file of root, which then has fewer rights than asked.
    let _ = file.set_permissions(PermissionsExt::from_mode(access.file_mode()));
    Ok(())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "as on Unix")]
fn refuse_readers(_: &File, _: Access) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "as on Unix")]
fn protect(_: &File, _: Access) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::io::Read;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const PRIVATE: Access = Access {
        mode: None,
        group: None,
    };

    #[test]
    fn a_file_that_others_may_have_open_is_not_rewritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "old and longer").unwrap();
        let mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        for before in [0o644, 0o640, 0o604, 0o622] {
            mode(before);
            let mut other = File::open(&path).unwrap();
            let message = rewrite(&path, b"new", PRIVATE).unwrap_err().to_string();
            let advice = format!("accept that with --mode {before:o}, or");
            assert!(message.contains(&advice), "{message}");
            let mut text = String::new();
            other.read_to_string(&mut text).unwrap();
            assert_eq!(text, "old and longer");
        }
        mode(0o640);
        let gid = rustix::process::getegid().as_raw();
        for (access, is_written) in [
            ((Some(0o640), None), true),
            ((Some(0o644), None), true),
            ((Some(0o640), Some(gid)), true),
            ((Some(0o640), Some(gid + 1)), false),
            ((None, None), false),
        ] {
            let (mode, group) = access;
            let access = Access { mode, group };
            let outcome = rewrite(&path, b"new", access);
            assert_eq!(outcome.is_ok(), is_written, "{access:?}: {outcome:?}");
            let permissions = |mode| fs::Permissions::from_mode(mode);
            fs::set_permissions(&path, permissions(0o640)).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    }

    #[test]
    fn a_file_that_is_rewritten_has_the_mode_that_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "old").unwrap();
        for (before, after) in [(0o700, 0o600), (0o400, 0o640), (0o644, 0o666)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(before)).unwrap();
            let access = Access {
                mode: (after != 0o600).then_some(after),
                group: None,
            };
            if before & 0o200 == 0 && !rustix::process::geteuid().is_root() {
                continue;
            }
            rewrite(&path, b"new", access).unwrap();
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, after);
        }
    }
}
