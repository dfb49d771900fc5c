//! Secrets of the configuration: from a variable, a file or a command.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use helvetisafe::KeySource;
use secrecy::{ExposeSecret, SecretString};
use zeroize::{Zeroize, Zeroizing};

use super::permissions::open_private;
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
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Failure::usage(format_args!("what {} gives is not UTF-8", found.place)))?;
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

/// A key file, which is read when the client connects.
pub(super) fn pem_file(path: &Path, insecure_permissions: bool) -> Result<KeySource, Failure> {
    open_private("the private key", path, insecure_permissions)?;
    Ok(KeySource::pem_file(path))
}

pub(super) fn pem(pem: &SecretString) -> KeySource {
    KeySource::pem(pem.expose_secret())
}

fn read_file(
    found: &Found,
    path: &Path,
    insecure_permissions: bool,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let what = format!("the {} file", found.setting);
    let file = open_private(&what, path, insecure_permissions)?;
    // One allocation, so that no copy is left behind unwiped.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LIMIT));
    file.take(LIMIT as u64)
        .read_to_end(&mut bytes)
        .map_err(|error| {
            Failure::usage(format_args!(
                "cannot read {what} {}: {error}",
                path.display()
            ))
        })?;
    Ok(bytes)
}

/// Runs a program without a shell; it can ask on the terminal, but gets no standard input, which is
/// the value of a `set`.
fn run(found: &Found, argv: &[String]) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let failed = |why: &dyn std::fmt::Display| {
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
