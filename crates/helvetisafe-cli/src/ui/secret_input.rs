//! The value of a secret: piped, from a file, generated, or typed at a hidden prompt; never an argument.

mod generate;
#[cfg(unix)]
pub(super) mod hidden_prompt;
#[cfg(unix)]
mod line;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use secrecy::{ExposeSecret, SecretString};

use super::input_file;
use crate::failure::Failure;
use crate::fs::{private_file, wiped, with_remedy};

/// The limit in bytes: more than the vault accepts.
const LIMIT: usize = 4 << 20;

/// The lengths of generated values: shorter ones can be guessed.
const LENGTHS: RangeInclusive<usize> = 8..=4096;

/// The source of the value. Without an option it is standard input if that is piped, else a hidden prompt.
#[derive(Args)]
#[command(next_help_heading = "Value")]
pub(crate) struct ValueArgs {
    /// Take the value from a file, byte for byte; - stands for standard input.
    #[arg(
        long,
        visible_alias = "file",
        value_name = "FILE",
        conflicts_with = "generate"
    )]
    value_file: Option<PathBuf>,
    /// Store the base64 of the value: for bytes that are not text, such as a keystore.
    #[arg(long, conflicts_with = "generate")]
    base64: bool,
    /// Drop one newline from the end of a value that is piped or in a file.
    #[arg(long)]
    trim_newline: bool,
    /// Allow an empty value, or a newline alone; without this it is treated as a failed pipe.
    #[arg(long)]
    allow_empty: bool,
    /// Generate a random value of LEN letters and digits, from 8 to 4096 [default: 32].
    #[arg(long, value_name = "LEN", num_args = 0..=1, default_missing_value = "32")]
    generate: Option<String>,
    /// Print the generated value.
    #[arg(long, requires = "generate")]
    show: bool,
    /// Catches a value among the arguments, to refuse it without printing it.
    #[arg(hide = true, value_name = "VALUE")]
    on_the_command_line: Vec<OsString>,
}

impl ValueArgs {
    /// Fails if a value is among the arguments, or if the length to generate is out of range. Call it first.
    pub(crate) fn refuse_argument(&self) -> Result<(), Failure> {
        if self.on_the_command_line.is_empty() {
            return self.generated_length().map(drop);
        }
        Err(Failure::usage(
            "a value cannot be given as an argument: every user of this machine could see it, and \
             the shell would store it in its history; pipe it in, use --value-file, or leave it \
             out to be asked on a terminal; if the value is in use, replace it",
        ))
    }

    /// Reads or generates the value. `name` names it in the prompt.
    pub(crate) fn read(&self, name: &str) -> Result<SecretString, Failure> {
        if let Some(length) = self.generated_length()? {
            return generate::value(length);
        }
        let value = match &self.value_file {
            Some(path) if path.as_os_str() != input_file::STDIN => {
                let what = path.display().to_string();
                let file = File::open(path).map_err(|error| unreadable(&what, &error))?;
                self.text(file, &what)?
            }
            // `-` stands for it.
            Some(_) => self.text(io::stdin().lock(), "standard input")?,
            None if self.is_asked() => self.encoded(prompt(name, self.allow_empty)?),
            None => self.text(io::stdin().lock(), "standard input")?,
        };
        match value.expose_secret().is_empty() && !self.allow_empty {
            true => Err(empty()),
            false => Ok(value),
        }
    }

    /// Returns the length of the value to generate. The message does not show the text, which may be a value.
    fn generated_length(&self) -> Result<Option<usize>, Failure> {
        let length = self.generate.as_ref().map(|text| {
            let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
            let length = text.parse().ok().filter(|_| is_number);
            length.filter(|length| LENGTHS.contains(length))
        });
        match length {
            Some(None) => Err(Failure::usage(format_args!(
                "the length of --generate is not a number from {} to {}; leave it out for 32 letters and \
                 digits",
                LENGTHS.start(),
                LENGTHS.end()
            ))),
            Some(length) => Ok(length),
            None => Ok(None),
        }
    }

    /// Returns true if the value is typed at a prompt.
    pub(crate) fn is_asked(&self) -> bool {
        self.value_file.is_none() && self.generate.is_none() && io::stdin().is_terminal()
    }

    /// Returns true if the value is printed.
    pub(crate) fn is_shown(&self) -> bool {
        self.show
    }

