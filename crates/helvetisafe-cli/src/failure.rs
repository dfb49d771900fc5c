//! What went wrong, as the user sees it: a message and an exit status.

use std::fmt;
use std::process::ExitCode;

use helvetisafe::{Error, ErrorKind, KeyName};

use crate::messages::Messages;

/// The exit status; `docs/cli.md` and `--help` list them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Status {
    Other = 1,
    Usage = 2,
    Auth = 3,
    Forbidden = 4,
    NotFound = 5,
    Conflict = 6,
    RateLimited = 7,
    Crypto = 8,
    NoAnswer = 9,
}

/// Why the command ends with a status other than 0. The message says what happened, then, after a
/// semicolon, what to do; it never holds a secret.
#[derive(Debug)]
pub(crate) struct Failure {
    status: u8,
    message: Option<String>,
    may_pass: bool,
}

impl Failure {
    pub(crate) fn new(status: Status, message: impl fmt::Display) -> Self {
        Self {
            status: status as u8,
            message: Some(message.to_string()),
            may_pass: false,
        }
    }

    /// Wrong usage or configuration.
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::new(Status::Usage, message)
    }

    /// What has no status of its own.
    pub(crate) fn other(message: impl fmt::Display) -> Self {
        Self::new(Status::Other, message)
    }

    /// There is no such secret.
    pub(crate) fn not_found(key: &KeyName) -> Self {
        Self::new(
            Status::NotFound,
            format_args!("there is no secret `{key}`, or it has expired"),
        )
    }

    /// There is such a secret already.
    pub(crate) fn exists(key: &KeyName) -> Self {
        Self::new(
            Status::Conflict,
            format_args!("the secret `{key}` exists already; use `update` or `set` to change it"),
        )
    }

    /// A status alone: all was said before, or the status is a child's.
    pub(crate) fn silent(status: u8) -> Self {
        Self {
            status,
            message: None,
            may_pass: false,
        }
    }

    pub(crate) fn status(&self) -> u8 {
        self.status
    }

    /// Whether the vault did not answer, or could not for a reason that passes.
    pub(crate) fn may_pass(&self) -> bool {
        self.may_pass
    }

    pub(crate) fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// The same failure with more to do about it.
    pub(crate) fn with_advice(mut self, advice: &str) -> Self {
        if let Some(message) = &mut self.message {
            message.push_str("; ");
            message.push_str(advice);
        }
        self
    }

    /// The same failure with the one status that a command has for all of its own.
    pub(crate) fn with_status(mut self, status: u8) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.status)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let status = status(&error);
        let may_pass = error.is_retryable();
        let failure = match (error.kind(), error.key()) {
            // The facade's advice names its own methods. It also has a conflict without an answer.
            (ErrorKind::Conflict, Some(key)) if error.status().is_some() => Self::exists(key),
            (ErrorKind::NotFound, Some(key)) => Self::not_found(key),
            _ => Self::new(status, error),
        };
        Self {
            may_pass,
            ..failure
        }
    }
}

fn status(error: &Error) -> Status {
    match error.kind() {
        ErrorKind::Auth => Status::Auth,
        ErrorKind::Forbidden => Status::Forbidden,
        ErrorKind::NotFound => Status::NotFound,
        ErrorKind::Conflict => Status::Conflict,
        ErrorKind::RateLimited => Status::RateLimited,
        ErrorKind::Crypto => Status::Crypto,
        ErrorKind::Config => Status::Usage,
        ErrorKind::Transport | ErrorKind::Ambiguous => Status::NoAnswer,
        _ => match error.status().map(|status| status.as_u16()) {
            Some(502..=504) => Status::NoAnswer,
            _ => Status::Other,
        },
    }
}

/// The failures of a command that goes on with its other keys: each is told at once, and the first
/// one's status is the command's. Together they may pass when each may.
#[derive(Debug, Default)]
pub(crate) struct Failures(Option<Failure>);

impl Failures {
    pub(crate) fn add(&mut self, failure: &Failure, messages: &Messages) {
        messages.failure(failure);
        let first = self.0.get_or_insert(Failure {
            may_pass: true,
            ..Failure::silent(failure.status)
        });
        first.may_pass &= failure.may_pass;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn into_result(self) -> Result<(), Failure> {
        self.0.map_or(Ok(()), Err)
    }
}
