//! The failure of a command: a message and an exit status.

pub(crate) mod org_key;
pub(crate) mod other_history;
pub(crate) mod setting;
pub(crate) mod to_client;
pub(crate) mod unbound;

use std::fmt;
use std::process::ExitCode;

use helvetisafe::{
    Error, ErrorKind, Failure as Cause, Fingerprint, KeyName, Scope, Setting, TransportError,
};
use http::StatusCode;

use org_key::OrgKeyDoubt;
use unbound::Unbound;

use crate::advice;

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

/// The reason for an exit status other than 0. The message says what failed, then, after a semicolon, what
/// to do. It never holds a secret.
#[derive(Debug)]
pub(crate) struct Failure {
    status: u8,
    message: Option<String>,
    may_pass: bool,
    is_timeout: bool,
    /// The org key that the user must trust first.
    untrusted: Option<Fingerprint>,
    /// Set if the vault may give a replaced org key, which the signed chain shows.
    doubt: Option<Box<OrgKeyDoubt>>,
    /// Set if the signed chain refuses the org key in use.
    is_key_refused: bool,
    unbound: Option<Box<Unbound>>,
    missing_scope: Option<Scope>,
    /// Set if the vault does not give the account all requested scopes.
    are_scopes_refused: bool,
    /// The error, if the vault refused the credential without a reason.
    refused_credential: Option<Error>,
    /// Set if the answer may be that of a server that expects TLS.
    may_need_tls: bool,
}

impl Failure {
    pub(crate) fn new(status: Status, message: impl fmt::Display) -> Self {
        Self {
            message: Some(message.to_string()),
            ..Self::silent(status as u8)
        }
    }

    /// Wrong usage or settings.
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::new(Status::Usage, message)
    }

    /// A failure without a status of its own.
    pub(crate) fn other(message: impl fmt::Display) -> Self {
        Self::new(Status::Other, message)
    }

    /// The secret does not exist.
    pub(crate) fn not_found(key: &KeyName) -> Self {
        Self::new(
            Status::NotFound,
            format_args!("there is no secret `{key}`, or it has expired"),
        )
    }

    /// The secret exists already.
    pub(crate) fn exists(key: &KeyName) -> Self {
        Self::new(
            Status::Conflict,
            format_args!("the secret `{key}` exists already; use `update` or `set` to change it"),
        )
    }

    /// A status without a message: it was reported before, or the status is that of a child process.
    pub(crate) fn silent(status: u8) -> Self {
        Self {
            status,
            message: None,
            may_pass: false,
            is_timeout: false,
            untrusted: None,
            doubt: None,
            is_key_refused: false,
            unbound: None,
            missing_scope: None,
            are_scopes_refused: false,
            refused_credential: None,
            may_need_tls: false,
        }
    }

    /// A read that was refused, since the vault may have exchanged secrets.
    fn unbound(unbound: Unbound) -> Self {
        let message = unbound::message(std::slice::from_ref(&unbound));
        Self {
            unbound: Some(Box::new(unbound)),
            ..Self::new(Status::Crypto, message)
        }
    }

    pub(crate) fn status(&self) -> u8 {
        self.status
    }

    /// Returns true if there is no such secret or field.
    pub(crate) fn is_not_found(&self) -> bool {
        self.status == Status::NotFound as u8
    }

    /// Returns true if the vault may answer later.
    pub(crate) fn may_pass(&self) -> bool {
        self.may_pass
    }

    /// Returns true if an operation of the client timed out.
    pub(crate) fn is_timeout(&self) -> bool {
        self.is_timeout
    }

    /// Returns the org key that the user does not trust, if that is the reason.
    pub(crate) fn untrusted(&self) -> Option<Fingerprint> {
        self.untrusted
    }

    /// Returns true if the signed chain refuses the org key in use, so that nothing may be written.
    pub(crate) fn is_key_refused(&self) -> bool {
        self.is_key_refused
    }

    /// Returns the names of a read that was refused because the vault may have exchanged secrets.
    pub(crate) fn unbound_names(&self) -> Option<&Unbound> {
        self.unbound.as_deref()
    }

    /// Returns the scope that the credential lacks, by the vault's answer or by the call that was refused.
    pub(crate) fn missing_scope(&self) -> Option<Scope> {
        self.missing_scope
    }

    /// Returns true if the vault does not give the account all requested scopes.
    pub(crate) fn are_scopes_refused(&self) -> bool {
        self.are_scopes_refused
    }

    /// Returns true if the vault refused the credential without a reason.
    pub(crate) fn is_credential_refused(&self) -> bool {
        self.refused_credential.is_some()
    }

    /// Returns true if the answer may be that of a server that expects TLS.
    pub(crate) fn may_need_tls(&self) -> bool {
        self.may_need_tls
    }

    pub(crate) fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// Replaces the advice, if the vault refused the credential without a reason.
    pub(crate) fn with_causes_of_refusal(
        mut self,
        advice: impl FnOnce() -> Option<String>,
    ) -> Self {
        let refused = self.refused_credential.take();
        match refused.and_then(|error| Some((error, advice()?))) {
            Some((error, advice)) => Self {
                message: Some(error.without_advice()),
                ..self
            }
            .with_advice(&advice),
            None => self,
        }
    }

    /// Adds advice to the message.
    pub(crate) fn with_advice(mut self, advice: &str) -> Self {
        if let Some(message) = &mut self.message {
            message.push_str(if message.ends_with('?') { " " } else { "; " });
            message.push_str(advice);
        }
        self
    }

    /// Adds what happened before.
    pub(crate) fn after(mut self, before: &str) -> Self {
        self.message = self.message.map(|it| format!("{before}: {it}"));
        self
    }

    /// Drops this advice.
    pub(crate) fn without_advice(mut self, advice: &str) -> Self {
        self.message = self
            .message
            .map(|it| it.replace(&format!("; {advice}"), ""));
        self
    }

    /// Drops the missing scope, which no setting leaves out.
    pub(crate) fn without_missing_scope(self) -> Self {
        Self {
            missing_scope: None,
            ..self
        }
    }

    /// Marks the failure as one that may pass.
    pub(crate) fn passing(mut self) -> Self {
        self.may_pass = true;
        self
    }

    /// Returns the same status and message.
    pub(crate) fn repeated(&self) -> Self {
        Self {
            message: self.message.clone(),
            ..Self::silent(self.status)
        }
    }

    /// Replaces the status.
    pub(crate) fn with_status(mut self, status: u8) -> Self {
        self.status = status;
        self
    }

    /// Drops the message, which was reported.
    pub(crate) fn into_silent(self) -> Self {
        Self {
            message: None,
            ..self
        }
    }

    /// Merges the failure of another secret. Together they may pass if both may.
    pub(crate) fn merged_with(self, other: &Self) -> Self {
        Self {
            may_pass: self.may_pass && other.may_pass,
            ..self
        }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.status)
    }
}

