//! The search and the start of programs, for every command that runs one.

#[cfg(unix)]
mod child;
#[cfg(unix)]
mod group;
#[cfg(unix)]
mod terminal;

use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::process::{Command, ExitStatus};

use crate::failure::Failure;
#[cfg(unix)]
pub(super) use child::signals;
#[cfg(unix)]
pub(super) use group::{Group, TICK, suspend};

/// The status if this command failed before the start of a program, as of `env` and `docker run`.
pub(crate) const FAILED: u8 = 125;

const CANNOT_RUN: u8 = 126;
const NOT_FOUND: u8 = 127;

/// A program that was searched but not started.
pub(super) struct Program {
    command: Command,
    is_found: bool,
    name: String,
}

impl Program {
    pub(super) fn new(argv: &[OsString]) -> Result<Self, Failure> {
        let (program, arguments) = argv
            .split_first()
            .ok_or_else(|| Failure::usage("there is no program to run"))?;
        let path = find(program);
        let mut command = Command::new(path.as_ref().map_or(program.as_os_str(), AsRef::as_ref));
        #[cfg(unix)]
        std::os::unix::process::CommandExt::arg0(&mut command, program);
        command.args(arguments);
        Ok(Self {
            command,
            is_found: path.is_some(),
            name: format!("`{}`", program.display()),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn command(&mut self) -> &mut Command {
        &mut self.command
    }

    /// Fails if the program was not found.
    pub(super) fn check_found(&self) -> Result<(), Failure> {
        match self.is_found {
            true => Ok(()),
            false => Err(self.not_found()),
        }
    }

    /// Replaces this process by the program. With `no_exec`, and on other systems than Unix, starts the
    /// program and waits.
    pub(super) fn start(mut self, no_exec: bool) -> Result<(), Failure> {
        if !self.is_found {
            return Err(self.not_found());
        }
        let status = launch(&mut self.command, no_exec);
        end(status.map_err(|error| self.failure(&error))?)
    }

    /// Starts the program; it can be started again.
    #[cfg(unix)]
    pub(super) fn spawn(&mut self) -> Result<Group, Failure> {
        if !self.is_found {
            return Err(self.not_found());
        }
        let started = Group::start(&mut self.command);
        started.map_err(|error| self.failure(&error))
    }

    fn not_found(&self) -> Failure {
        let message = format_args!("cannot find {}; is it installed, and in PATH?", self.name);
        Failure::other(message).with_status(NOT_FOUND)
    }

    fn failure(&self, error: &io::Error) -> Failure {
        match error.kind() {
            ErrorKind::ArgumentListTooLong => self.too_large(),
            ErrorKind::NotFound if cfg!(not(unix)) => self.not_found(),
            ErrorKind::NotFound => Failure::other(format_args!(
                "cannot run {}, although it exists; is its interpreter installed?",
                self.name
            ))
            .with_status(CANNOT_RUN),
            _ if is_no_format(error) => Failure::other(format_args!(
                "cannot run {}: {error}; it is not a program for this system; a script needs a first line \
                 such as #!/bin/sh",
                self.name
            ))
            .with_status(CANNOT_RUN),
            _ => Failure::other(format_args!("cannot run {}: {error}", self.name))
                .with_status(CANNOT_RUN),
        }
    }

    /// Names the largest secret, which is the likely cause.
    fn too_large(&self) -> Failure {
        let sizes = self.command.get_envs();
        let sizes = sizes.map(|(name, value)| (value.map_or(0, OsStr::len), name));
        let largest = sizes.max().map_or_else(String::new, |(size, name)| {
            format!(
                "; the largest secret is `{}` with {size} bytes",
                name.display()
            )
        });
        Failure::other(format_args!(
            "{} cannot be run: its arguments and its environment are larger than this system \
             allows{largest}; select fewer secrets, or pass large ones in files",
            self.name
        ))
        .with_status(FAILED)
    }
}

#[cfg(unix)]
fn launch(command: &mut Command, no_exec: bool) -> io::Result<ExitStatus> {
    use std::os::unix::process::CommandExt;
    if no_exec {
        return child::run(command);
    }
    // It returns only if it fails.
    Err(command.exec())
}

/// Lets signals act on this process by default again, after a program that was started with `no_exec` has
/// ended. Until then they are ignored, so that they interrupt no cleanup.
#[cfg(unix)]
pub(super) fn restore_signals() -> Result<(), Failure> {
    child::restore_signals().map_err(Failure::other)
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "as on Unix")]
pub(super) fn restore_signals() -> Result<(), Failure> {
    Ok(())
}

#[cfg(not(unix))]
fn launch(command: &mut Command, _no_exec: bool) -> io::Result<ExitStatus> {
    command.status()
}

/// Describes the end of a program.
#[cfg(unix)]
pub(super) fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with status {code}"),
        (_, Some(signal)) => format!("was ended by signal {signal}"),
        _ => "ended".to_owned(),
    }
}

/// Converts the status of the program; 128+n if signal n ended it.
pub(super) fn end(status: ExitStatus) -> Result<(), Failure> {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    let signal: Option<i32> = None;
    let code = status.code().or(signal.map(|signal| 128 + signal));
    match code.map(u8::try_from) {
        Some(Ok(0)) => Ok(()),
        Some(Ok(code)) => Err(Failure::silent(code)),
        // Windows has statuses of 32 bits.
        _ => Err(Failure::silent(u8::MAX)),
    }
}

/// Returns true if a file is neither a program of this system nor a script with an interpreter.
#[cfg(unix)]
fn is_no_format(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error())
}

#[cfg(not(unix))]
fn is_no_format(_: &io::Error) -> bool {
    false
}

/// Returns the path of a program: itself if it is a path, else the first executable file in PATH, else the
/// first file. It is the PATH of this process, since with `--clean` the program gets none.
#[cfg(unix)]
fn find(program: &OsStr) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::PermissionsExt;
    if program.as_bytes().contains(&b'/') {
        return Some(PathBuf::from(program)).filter(|path| path.exists());
    }
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    let folders = std::env::split_paths(&path).map(|folder| match folder.as_os_str().is_empty() {
        // As in shells, an empty entry is the current folder.
        true => PathBuf::from("."),
        false => folder,
    });
    let mut files: Vec<_> = folders
        .map(|folder| folder.join(program))
        .filter_map(|path| {
            let metadata = path.metadata().ok().filter(|metadata| metadata.is_file())?;
            Some((metadata.permissions().mode() & 0o111 == 0, path))
        })
        .collect();
    // The sort is stable: executables come first, in the order of PATH.
    files.sort_by_key(|(is_plain, _)| *is_plain);
    files.into_iter().next().map(|(_, path)| path)
}

#[cfg(not(unix))]
fn find(program: &OsStr) -> Option<PathBuf> {
    Some(program.into())
}
