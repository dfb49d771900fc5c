mod action;
mod advice;
mod cause;
#[cfg(feature = "organization")]
mod dishonest_vault;
mod kind;
mod org_key;
#[cfg(feature = "organization")]
mod organization;
#[cfg(feature = "organization")]
mod other_history;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use helvetisafe_proto::{ApiError, ErrorCode, KeyName, Kind, Scope};
use http::StatusCode;

use crate::config_error::ConfigError;
use crate::http::{Failure, TransportError};

pub(crate) use action::Action;
pub use advice::Setting;
pub(crate) use cause::Cause;
pub use kind::ErrorKind;
#[cfg(feature = "organization")]
pub(crate) use organization::{OrganizationAction, OrganizationCause};
#[cfg(feature = "organization")]
pub use other_history::OtherHistory;

/// A failed operation: the action, the secret, the cause, and advice.
///
/// `Display` is the whole message, with every cause. So [`source`](StdError::source) is `None`, and a report
/// of `anyhow` or `eyre` shows each cause once. The causes are available as data: see
/// [`Self::transport_error`], [`Self::status`] and [`Self::code`].
///
/// Neither `Display` nor `Debug` ever shows a secret, a token, a password or the body of an answer.
/// It is cheap to clone, so that threads can share the result of one renewal.
///
/// ```no_run
/// use std::thread;
///
/// use helvetisafe::{Client, Error, ErrorKind};
///
/// fn database_password(client: &Client) -> Result<Option<String>, Error> {
///     let error = match client.secrets().get("database_password") {
///         Ok(secret) => return Ok(Some(secret.expose_secret().to_owned())),
///         Err(error) => error,
///     };
///     match error.kind() {
///         ErrorKind::NotFound => return Ok(None),
///         ErrorKind::Forbidden => eprintln!("the credential needs {:?}", error.required_scope()),
///         ErrorKind::OrgKeyRefused => eprintln!("the vault has {:?}", error.refused_org_key()),
///         _ if error.is_retryable() => thread::sleep(error.retry_after().unwrap_or_default()),
///         _ => eprintln!("status {:?}, code {:?}", error.status(), error.code()),
///     }
///     Err(error)
/// }
/// ```
///
/// For a report with all parts:
///
/// ```no_run
/// fn report(error: &helvetisafe::Error) {
///     eprintln!("{} about {:?}", error.without_advice(), error.key());
///     eprintln!("the setting that helps: {:?}", error.setting());
///     eprintln!("the vault's own words: {:?}", error.server_text());
///     eprintln!("missing scope: {:?}", error.missing_scope());
///     if let Some(failure) = error.transport_error() {
///         eprintln!("{:?}, timed out: {}", failure.failure(), error.is_timeout());
///     }
///     if let Some(name) = error.named_key() {
///         eprintln!("the value is that of {name}");
///     }
///     eprintln!("accepted org keys: {:?}", error.accepted_org_keys());
/// }
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    action: Action,
    cause: Cause,
    retry_after: Option<Duration>,
    /// The number of addresses of the vault that were tried, if several were, and none worked.
    addresses: Option<usize>,
}

impl Error {
    pub(crate) fn new(action: impl Into<Action>, cause: impl Into<Cause>) -> Self {
        Self(Arc::new(Inner {
            action: action.into(),
            cause: cause.into(),
            retry_after: None,
            addresses: None,
        }))
    }

    pub(crate) fn with_retry_after(
        action: Action,
        cause: impl Into<Cause>,
        retry_after: Option<Duration>,
    ) -> Self {
        Self(Arc::new(Inner {
            action,
            cause: cause.into(),
            retry_after,
            addresses: None,
        }))
    }

    pub(crate) fn config(cause: impl Into<ConfigError>) -> Self {
        Self::new(Action::Configure, cause.into())
    }

    /// Returns the same failure of another action.
    pub(crate) fn about(&self, action: Action) -> Self {
        self.with(action, self.0.addresses)
    }

    /// Returns the same failure after so many addresses were tried, if an outage of all of them is its cause.
    pub(crate) fn at_addresses(self, tried: usize) -> Self {
        let is_outage = self.is_retryable() && self.kind() != ErrorKind::RateLimited;
        match is_outage && tried > self.0.addresses.unwrap_or(1) {
            true => self.with(self.0.action.clone(), Some(tried)),
            false => self,
        }
    }

    fn with(&self, action: Action, addresses: Option<usize>) -> Self {
        Self(Arc::new(Inner {
            action,
            cause: self.0.cause.clone(),
            retry_after: self.0.retry_after,
            addresses,
        }))
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        matches!(self.0.cause, Cause::Cancelled)
    }

    /// Returns true if the failed read goes on in the background.
    pub(crate) fn is_unfinished(&self) -> bool {
        matches!(self.0.cause, Cause::Unfinished(_))
    }