impl From<Error> for Failure {
    /// Names `doctor` if the vault could not be reached.
    fn from(error: Error) -> Self {
        let is_unreachable =
            error.kind() == ErrorKind::Transport && error.transport_error().is_some();
        let failure = Self::without_doctor(error);
        if is_unreachable {
            return failure.with_advice(&format!(
                "{} looks for the cause",
                advice::command("doctor")
            ));
        }
        failure
    }
}

impl Failure {
    /// Makes a failure for `doctor` itself, without the advice to run it.
    pub(crate) fn without_doctor(error: Error) -> Self {
        if let Some(unbound) = Unbound::of(&error) {
            return Self::unbound(unbound);
        }
        if let Some(history) = error.other_history() {
            return Self::other_history(history.seen, history.served);
        }
        let status = status(&error);
        let (may_pass, is_timeout) = (error.is_retryable(), error.is_timeout());
        let untrusted = error.refused_org_key();
        let doubt = OrgKeyDoubt::of(&error).map(Box::new);
        let required = error.required_scope();
        let required = required.filter(|_| error.kind() == ErrorKind::Forbidden);
        let missing_scope = error.missing_scope().or(required);
        let are_scopes_refused = error.setting() == Some(Setting::Scopes);
        let may_need_tls = may_need_tls(&error);
        // Without a status it is a check of the client, such as that of an invitation's expiry.
        let is_refused =
            error.kind() == ErrorKind::Auth && error.status().is_some() && error.code().is_none();
        let refused_credential = (is_refused && !are_scopes_refused).then(|| error.clone());
        // The library's advice names its own methods.
        let failure = match (error.kind(), error.key()) {
            // A conflict can also come without a response.
            (ErrorKind::Conflict, Some(key)) if error.status().is_some() => Self::exists(key),
            (ErrorKind::NotFound, Some(key)) => Self::not_found(key),
            (ErrorKind::OrgKeyRefused, _) => Self::org_key_refused(&error),
            // Its advice is to find out first whether the write happened.
            (ErrorKind::Ambiguous, _) if error.setting().is_some_and(setting::is_timeout) => {
                Self::new(status, &error).with_advice(setting::LONGER_FOR_ANSWERS)
            }
            (ErrorKind::Ambiguous, _) => Self::new(status, &error),
            _ => match error.setting().map(setting::advice) {
                // The time until the next attempt stays.
                Some(Some(advice)) if error.kind() == ErrorKind::RateLimited => {
                    Self::new(status, &error).with_advice(advice)
                }
                Some(Some(advice)) => Self::new(status, error.without_advice()).with_advice(advice),
                Some(None) => Self::new(status, error.without_advice()),
                None => Self::new(status, error),
            },
        };
        Self {
            may_pass,
            is_timeout,
            untrusted,
            doubt,
            missing_scope,
            are_scopes_refused,
            refused_credential,
            may_need_tls,
            ..failure
        }
    }
}

/// The advice where [`may_need_tls`] holds for plain HTTP.
pub(crate) const USE_HTTPS: &str = "if that port is one for TLS, use https:// in the base URL";

/// Returns true if an answer to plain HTTP may be that of a server that expects TLS: an alert, or a page with
/// status 400.
pub(crate) fn may_need_tls(error: &Error) -> bool {
    let is_alert = |error: &TransportError| error.failure() == Cause::Malformed;
    let is_page = error.status() == Some(StatusCode::BAD_REQUEST) && error.code().is_none();
    is_page || error.transport_error().is_some_and(is_alert)
}

fn status(error: &Error) -> Status {
    match error.kind() {
        ErrorKind::Auth => Status::Auth,
        ErrorKind::Forbidden => Status::Forbidden,
        ErrorKind::NotFound => Status::NotFound,
        ErrorKind::Conflict | ErrorKind::Changed => Status::Conflict,
        ErrorKind::RateLimited => Status::RateLimited,
        ErrorKind::Crypto | ErrorKind::OrgKeyRefused => Status::Crypto,
        ErrorKind::Config => Status::Usage,
        ErrorKind::Transport | ErrorKind::Ambiguous => Status::NoAnswer,
        _ => match error.status().map(|status| status.as_u16()) {
            Some(502..=504) => Status::NoAnswer,
            _ => Status::Other,
        },
    }
}
