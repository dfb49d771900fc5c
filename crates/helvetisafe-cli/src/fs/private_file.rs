//! Files that other users must not read, such as those with credentials.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::failure::Failure;

/// Opens a file, and refuses one that other users can read or write. `what` names it in messages.
pub(crate) fn open(what: &str, path: &Path, insecure_permissions: bool) -> Result<File, Failure> {
    let unreadable = |error: io::Error| {
        Failure::usage(format_args!(
            "cannot read {what} {}: {error}; check the path and its permissions",
            path.display()
        ))
    };
    let file = File::open(path).map_err(unreadable)?;
    if !insecure_permissions && is_exposed(&file).map_err(unreadable)? {
        return Err(Failure::usage(exposed(what, path)));
    }
    Ok(file)
}

/// The message about a file that other users can read or write.
pub(super) fn exposed(what: &str, path: &Path) -> String {
    format!(
        "other users can read or write {what} {}; run `chmod 600 {}`, or give \
         --insecure-permissions",
        path.display(),
        shell_quoted(path)
    )
}

#[cfg(unix)]
fn is_exposed(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let metadata = file.metadata()?;
    // The pipe of a `<(command)` belongs to this process alone.
    Ok(metadata.is_file() && metadata.mode() & 0o077 != 0)
}

/// Only Unix has modes.
#[cfg(not(unix))]
fn is_exposed(_: &File) -> io::Result<bool> {
    Ok(false)
}

/// Writes a path as one word of a shell command.
pub(super) fn shell_quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@".contains(c);
    if !path.starts_with('-') && path.chars().all(is_plain) {
        return path;
    }
    format!("'{}'", path.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_can_be_pasted_into_a_shell() {
        assert_eq!(shell_quoted(Path::new("/a/b.pem")), "/a/b.pem");
        assert_eq!(shell_quoted(Path::new("/it's $x")), r"'/it'\''s $x'");
    }
}
