//! Files that the user names for results.
//!
//! | the path leads to | it is |
//! |---|---|
//! | nothing, or a regular file, also through a link | replaced as a whole |
//! | a file that cannot be replaced, such as the target of a bind mount | rewritten in place |
//! | `-`, `/dev/stdout` | standard output |
//! | a device or a pipe; an open file of this process, such as `/dev/fd/3` | written to |
//! | a folder; a pipe or a file of another user that would be written to | refused |

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use super::access::Access;
use super::atomic_file;
use crate::failure::Failure;

/// The outcome of a write. A file that was rewritten in place has the reason.
#[derive(Debug)]
pub(crate) enum Written {
    AsAsked,
    InPlace(io::Error),
}

/// Writes a file. A file that existed is replaced by a new one with the mode and the group of `access`.
pub(crate) fn write(path: &Path, contents: &[u8], access: Access) -> Result<Written, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::other(format_args!("cannot write {}: {error}", path.display()))
    };
    if is_standard_output(path) {
        let printed = print_line(contents);
        return printed
            .map(|()| Written::AsAsked)
            .map_err(|error| failed(&error));
    }
    let metadata = path.metadata();
    let is_file = metadata.as_ref().is_ok_and(Metadata::is_file);
    if metadata.is_ok_and(|it| !it.is_dir() && (!is_file || is_descriptor(path))) {
        append(path, contents).map_err(|error| failed(&error))?;
        return Ok(Written::AsAsked);
    }
    match atomic_file::write(path, contents, access) {
        Ok(()) => Ok(Written::AsAsked),
        Err(why) if is_file && is_about_replacing(&why) => match rewrite(path, contents, access) {
            Ok(()) => Ok(Written::InPlace(why)),
            Err(error) => Err(failed(&format_args!(
                "it cannot be replaced ({why}), nor rewritten in place ({error}); write another file, \
                     or - for standard output"
            ))),
        },
        Err(error) => Err(failed(&error)),
    }
}

/// Returns true if a file of this name would be removed as the leftover of a killed process.
pub(crate) fn is_leftover(name: &str) -> bool {
    atomic_file::is_temporary(name.as_ref())
}

/// Prints contents and a newline, so that a program in the pipe can read them as a line.
fn print_line(contents: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(contents)?;
    stdout.write_all(b"\n")?;
    stdout.flush()
}

/// Returns true if a path is standard output: `-`, or a name of it such as `/dev/stdout`.
pub(crate) fn is_standard_output(path: &Path) -> bool {
    path.as_os_str() == "-" || is_open_as(path, &io::stdout())
}

/// Writes to a device, or to the end of a file that this process has open.
fn append(path: &Path, contents: &[u8]) -> io::Result<()> {
    // Another user's process may have opened it for this one, which then cannot open it again.
    if is_open_as(path, &io::stderr()) {
        return io::stderr().write_all(contents);
    }
    let check = |metadata: &Metadata| match is_own_descriptor(path) {
        true => Ok(()),
        false => refuse_foreign(metadata),
    };
    // To open a pipe waits for its reader, and the path may lead to another file afterwards.
    check(&path.metadata()?)?;
    let mut file = File::options().append(true).open(path)?;
    check(&file.metadata()?)?;
    file.write_all(contents)
}

/// Returns true if a failure is about the folder or the name, not about the contents, so that rewriting in
/// place may succeed.
fn is_about_replacing(error: &io::Error) -> bool {
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
fn rewrite(path: &Path, contents: &[u8], access: Access) -> io::Result<()> {
    let mut file = File::options().write(true).open(path)?;
    protect(&file, access)?;
    file.set_len(0)?;
    file.write_all(contents)?;
    file.sync_all()
}

#[cfg(unix)]
fn protect(file: &File, access: Access) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
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
    if access.group.is_some() {
        access.apply(file)?;
    }
    // It may fail for a file of root, which then has fewer rights than asked.
    let _ = file.set_permissions(PermissionsExt::from_mode(new));
    Ok(())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "as on Unix")]
fn protect(_: &File, _: Access) -> io::Result<()> {
    Ok(())
}

/// Refuses a pipe or a file of another user, who could read what is written to it. Devices may belong to any
/// user: in a container even `/dev/null` does.
#[cfg(unix)]
fn refuse_foreign(metadata: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let (kind, owner) = (metadata.file_type(), metadata.uid());
    let is_device = kind.is_char_device() || kind.is_block_device();
    if is_device || [0, rustix::process::geteuid().as_raw()].contains(&owner) {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "it belongs to the user {owner}, who could read it"
    )))
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "as on Unix")]
fn refuse_foreign(_: &Metadata) -> io::Result<()> {
    Ok(())
}

/// Returns true if a path leads to the same file, pipe or device as a stream.
#[cfg(unix)]
fn is_open_as(path: &Path, stream: &impl std::os::fd::AsFd) -> bool {
    use std::os::unix::fs::MetadataExt;
    let stream = rustix::fs::fstat(stream);
    let (Ok(file), Ok(stream)) = (path.metadata(), stream) else {
        return false;
    };
    #[expect(clippy::unnecessary_cast, reason = "its type depends on the system")]
    let device = stream.st_dev as u64;
    file.dev() == device && file.ino() == stream.st_ino
}

