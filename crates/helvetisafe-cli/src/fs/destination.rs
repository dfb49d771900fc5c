//! Files that the user names for results.
//!
//! | the path leads to | it is |
//! |---|---|
//! | nothing, or a regular file, also through a link | replaced as a whole |
//! | a file that cannot be replaced, such as the target of a bind mount | rewritten in place |
//! | `-`, `/dev/stdout` | standard output |
//! | a device or a pipe; an open file of this process, such as `/dev/fd/3` | written to |
//! | a folder; a pipe or a file of another user that would be written to | refused |

mod descriptor;
mod in_place;

use std::fs::{File, Metadata};
use std::io::{self, Write};
use std::path::Path;

use super::access::Access;
use super::{atomic_file, with_remedy};
use crate::failure::Failure;
use descriptor::{is_descriptor, is_open_as, is_own_descriptor};
use in_place::{is_about_replacing, rewrite};

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
        append(path, contents).map_err(|error| failed(&with_remedy(&error)))?;
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
        Err(error) => Err(failed(&with_remedy(&error))),
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

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::io::Read;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::{chown, symlink};

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
}
