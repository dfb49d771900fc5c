//! Files for results, and the options that all commands with such files share.

use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PathBufValueParser, TypedValueParser};

use super::messages::Messages;
use crate::failure::Failure;
use crate::fs::Access;
use crate::fs::destination::{self, Written};

/// The mode and the group of the files. A command with these options has a group `destination` of options
/// that name files.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct AccessArgs {
    /// The mode of what is written, such as 640, whatever the umask. A new folder also gets the right to
    /// search it where the mode has the right to read [default: 600].
    #[arg(long, value_name = "MODE", value_parser = mode, requires = "destination")]
    mode: Option<u32>,
    /// The group of what is written, by its name or number; one of the groups of this user.
    #[arg(long, value_name = "GROUP", value_parser = group, requires = "destination")]
    group: Option<u32>,
}

impl AccessArgs {
    /// Returns true if one of the options is given.
    pub(crate) fn is_set(self) -> bool {
        self.access() != Access::default()
    }

    pub(crate) fn access(self) -> Access {
        Access {
            mode: self.mode,
            group: self.group,
        }
    }
}

/// Parses a mode in octal digits: rights to read, write and execute.
fn mode(text: &str) -> Result<u32, String> {
    let is_octal =
        (3..=4).contains(&text.len()) && text.bytes().all(|b| (b'0'..=b'7').contains(&b));
    let mode = u32::from_str_radix(text, 8).ok().filter(|_| is_octal);
    mode.filter(|mode| *mode <= 0o777)
        .ok_or_else(|| "write it in octal digits, like 640 or 0640, up to 777".to_owned())
}

/// Returns the number of a group. A number needs no group in the system's list, as in containers.
fn group(text: &str) -> Result<u32, String> {
    // The last number stands for "unchanged" in system calls.
    let number = text.parse().ok().filter(|number| *number != u32::MAX);
    number.map_or_else(|| named_group(text), Ok)
}

/// The C library of a static program loads its lists of groups at run time, and crashes if it has none.
#[cfg(all(unix, target_feature = "crt-static"))]
fn named_group(_: &str) -> Result<u32, String> {
    Err("this program is linked statically and cannot look up groups; give the number".to_owned())
}

#[cfg(all(unix, not(target_feature = "crt-static")))]
fn named_group(name: &str) -> Result<u32, String> {
    match nix::unistd::Group::from_name(name) {
        Ok(Some(group)) => Ok(group.gid.as_raw()),
        Ok(None) => Err("this system has no such group; give its name or its number".to_owned()),
        Err(error) => Err(format!(
            "cannot look up the group: {error}; give its number"
        )),
    }
}

#[cfg(not(unix))]
fn named_group(_: &str) -> Result<u32, String> {
    Err("give its number".to_owned())
}

/// Parses the path of a folder for files.
pub(crate) fn folder() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| match path.as_os_str() == "-" {
        true => Err(
            "- is standard output, which cannot have several files; name a folder, or write ./-",
        ),
        false => Ok(path),
    })
}

/// Returns the file to write; `None` if the path is not given or stands for standard output.
pub(crate) fn named(path: &Option<PathBuf>) -> Option<&Path> {
    let path = path.as_deref();
    path.filter(|path| !destination::is_standard_output(path))
}

/// Fails if the file to write cannot be written, before something is made that only the file would have.
pub(crate) fn check(path: &Option<PathBuf>, access: AccessArgs) -> Result<(), Failure> {
    named(path).map_or(Ok(()), |file| destination::check(file, access.access()))
}

/// Writes a file, and warns if it was rewritten in place.
pub(crate) fn write(
    path: &Path,
    contents: &[u8],
    access: Access,
    messages: Messages,
) -> Result<(), Failure> {
    if let Written::InPlace(why) = destination::write(path, contents, access)? {
        messages.warning(format_args!(
            "{} cannot be replaced as a whole ({why}), so it was rewritten in place: a program that read it \
             meanwhile may have seen a part",
            path.display()
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_three_or_four_octal_digits() {
        for (text, wanted) in [
            ("600", 0o600),
            ("0640", 0o640),
            ("444", 0o444),
            ("777", 0o777),
        ] {
            assert_eq!(mode(text), Ok(wanted), "{text}");
        }
        for text in [
            "", "0", "64", "648", "1777", "4755", "00640", "0o640", "+640", " 640", "640 ", "640x",
            "u=rw", "-64",
        ] {
            assert!(mode(text).is_err(), "{text}");
        }
    }
}
