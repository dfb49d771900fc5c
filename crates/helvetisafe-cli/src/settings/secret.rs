//! Secrets among the settings, read from a variable, a file or a command when they are needed.

use std::cell::OnceCell;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::{Command, Stdio};

use secrecy::SecretString;
use zeroize::{Zeroize, Zeroizing};

use super::entry::{Entry, Origin, RawValue};
use super::spec::Setting;
use crate::failure::Failure;
use crate::fs::{private_file, wiped, with_remedy};
use crate::once::get_or_make;
use crate::ui::input_file;

/// The limit in bytes: more than any credential has.
const LIMIT: usize = 1 << 20;
/// The start of every PEM.
const PEM: &[u8] = b"-----BEGIN";

/// A secret that is read once: a command may ask for a password, and a pipe can be read only once.
#[derive(Clone, Debug)]
pub(super) struct LazySecret {
    entry: Entry,
    insecure_permissions: bool,
    value: OnceCell<SecretString>,
}

impl LazySecret {
    pub(super) fn new(entry: &Entry, insecure_permissions: bool) -> Self {
        Self {
            entry: entry.clone(),
            insecure_permissions,
            value: OnceCell::new(),
        }
    }

    /// Returns the source of the secret, for messages.
    pub(super) fn origin(&self) -> &Origin {
        &self.entry.origin
    }

    /// Returns the file, the command or the variable's value that has the secret.
    pub(super) fn source(&self) -> &RawValue {
        &self.entry.value
    }

    /// Returns the secret, without one newline at its end, which editors and commands add.
    pub(super) fn read(&self) -> Result<&SecretString, Failure> {
        get_or_make(&self.value, || self.load())
    }

    fn load(&self) -> Result<SecretString, Failure> {
        let bytes = match &self.entry.value {
            RawValue::Secret(secret) => return Ok(secret.clone()),
            RawValue::Path(path) => self.read_file(path)?,
            RawValue::Command(argv) => self.run(argv)?,
            RawValue::Text(text) => Zeroizing::new(text.clone().into_bytes()),
        };
        let text = std::str::from_utf8(&bytes).map_err(|_| self.not_text())?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.is_empty() {
            return Err(Failure::usage(format_args!(
                "the {} from {} is empty; give its value, or another source",
                self.entry.setting, self.entry.origin
            )));
        }
        Ok(text.into())
    }

    fn not_text(&self) -> Failure {
        let reason = match self.entry.setting {
            Setting::PrivateKey | Setting::SigningKey => ", so it is not a PEM",
            _ => "",
        };
        let origin = &self.entry.origin;
        Failure::usage(format_args!(
            "the value of {origin} is not UTF-8{reason}; give a text"
        ))
    }

    /// Reads the file whose permissions were checked: the path may lead elsewhere a moment later.
    fn read_file(&self, path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let what = match self.entry.setting {
            Setting::PrivateKey => "the private key".to_owned(),
            Setting::SigningKey => "the signing key".to_owned(),
            setting => format!("the {setting} file"),
        };
        let unreadable = |why: &dyn Display| {
            let name = input_file::name(path);
            Failure::usage(format_args!("cannot read {what} {name}: {why}"))
        };
        let bytes = if input_file::is_stdin(path) {
            let stdin = io::stdin();
            if stdin.is_terminal() {
                return Err(unreadable(
                    &"it is a terminal, which would show it; pipe it in",
                ));
            }
            wiped::read(stdin.lock(), LIMIT)
        } else {
            let file = private_file::open(&what, path, self.insecure_permissions)
                .map_err(|failure| self.wrong_file(&what, path).unwrap_or(failure))?;
            wiped::read(file, LIMIT)
        };
        let bytes = bytes.map_err(|error| unreadable(&with_remedy(&error)))?;
        bytes.ok_or_else(|| {
            unreadable(&format_args!(
                "it has more than {} MiB; give the right file",
                LIMIT >> 20
            ))
        })
    }

    /// Returns the failure for a file that cannot have this secret, such as `/etc/passwd`: its permissions are right,
    /// and must not be changed. `None` if it may have it.
    fn wrong_file(&self, what: &str, path: &Path) -> Option<Failure> {
        // A pipe can be read only once.
        let file = File::open(path).ok()?;
        let is_file = file.metadata().is_ok_and(|it| it.is_file());
        let text = wiped::read(is_file.then_some(file)?, LIMIT).ok()??;
        let has_lines = || text.trim_ascii().contains(&b'\n');
        let why = match self.entry.setting {
            Setting::PrivateKey | Setting::SigningKey
                if !text.windows(PEM.len()).any(|it| it == PEM) =>
            {
                "it has no line such as -----BEGIN PRIVATE KEY-----"
            }
            Setting::ClientSecret | Setting::ApiToken if has_lines() => "it has several lines",
            _ => return None,
        };
        Some(Failure::usage(format_args!(
            "{} cannot be {what}: {why}; give the right file",
            path.display()
        )))
    }

    /// Runs a program without a shell. It can ask on the terminal, but gets no standard input, which may
    /// be the value of a `set`.
    fn run(&self, argv: &[String]) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let failed = |why: &dyn Display| {
            Failure::usage(format_args!(
                "{}: {why}; run it by hand to see why",
                self.entry.origin
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
}