#[cfg(not(unix))]
fn is_open_as<T>(_: &Path, _: &T) -> bool {
    false
}

/// Returns true if a path, or a link on the way, is the name of an open file of a process, as in `/dev/fd`.
#[cfg(unix)]
fn is_descriptor(path: &Path) -> bool {
    let mut path = path.to_owned();
    for _ in 0..super::MAX_LINKS {
        let folder = super::folder_of(&path).canonicalize();
        if folder.is_ok_and(|folder| is_of_processes(&folder)) {
            return true;
        }
        match path.read_link() {
            Ok(target) => path = super::folder_of(&path).join(target),
            Err(_) => return false,
        }
    }
    false
}

/// Every user can make folders below `/dev`, in `/dev/shm`.
#[cfg(unix)]
fn is_of_processes(folder: &Path) -> bool {
    folder == Path::new("/dev/fd") || folder.starts_with("/proc") && folder.ends_with("fd")
}

#[cfg(not(unix))]
fn is_descriptor(_: &Path) -> bool {
    false
}

/// Returns true if a path itself names an open file of this process. Links do not count: another user may have
/// made them.
fn is_own_descriptor(path: &Path) -> bool {
    let folders = ["/dev/fd", "/proc/self/fd"];
    folders
        .iter()
        .any(|folder| path.parent() == Some(Path::new(folder)))
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::io::Read;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    const PRIVATE: Access = Access {
        mode: None,
        group: None,
    };

    #[test]
    fn a_folder_is_refused_and_a_device_is_written() {
        let folder = tempfile::tempdir().unwrap();
        assert!(write(folder.path(), b"x", PRIVATE).is_err());
        write(Path::new("/dev/null"), b"x", PRIVATE).unwrap();
        assert!(!Path::new("/dev/null").metadata().unwrap().is_file());
    }

    #[test]
    fn a_pipe_is_written_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        let fifo = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &path, fifo, 0o600.into(), 0).unwrap();
        let reader = std::thread::spawn({
            let path = path.clone();
            move || fs::read_to_string(path).unwrap()
        });
        write(&path, b"value", PRIVATE).unwrap();
        assert_eq!(reader.join().unwrap(), "value");
        assert!(!path.metadata().unwrap().is_file());
    }

    #[test]
    fn the_pipe_or_the_open_file_of_another_user_gets_nothing() {
        const OTHER: u32 = 54_321;
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let [pipe, link, log] = ["pipe", "link", "log"].map(|it| folder.path().join(it));
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, 0o666.into(), 0).unwrap();
        // Open for both, it waits for no other process.
        let mut reader = File::options().read(true).write(true).open(&pipe).unwrap();
        symlink(&pipe, &link).unwrap();
        chown(&pipe, Some(OTHER), None).unwrap();
        for path in [&pipe, &link] {
            let failure = write(path, b"value", PRIVATE).unwrap_err();
            let message = failure.message().unwrap();
            assert!(message.contains("belongs to the user 54321"), "{message}");
        }
        reader.write_all(b"end").unwrap();
        let mut text = [0; 8];
        let read = reader.read(&mut text).unwrap();
        assert_eq!(&text[..read], b"end");

        // The descriptors of this process may be of any user: they were given to it.
        let open = File::create(&log).unwrap();
        chown(&log, Some(OTHER), None).unwrap();
        let number = open.as_raw_fd();
        for (path, is_written) in [
            (format!("/dev/fd/{number}"), true),
            (format!("/proc/self/fd/{number}"), true),
            (format!("/proc/{}/fd/{number}", std::process::id()), false),
        ] {
            assert_eq!(
                write(Path::new(&path), b"x", PRIVATE).is_ok(),
                is_written,
                "{path}"
            );
        }
        assert_eq!(fs::read(&log).unwrap(), b"xx");
    }

    #[test]
    fn only_folders_of_the_system_have_descriptors() {
        for (folder, is_one) in [
            ("/dev/fd", true),
            ("/proc/1/fd", true),
            ("/proc/1/task/1/fd", true),
            ("/dev/shm/fd", false),
            ("/proc/1", false),
            ("/tmp/proc/1/fd", false),
        ] {
            assert_eq!(is_of_processes(Path::new(folder)), is_one, "{folder}");
        }
    }

    #[test]
    fn an_open_file_is_appended_to_also_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = tempfile::tempfile_in(folder.path()).unwrap();
        log.write_all(b"first\n").unwrap();
        let path = format!("/proc/self/fd/{}", log.as_raw_fd());
        write(Path::new(&path), b"second\n", PRIVATE).unwrap();
        let link = folder.path().join("link");
        symlink(format!("/dev/fd/{}", log.as_raw_fd()), &link).unwrap();
        write(&link, b"third\n", PRIVATE).unwrap();
        let mut text = String::new();
        File::open(path).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "first\nsecond\nthird\n");
        assert!(!is_descriptor(&folder.path().join("fd")));
    }

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
