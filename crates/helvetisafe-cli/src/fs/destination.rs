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
use in_place::{check_rewrite, is_about_replacing, rewrite};

/// The outcome of a write. A file that was rewritten in place has the reason.
#[derive(Debug)]
pub(crate) enum Written {
    AsAsked,
    InPlace(io::Error),
}

/// Writes a file. A file that existed is replaced by a new one with the mode and the group of `access`.
pub(crate) fn write(path: &Path, contents: &[u8], access: Access) -> Result<Written, Failure> {
    if is_standard_output(path) {
        let printed = print_line(contents);
        return printed
            .map(|()| Written::AsAsked)
            .map_err(|error| failed(path, error));
    }
    if is_appended(path) {
        append(path, contents).map_err(|error| failed(path, with_remedy(&error)))?;
        return Ok(Written::AsAsked);
    }
    let replaced = atomic_file::write(path, contents, access);
    let replaced = or_in_place(path, replaced, || rewrite(path, contents, access))?;
    Ok(replaced.map_or(Written::AsAsked, Written::InPlace))
}

/// Fails if [`write`] would, as far as that is known before. For results that cannot be fetched again.
pub(crate) fn check(path: &Path, access: Access) -> Result<(), Failure> {
    if is_standard_output(path) {
        return Ok(());
    }
    if is_appended(path) {
        return check_append(path).map_err(|error| failed(path, with_remedy(&error)));
    }
    let replaced = atomic_file::check(path, access);
    or_in_place(path, replaced, || check_rewrite(path, access)).map(drop)
}

/// Does `rewrite` if a file cannot be replaced. Returns the reason then.
fn or_in_place(
    path: &Path,
    replaced: io::Result<()>,
    rewrite: impl FnOnce() -> io::Result<()>,
) -> Result<Option<io::Error>, Failure> {
    let why = match replaced {
        Ok(()) => return Ok(None),
        Err(why) if path.is_file() && is_about_replacing(&why) => why,
        Err(error) => return Err(failed(path, with_remedy(&error))),
    };
    match rewrite() {
        Ok(()) => Ok(Some(why)),
        Err(error) => Err(failed(
            path,
            format_args!(
                "it cannot be replaced ({why}), nor rewritten in place ({error}); write another file, or - for standard output"
            ),
        )),
    }
}

fn failed(path: &Path, why: impl std::fmt::Display) -> Failure {
    Failure::other(format_args!("cannot write {}: {why}", path.display()))
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

/// Returns true for a device, a pipe, or an open file of this process.
fn is_appended(path: &Path) -> bool {
    let metadata = path.metadata();
    metadata.is_ok_and(|it| !it.is_dir() && (!it.is_file() || is_descriptor(path)))
}

/// Writes to a device, or to the end of a file that this process has open.
fn append(path: &Path, contents: &[u8]) -> io::Result<()> {
    // Another user's process may have opened it for this one, which then cannot open it again.
    if is_open_as(path, &io::stderr()) {
        return io::stderr().write_all(contents);
    }
    // To open a pipe waits for its reader, and the path may lead to another file afterwards.
    check_append(path)?;
    let mut file = File::options().append(true).open(path)?;
    if !is_own_descriptor(path) {
        refuse_foreign(&file.metadata()?)?;
    }
    file.write_all(contents)
}

/// Opens nothing: a pipe would wait for its reader.
fn check_append(path: &Path) -> io::Result<()> {
    match is_own_descriptor(path) || is_open_as(path, &io::stderr()) {
        true => Ok(()),
        false => refuse_foreign(&path.metadata()?),
    }
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
    fn a_check_fails_as_the_write_would_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let [file, missing] = ["file", "missing/file"].map(|it| folder.path().join(it));
        check(&file, PRIVATE).unwrap();
        fs::write(&file, "old").unwrap();
        check(&file, PRIVATE).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        for path in ["-", "/dev/null", "/dev/full"] {
            check(Path::new(path), PRIVATE).unwrap();
        }
        for path in [folder.path(), &missing, Path::new("/proc/x")] {
            let checked = check(path, PRIVATE).unwrap_err();
            let written = write(path, b"x", PRIVATE).unwrap_err();
            assert_eq!(checked.message(), written.message());
        }
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
