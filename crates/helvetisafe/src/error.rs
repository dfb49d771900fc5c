mod advice;
#[cfg(feature = "organization")]
mod organization;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use helvetisafe_crypto as crypto;
use helvetisafe_proto::endpoint::{
    CreateSecret, DeleteSecret, FetchToken, GetOrgKey, GetPrivateKey, GetSecret, ListSecrets,
    UpdateSecret,
};
use helvetisafe_proto::{ApiError, Endpoint, ErrorCode, KeyName, Kind, Scope};
use http::StatusCode;

use crate::config_error::ConfigError;
use crate::http::{Failure, TransportError};

pub use advice::Setting;
#[cfg(feature = "organization")]
pub(crate) use organization::{OrganizationAction, OrganizationCause};

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
}

/// The kind of an [`Error`], for matching.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The credential was refused: 401, or the token endpoint's refusal.
    Auth,
    /// The credential is not allowed to do this: 403. See [`Error::missing_scope`].
    Forbidden,
    /// There is no such secret: a 404 to a read, an update or a delete, with the vault's error as its body. The
    /// page of a proxy, an unknown path, and a 404 to any other call are [`Self::Api`].
    NotFound,
    /// The secret exists already: 409, or found after the answer to a create was lost. Or the secret is a
    /// single value, and a field was to be set.
    Conflict,
    /// The secret has changed since it was read: 412. See
    /// [`Secrets::update_if_unchanged`](crate::Secrets::update_if_unchanged).
    Changed,
    /// The vault gives no versions of secrets, which the operation needs. Nothing was sent.
    Unsupported,
    /// Too many requests: 429. Or the call was not made, because the vault asked an earlier one for a longer
    /// pause than this one may wait. See [`Error::retry_after`].
    RateLimited,
    /// Any other status, a redirect, or an answer that is malformed or too large to a call that
    /// writes nothing.
    Api,
    /// An unwrap, an unlock or a decryption failed, or a check on them: a secret that does not name its
    /// key, or that names another one.
    Crypto,
    /// The vault returned an org key that the client does not accept: it is not pinned, or not the one of
    /// `connect`. It decrypted nothing and encrypted nothing. See [`Error::refused_org_key`].
    OrgKeyRefused,
    /// There is no answer. Nothing was changed, and the request will change nothing later.
    Transport,
    /// There is no readable answer to a write, and it is unknown if the write happened or will happen.
    Ambiguous,
    /// An argument or a variable is missing, duplicate or malformed. A PEM that cannot be used counts, also
    /// for its passphrase: the message has the cause.
    Config,
    /// The operation was cancelled, with a [`CancelToken`](crate::CancelToken). Nothing was changed.
    Cancelled,
    /// The secret was read, but its value is not of the requested form, such as base64.
    Value,
}

impl ErrorKind {
    /// Returns the name of the kind in lower case, such as `not_found`: a label for metrics.
    ///
    /// ```
    /// use helvetisafe::ErrorKind;
    ///
    /// assert_eq!(ErrorKind::RateLimited.name(), "rate_limited");
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Changed => "changed",
            Self::Unsupported => "unsupported",
            Self::RateLimited => "rate_limited",
            Self::Api => "api",
            Self::Crypto => "crypto",
            Self::OrgKeyRefused => "org_key_refused",
            Self::Transport => "transport",
            Self::Ambiguous => "ambiguous",
            Self::Config => "config",
            Self::Cancelled => "cancelled",
            Self::Value => "value",
        }
    }
}

/// The action that failed.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    Configure,
    FetchToken,
    GetOrgKey,
    GetPrivateKey,
    List,
    Get(KeyName),
    Create(KeyName),
    Update(KeyName),
    Delete(KeyName),
    #[cfg(feature = "organization")]
    Organization(OrganizationAction),
}

#[cfg(feature = "organization")]
impl From<OrganizationAction> for Action {
    fn from(action: OrganizationAction) -> Self {
        Self::Organization(action)
    }
}