    fn text(&self, source: impl Read, what: &str) -> Result<SecretString, Failure> {
        let bytes = wiped::read(source, LIMIT).map_err(|error| unreadable(what, &error))?;
        let bytes = bytes.ok_or_else(|| {
            Failure::usage(format_args!(
                "{what} has more than {} MiB; a secret has at most about 1.5 MB",
                LIMIT >> 20
            ))
        })?;
        if matches!(bytes.as_slice(), b"\n" | b"\r\n") && !self.allow_empty {
            return Err(Failure::usage(
                "the value is a newline alone, as of `echo` with a variable that is not set; if that is \
                 intended, give --allow-empty",
            ));
        }
        let bytes = bytes
            .strip_suffix(b"\n")
            .filter(|_| self.trim_newline)
            .unwrap_or(&bytes);
        if self.base64 {
            return Ok(STANDARD.encode(bytes).into());
        }
        let text = input_file::text(bytes).map_err(|is| {
            Failure::usage(format_args!(
                "{what} {is}, and a secret is text; store bytes with --base64"
            ))
        })?;
        Ok(text.into())
    }

    /// Returns the typed value, or its base64.
    fn encoded(&self, value: SecretString) -> SecretString {
        if !self.base64 {
            return value;
        }
        STANDARD.encode(value.expose_secret()).into()
    }
}

fn empty() -> Failure {
    Failure::usage(
        "the value is empty, as after a failed command; if that is intended, give --allow-empty",
    )
}

fn unreadable(what: &str, error: &io::Error) -> Failure {
    Failure::usage(format_args!("cannot read {what}: {}", with_remedy(error)))
}

/// Asks twice at a hidden prompt. An empty value is refused before it is asked again.
fn prompt(name: &str, allow_empty: bool) -> Result<SecretString, Failure> {
    let failed = |error: io::Error| unreadable("the terminal", &error);
    let mut ask = asker().map_err(failed)?;
    let value = ask(&format!("Value of {name}: ")).map_err(failed)?;
    if value.expose_secret().is_empty() && !allow_empty {
        return Err(empty());
    }
    let again = ask(&format!("Value of {name}, again: ")).map_err(failed)?;
    if value.expose_secret() != again.expose_secret() {
        return Err(Failure::usage(
            "the two values differ; nothing was changed; try again",
        ));
    }
    Ok(value)
}

/// Asks once at a hidden prompt. The answer may be empty.
pub(crate) fn ask_hidden(what: &str) -> Result<SecretString, Failure> {
    let answer = asker().and_then(|mut ask| ask(&format!("{what}: ")));
    answer.map_err(|error| unreadable("the terminal", &error))
}

/// Reads a credential that is used once: from a file, `-` for standard input; without one from standard input if that is
/// piped, else at a hidden prompt. White space around it is dropped. `what` names it.
pub(crate) fn read_once(
    what: &str,
    file: Option<&Path>,
    insecure_permissions: bool,
) -> Result<SecretString, Failure> {
    let is_stdin = file.is_some_and(|path| path.as_os_str() == input_file::STDIN);
    let bytes = match file.filter(|_| !is_stdin) {
        Some(path) => {
            let file =
                private_file::open(&format!("the file with {what}"), path, insecure_permissions)?;
            wiped::read(file, CREDENTIAL_LIMIT)
        }
        None if !is_stdin && io::stdin().is_terminal() => {
            return trimmed(what, ask_hidden(what)?.expose_secret());
        }
        None => wiped::read(io::stdin().lock(), CREDENTIAL_LIMIT),
    };
    let source = file.map_or_else(|| "standard input".to_owned(), input_file::name);
    let bytes = bytes.map_err(|error| unreadable(&source, &error))?;
    let is = |is: String| {
        Failure::usage(format_args!(
            "{source} {is}, and cannot have {what}; give the right file"
        ))
    };
    let bytes = bytes.ok_or_else(|| is(format!("has more than {} KiB", CREDENTIAL_LIMIT >> 10)))?;
    trimmed(what, input_file::text(&bytes).map_err(is)?)
}

/// The limit in bytes of a code or a token.
const CREDENTIAL_LIMIT: usize = 64 << 10;

fn trimmed(what: &str, text: &str) -> Result<SecretString, Failure> {
    match text.trim() {
        "" => Err(Failure::usage(format_args!(
            "{what} is empty; pipe it in, give it in a file, or type it on a terminal"
        ))),
        text => Ok(text.into()),
    }
}

/// Returns a function that asks a question at a hidden prompt.
#[cfg(unix)]
fn asker() -> io::Result<impl FnMut(&str) -> io::Result<SecretString>> {
    let mut prompt = hidden_prompt::HiddenPrompt::open()?;
    Ok(move |question: &str| prompt.ask(question))
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "as on Unix")]
fn asker() -> io::Result<impl FnMut(&str) -> io::Result<SecretString>> {
    Ok(|question: &str| rpassword::prompt_password(question).map(SecretString::from))
}
