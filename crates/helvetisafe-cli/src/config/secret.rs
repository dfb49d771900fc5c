//! Secrets of the configuration: from a variable, a file or a command.

use std::fmt::Display;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use secrecy::SecretString;
use zeroize::{Zeroize, Zeroizing};

use super::permissions::open_private;
use super::table::Setting;
use super::{Found, Given};
use crate::failure::Failure;

/// More than any credential has, in bytes.
const LIMIT: usize = 1 << 20;

/// Reads a secret. One newline at its end, which editors and commands add, is no part of it.
pub(super) fn read(found: &Found, insecure_permissions: bool) -> Result<SecretString, Failure> {
    let bytes = match &found.given {
        Given::Secret(secret) => return Ok(secret.clone()),
        Given::Path(path) => read_file(found, path, insecure_permissions)?,
        Given::Command(argv) => run(found, argv)?,
        Given::Text(text) => Zeroizing::new(text.clone().into_bytes()),
    };
    let text = std::str::from_utf8(&bytes).map_err(|_| not_text(found))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(Failure::usage(format_args!(
            "what {} gives is empty; expected {}",
            found.place, found.setting
        )));
    }
    Ok(text.into())
}

fn not_text(found: &Found) -> Failure {
    let so = match found.setting {
        Setting::PrivateKey => ", so it is no PEM",
        _ => "",
    };
    Failure::usage(format_args!("what {} gives is not UTF-8{so}", found.place))
}

/// Reads what was opened and checked: the path may name another file a moment later, and a pipe can
/// be read once.
fn read_file(
    found: &Found,
    path: &Path,
    insecure_permissions: bool,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let what = match found.setting {
        Setting::PrivateKey => "the private key".to_owned(),
        setting => format!("the {setting} file"),
    };
    let unreadable = |why: &dyn Display| {
        Failure::usage(format_args!("cannot read {what} {}: {why}", path.display()))
    };
    let file = open_private(&what, path, insecure_permissions)?;
    // One allocation, so that no copy is left behind unwiped.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LIMIT + 1));
    file.take(LIMIT as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(&error))?;
    if bytes.len() > LIMIT {
        return Err(unreadable(&format_args!(
            "it has more than {} MiB",
            LIMIT >> 20
        )));
    }
    Ok(bytes)
}

/// Runs a program without a shell; it can ask on the terminal, but gets no standard input, which is
/// the value of a `set`.
fn run(found: &Found, argv: &[String]) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let failed = |why: &dyn Display| {
        Failure::usage(format_args!(
            "{}: {why}; run it by hand to see why",
            found.place
        ))
    };
    let (program, arguments) = argv
        .split_first()
        .ok_or_else(|| failed(&"the command is empty"))?;
    let mut output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| failed(&format_args!("cannot run `{program}`: {error}")))?;
    if !output.status.success() {
        output.stdout.zeroize();
        return Err(failed(&format_args!(
            "`{program}` ended with {}",
            output.status
        )));
    }
    Ok(Zeroizing::new(output.stdout))
}