/// The cause of a failure. `Display` shows all of it.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Cause {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error(transparent)]
    Transport(#[from] TransportError),
    #[error("{0}; it is unknown whether the write happened")]
    Ambiguous(Arc<Cause>),
    #[error(transparent)]
    Crypto(#[from] crypto::Error),
    #[error("the secret opened, but does not name this key: it may be another secret's")]
    NotBound,
    #[error("the secret opened, but holds one value named `{0}`: it may be another secret's")]
    NamesAnother(KeyName),
    #[error("another secret of that name is there")]
    Exists,
    #[error("the vault gave no version of it, so it cannot check that it is unchanged")]
    NoVersion,
    #[error("it exists and has no fields, but one value")]
    NoFields,
    #[error("the secret has no field `{}`", .0.escape_debug())]
    NoSuchField(String),
    #[error("{} is not base64", described(.0.as_deref()))]
    NotBase64(Option<String>),
    #[error(
        "the vault gives the org key {found}, and this client accepts {}; nothing was opened or \
         sealed under it",
        listed(accepted)
    )]
    OrgKeyRefused {
        accepted: Vec<crypto::Fingerprint>,
        found: crypto::Fingerprint,
    },
    #[error("the vault has asked for fewer requests, for longer than this operation may wait")]
    Throttled,
    #[error("the operation timed out")]
    Deadline,
    #[error("the vault has not answered within {} ms, and the read goes on in the background", .0.as_millis())]
    Unfinished(Duration),
    #[error("the operation was cancelled")]
    Cancelled,
    #[error("the asynchronous runtime has ended")]
    RuntimeEnded,
    #[error("the operating system could not start a thread for the read")]
    NoThread,
    #[error(
        "its expiry is not a time, so a copy would never expire: update the secret with an expiry first"
    )]
    UnreadableExpiry,
    #[error(
        "the sealed value has {length} bytes on the wire, and at most {limit} could be read back"
    )]
    TooLarge { length: usize, limit: usize },
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[cfg(feature = "organization")]
    #[error(transparent)]
    Organization(#[from] OrganizationCause),
}

impl Error {
    pub(crate) fn new(action: impl Into<Action>, cause: impl Into<Cause>) -> Self {
        Self(Arc::new(Inner {
            action: action.into(),
            cause: cause.into(),
            retry_after: None,
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
        }))
    }

    pub(crate) fn config(cause: impl Into<ConfigError>) -> Self {
        Self::new(Action::Configure, cause.into())
    }

    /// Returns the same failure of another action.
    pub(crate) fn about(&self, action: Action) -> Self {
        Self::with_retry_after(action, self.0.cause.clone(), self.0.retry_after)
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        matches!(self.0.cause, Cause::Cancelled)
    }

    /// Returns true if a value did not open under the org key.
    pub(crate) fn is_decryption(&self) -> bool {
        matches!(self.0.cause, Cause::Crypto(crypto::Error::Decryption))
    }

    /// Returns true if the failed read goes on in the background.
    pub(crate) fn is_unfinished(&self) -> bool {
        matches!(self.0.cause, Cause::Unfinished(_))
    }