    /// Returns the same failure for a write that may have happened: by the last attempt, or else by an earlier one.
    pub(crate) fn into_ambiguous(self, action: Action, by_last: bool) -> Self {
        let cause = match &self.0.cause {
            same if same.is_ambiguous() => same.clone(),
            cause if by_last => Cause::Ambiguous(Arc::new(cause.clone())),
            cause => Cause::AmbiguousBefore(Arc::new(cause.clone())),
        };
        Self::with_retry_after(action, cause, self.0.retry_after)
    }

    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match &self.0.cause {
            Cause::Api(error) => match error.kind() {
                Kind::Auth => ErrorKind::Auth,
                Kind::Forbidden => ErrorKind::Forbidden,
                Kind::NotFound if self.0.action.is_about_existing() => ErrorKind::NotFound,
                Kind::Conflict => ErrorKind::Conflict,
                Kind::Changed => ErrorKind::Changed,
                Kind::RateLimited => ErrorKind::RateLimited,
                _ => ErrorKind::Api,
            },
            Cause::Transport(error) => match error.failure() {
                Failure::TooLarge | Failure::Malformed | Failure::Redirected => ErrorKind::Api,
                _ => ErrorKind::Transport,
            },
            Cause::Ambiguous(_) | Cause::AmbiguousBefore(_) => ErrorKind::Ambiguous,
            Cause::UnreadableExpiry => ErrorKind::Api,
            Cause::Throttled => ErrorKind::RateLimited,
            Cause::Cancelled => ErrorKind::Cancelled,
            Cause::Exists | Cause::NoFields => ErrorKind::Conflict,
            Cause::NoVersion => ErrorKind::Unsupported,
            Cause::Deadline | Cause::Unfinished(_) | Cause::RuntimeEnded | Cause::NoThread => {
                ErrorKind::Transport
            }
            Cause::Crypto(_)
            | Cause::NotBound
            | Cause::NamesAnother(_)
            | Cause::NoEpoch
            | Cause::OtherEpoch { .. }
            | Cause::LaterEpoch { .. }
            | Cause::StillReplaced(_) => ErrorKind::Crypto,
            Cause::OrgKeyRefused { .. } => ErrorKind::OrgKeyRefused,
            Cause::NoSuchField(_) => ErrorKind::NotFound,
            Cause::NotBase64(_) => ErrorKind::Value,
            Cause::TooLarge { .. } | Cause::Config(_) => ErrorKind::Config,
            #[cfg(feature = "organization")]
            Cause::Organization(cause) => cause.kind(),
        }
    }

    /// Returns true if the same call may succeed later, without any change: rate limits, 408, 5xx, and
    /// failures of the network. The client has then used all its attempts.
    ///
    /// Returns false for [`ErrorKind::Ambiguous`]: first check if the write happened.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match &self.0.cause {
            Cause::Api(error) => matches!(error.kind(), Kind::RateLimited | Kind::Unavailable),
            Cause::Transport(error) => !matches!(
                error.failure(),
                Failure::Tls
                    | Failure::Proxy
                    | Failure::TooLarge
                    | Failure::Malformed
                    | Failure::Redirected
            ),
            Cause::Throttled
            | Cause::Deadline
            | Cause::Unfinished(_)
            | Cause::RuntimeEnded
            | Cause::NoThread => true,
            _ => false,
        }
    }

    /// Returns true if another client changed or created the secret first.
    pub(crate) fn is_lost_race(&self) -> bool {
        match self.kind() {
            ErrorKind::Changed => self.code() != Some(ErrorCode::KeyEpochMismatch),
            ErrorKind::Conflict => !matches!(self.0.cause, Cause::NoFields),
            _ => false,
        }
    }

    /// Returns true if the operation, or its last attempt, timed out.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        match &self.0.cause {
            Cause::Transport(error) => error.failure() == Failure::TimedOut,
            cause => matches!(cause, Cause::Deadline | Cause::Unfinished(_)),
        }
    }

    /// Returns the failure of the last request, if it had no readable answer.
    #[must_use]
    pub fn transport_error(&self) -> Option<&TransportError> {
        match self.0.cause.of_attempt() {
            Cause::Transport(error) => Some(error),
            _ => None,
        }
    }

    /// Returns the pause that the vault asked for.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Returns the status of the last answer, if there was one.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.api_error().and_then(ApiError::status)
    }

    /// Returns the name of the secret, if the operation was about one.
    #[must_use]
    pub fn key(&self) -> Option<&KeyName> {
        self.0.action.key()
    }

    /// Returns the other key that a refused secret names: see
    /// [`ClientBuilder::allow_unbound`](crate::ClientBuilder::allow_unbound).
    #[must_use]
    pub fn named_key(&self) -> Option<&KeyName> {
        match &self.0.cause {
            Cause::NamesAnother(name) => Some(name),
            _ => None,
        }
    }

    /// Returns the vault's reason for programs, if it gave one that belongs to the status. [`Self::kind`] depends
    /// on it for a 404 alone.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        self.api_error().and_then(ApiError::code)
    }

    /// Returns the scope that the vault named as missing.
    #[must_use]
    pub fn missing_scope(&self) -> Option<Scope> {
        self.api_error().and_then(ApiError::missing_scope)
    }

    /// Returns the scope that the failed call needs. If a refusal names no [`Self::missing_scope`], the credential may
    /// lack this one, or the vault refuses for another reason.
    #[must_use]
    pub fn required_scope(&self) -> Option<Scope> {
        self.0.action.scope()
    }

    /// Returns the vault's own text about the error, the `error` of its answer: control characters escaped, at
    /// most 4 KiB. It is not part of `Display`, since a hostile vault could echo a credential into a log.
    #[must_use]
    pub fn server_text(&self) -> Option<&str> {
        self.api_error().and_then(ApiError::server_text)
    }

    /// Returns the message without the advice at its end, for a program with advice of its own.
    #[must_use]
    pub fn without_advice(&self) -> String {
        let tried = self
            .0
            .addresses
            .map(|it| format!("; {it} addresses of the vault were tried"));
        format!(
            "{}: {}{}",
            self.0.action,
            self.0.cause,
            tried.unwrap_or_default()
        )
    }

    fn api_error(&self) -> Option<&ApiError> {
        match self.0.cause.of_attempt() {
            Cause::Api(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.without_advice())?;
        match self.advice() {
            Some(advice) => write!(f, "; {advice}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}: {self})", self.kind())
    }
}

impl StdError for Error {}
