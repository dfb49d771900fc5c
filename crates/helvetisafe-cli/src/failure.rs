//! What went wrong, as the user sees it: a message and an exit status.

use std::fmt;
use std::process::ExitCode;

use helvetisafe::{Error, ErrorKind, Fingerprint, KeyName};

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
    is_timeout: bool,
    /// The org key that has to be trusted first.
    untrusted: Option<Fingerprint>,
    unbound: Option<Unbound>,
}

/// A secret that holds one value under the name of another key.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Unbound {
    key: KeyName,
    named: KeyName,
}

impl Unbound {
    fn of(error: &Error) -> Option<Self> {
        Some(Self {
            key: error.key()?.clone(),
            named: error.named_key()?.clone(),
        })
    }
}

impl Failure {
    pub(crate) fn new(status: Status, message: impl fmt::Display) -> Self {
        Self {
            status: status as u8,
            message: Some(message.to_string()),
            may_pass: false,
            is_timeout: false,
            untrusted: None,
            unbound: None,
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
            is_timeout: false,
            untrusted: None,
            unbound: None,
        }
    }

    /// A secret that may be another one, which is why it was not read.
    fn unbound(unbound: Unbound) -> Self {
        let message = unbound_message(std::slice::from_ref(&unbound));
        Self {
            unbound: Some(unbound),
            ..Self::new(Status::Crypto, message)
        }
    }

    /// The vault gives an org key that the user does not trust.
    fn org_key_refused(error: &Error) -> Self {
        let accepted = error.accepted_org_keys().iter().map(ToString::to_string);
        let accepted = accepted.collect::<Vec<_>>().join(" or ");
        let found = error.refused_org_key().map(|key| key.to_string());
        let found = found.unwrap_or_default();
        Self::new(
            Status::Crypto,
            format_args!(
                "the vault gives the org key {found}, and this client accepts {accepted}; nothing was \
                 opened or sealed under it; ask the vault's owner whether the key was rotated; if it \
                 was, run `helvetisafe trust pin {found}`, or change the configured fingerprint"
            ),
        )
    }

    pub(crate) fn status(&self) -> u8 {
        self.status
    }

    /// Whether the vault did not answer, or could not for a reason that passes.
    pub(crate) fn may_pass(&self) -> bool {
        self.may_pass
    }

    /// Returns whether an operation of the client timed out.
    pub(crate) fn is_timeout(&self) -> bool {
        self.is_timeout
    }

    /// The org key that the vault gives and the user does not trust, where that is the reason.
    pub(crate) fn untrusted(&self) -> Option<Fingerprint> {
        self.untrusted
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

    /// The same failure, of a vault that may answer later.
    pub(crate) fn passing(mut self) -> Self {
        self.may_pass = true;
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
        if let Some(unbound) = Unbound::of(&error) {
            return Self::unbound(unbound);
        }
        let status = status(&error);
        let (may_pass, is_timeout) = (error.is_retryable(), error.is_timeout());
        let untrusted = error.refused_org_key();
        // The facade's advice names its own methods.
        let failure = match (error.kind(), error.key()) {
            // There is also a conflict without an answer.
            (ErrorKind::Conflict, Some(key)) if error.status().is_some() => Self::exists(key),
            (ErrorKind::NotFound, Some(key)) => Self::not_found(key),
            (ErrorKind::OrgKeyRefused, _) => Self::org_key_refused(&error),
            _ => Self::new(status, error),
        };
        Self {
            may_pass,
            is_timeout,
            untrusted,
            ..failure
        }
    }
}

/// Describes, all at once, the secrets that were refused since they may be other ones. `None` where no
/// error is about that.
pub(crate) fn describe_unbound<'a>(errors: impl IntoIterator<Item = &'a Error>) -> Option<String> {
    let unbound: Vec<_> = errors.into_iter().filter_map(Unbound::of).collect();
    (!unbound.is_empty()).then(|| unbound_message(&unbound))
}

/// Names the same secrets, for a client of the agent, which cannot set the command's options.
pub(crate) fn name_unbound<'a>(errors: impl IntoIterator<Item = &'a Error>) -> Option<String> {
    let unbound: Vec<_> = errors.into_iter().filter_map(Unbound::of).collect();
    (!unbound.is_empty()).then(|| {
        let named = named(&unbound);
        format!("{named}; the agent refuses them unless it is started with --allow-unbound")
    })
}

/// Names all of these secrets at once, and the one setting that allows them.
fn unbound_message(unbound: &[Unbound]) -> String {
    if let [it] = unbound {
        let (key, named) = (&it.key, &it.named);
        return format!(
            "`{key}` holds one value named `{named}`; the vault may have exchanged secrets, so it was \
             refused; if it really has that one field, read it by that name (--field {named}, --env \
             NAME={key}.{named}, {{{{ secret \"{key}\" \"{named}\" }}}}), or give --allow-unbound, also to \
             add a field; HELVETISAFE_ALLOW_UNBOUND=true or allow_unbound = true in the profile allow all \
             such secrets"
        );
    }
    format!(
        "{}; the vault may have exchanged secrets, so they were refused; if each really has that one \
         field, name the fields (--env NAME=KEY.FIELD, {{{{ secret \"KEY\" \"FIELD\" }}}}), or allow all \
         such secrets with --allow-unbound, HELVETISAFE_ALLOW_UNBOUND=true or allow_unbound = true in \
         the profile",
        named(unbound)
    )
}

/// The secrets and the names that they hold.
fn named(unbound: &[Unbound]) -> String {
    let names = unbound
        .iter()
        .map(|it| format!("`{}` holds one value named `{}`", it.key, it.named));
    names.collect::<Vec<_>>().join(", ")
}

fn status(error: &Error) -> Status {
    match error.kind() {
        ErrorKind::Auth => Status::Auth,
        ErrorKind::Forbidden => Status::Forbidden,
        ErrorKind::NotFound => Status::NotFound,
        ErrorKind::Conflict => Status::Conflict,
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

/// The failures of a command that goes on with its other keys. Each is reported at once, except
/// secrets that may be another one: those are reported together at the end. The first one's status is
/// the command's. Together they may pass when each may.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    first: Option<Failure>,
    unbound: Vec<Unbound>,
}

impl Failures {
    pub(crate) fn add(&mut self, failure: &Failure, messages: &Messages) {
        match &failure.unbound {
            Some(unbound) => self.unbound.push(unbound.clone()),
            None => messages.failure(failure),
        }
        let first = self.first.get_or_insert(Failure {
            may_pass: true,
            ..Failure::silent(failure.status)
        });
        first.may_pass &= failure.may_pass;
        first.untrusted = first.untrusted.or(failure.untrusted);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(crate) fn into_result(self, messages: &Messages) -> Result<(), Failure> {
        if !self.unbound.is_empty() {
            let message = unbound_message(&self.unbound);
            messages.failure(&Failure::new(Status::Crypto, message));
        }
        self.first.map_or(Ok(()), Err)
    }
}