    /// Returns the same failure for a write that may have happened.
    pub(crate) fn into_ambiguous(self, action: Action) -> Self {
        let cause = match &self.0.cause {
            same @ Cause::Ambiguous(_) => same.clone(),
            cause => Cause::Ambiguous(Arc::new(cause.clone())),
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
            Cause::Ambiguous(_) => ErrorKind::Ambiguous,
            Cause::UnreadableExpiry => ErrorKind::Api,
            Cause::Throttled => ErrorKind::RateLimited,
            Cause::Cancelled => ErrorKind::Cancelled,
            Cause::Exists | Cause::NoFields => ErrorKind::Conflict,
            Cause::NoVersion => ErrorKind::Unsupported,
            Cause::Deadline | Cause::Unfinished(_) | Cause::RuntimeEnded | Cause::NoThread => {
                ErrorKind::Transport
            }
            Cause::Crypto(_) | Cause::NotBound | Cause::NamesAnother(_) => ErrorKind::Crypto,
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

    /// Returns the fingerprint of the org key that the client does not accept: see
    /// [`ErrorKind::OrgKeyRefused`].
    #[must_use]
    pub fn refused_org_key(&self) -> Option<crypto::Fingerprint> {
        match self.0.cause {
            Cause::OrgKeyRefused { found, .. } => Some(found),
            #[cfg(feature = "organization")]
            Cause::Organization(OrganizationCause::OtherOrgKey { found, .. }) => Some(found),
            _ => None,
        }
    }

    /// Returns the fingerprints of the org keys that the client accepts, if the vault returned another one.
    /// Empty for any other error.
    #[must_use]
    pub fn accepted_org_keys(&self) -> &[crypto::Fingerprint] {
        match &self.0.cause {
            Cause::OrgKeyRefused { accepted, .. } => accepted,
            #[cfg(feature = "organization")]
            Cause::Organization(OrganizationCause::OtherOrgKey { expected, .. }) => {
                std::slice::from_ref(expected)
            }
            _ => &[],
        }
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
        format!("{}: {}", self.0.action, self.0.cause)
    }

    fn api_error(&self) -> Option<&ApiError> {
        match self.0.cause.of_attempt() {
            Cause::Api(error) => Some(error),
            _ => None,
        }
    }
}

impl Action {
    /// Returns true if the action needs an existing secret or record, so that a 404 can be about it.
    pub(crate) fn is_about_existing(&self) -> bool {
        match self {
            Self::Get(_) | Self::Update(_) | Self::Delete(_) => true,
            #[cfg(feature = "organization")]
            Self::Organization(action) => action.is_about_existing(),
            _ => false,
        }
    }

    /// Returns the scope that its call needs.
    pub(crate) fn scope(&self) -> Option<Scope> {
        match self {
            Self::Configure => None,
            Self::FetchToken => FetchToken::SCOPE,
            Self::GetOrgKey => GetOrgKey::SCOPE,
            Self::GetPrivateKey => GetPrivateKey::SCOPE,
            Self::List => ListSecrets::SCOPE,
            Self::Get(_) => GetSecret::SCOPE,
            Self::Create(_) => CreateSecret::SCOPE,
            Self::Update(_) => UpdateSecret::SCOPE,
            Self::Delete(_) => DeleteSecret::SCOPE,
            #[cfg(feature = "organization")]
            Self::Organization(action) => action.scope(),
        }
    }

    /// Returns the name of the secret, if the action is about one.
    pub(crate) fn key(&self) -> Option<&KeyName> {
        match self {
            Self::Get(key) | Self::Create(key) | Self::Update(key) | Self::Delete(key) => Some(key),
            _ => None,
        }
    }

    /// Returns the name of the action in events and spans.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Configure => "configure",
            Self::FetchToken => "token.fetch",
            Self::GetOrgKey => "org_key.get",
            Self::GetPrivateKey => "private_key.get",
            Self::List => "secrets.list",
            Self::Get(_) => "secrets.get",
            Self::Create(_) => "secrets.create",
            Self::Update(_) => "secrets.update",
            Self::Delete(_) => "secrets.delete",
            #[cfg(feature = "organization")]
            Self::Organization(action) => action.name(),
        }
    }

    /// Returns the advice after a write of which it is unknown whether it happened.
    fn advice_for_repetition(&self) -> &'static str {
        match self {
            #[cfg(feature = "organization")]
            Self::Organization(action) => action.advice_for_repetition(),
            _ => "read it before writing again",
        }
    }

    /// Returns true if the action is no part of an operation on secrets.
    pub(crate) fn is_apart(&self) -> bool {
        match self {
            Self::FetchToken | Self::GetOrgKey | Self::GetPrivateKey => true,
            #[cfg(feature = "organization")]
            Self::Organization(_) => true,
            _ => false,
        }
    }
}

impl Cause {
    /// Returns the cause without the doubt whether a write happened.
    fn of_attempt(&self) -> &Self {
        match self {
            Self::Ambiguous(cause) => cause,
            cause => cause,
        }
    }
}

/// Names the value of a secret, or of one field.
fn described(field: Option<&str>) -> String {
    match field {
        Some(field) => format!("the field `{}`", field.escape_debug()),
        None => "the value".to_owned(),
    }
}

fn listed(fingerprints: &[crypto::Fingerprint]) -> String {
    let texts: Vec<_> = fingerprints.iter().map(ToString::to_string).collect();
    texts.join(" or ")
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configure => f.write_str("invalid configuration"),
            Self::FetchToken => f.write_str("cannot get an access token"),
            Self::GetOrgKey => f.write_str("cannot get the org key"),
            Self::GetPrivateKey => f.write_str("cannot get the private key"),
            Self::List => f.write_str("cannot list the secrets"),
            Self::Get(key) => write!(f, "cannot read the secret `{key}`"),
            Self::Create(key) => write!(f, "cannot create the secret `{key}`"),
            Self::Update(key) => write!(f, "cannot update the secret `{key}`"),
            Self::Delete(key) => write!(f, "cannot delete the secret `{key}`"),
            #[cfg(feature = "organization")]
            Self::Organization(action) => action.fmt(f),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.action, self.0.cause)?;
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
