use std::fmt;
use std::time::{Duration, SystemTime};

use helvetisafe_proto::{BaseUrl, KeyName, ListedKey, Scopes};
use http::HeaderMap;
use jiff::Timestamp;

use crate::error::{Error, ErrorKind};
use crate::http::TransportError;

/// A step of a call, of an operation or of the cache, for a log, metrics or a progress display: see
/// [`ClientBuilder::on_event`](crate::ClientBuilder::on_event).
///
/// It holds no body. Headers with a credential are marked sensitive, so `Debug` does not show them, and it does
/// not show the names of secrets: see [`HiddenKey`] and [`EventError`].
///
/// An operation, such as [`Secrets::put`](crate::Secrets::put), makes one or more calls of the API, or none if the
/// cache has the value. A call makes one or more attempts. Operations that run at the same time report their
/// events in any order; [`CallInfo::id`] identifies the call.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A request is sent.
    #[non_exhaustive]
    Sending {
        /// Its call.
        call: CallInfo<'a>,
        /// The base URL that it is sent to: one of those of `failover`, if there are several.
        base: &'a BaseUrl,
        /// Its headers.
        headers: &'a HeaderMap,
        /// The number of the attempt within its call, from 1. A repetition that does not count, at once after
        /// a dead connection or with a new credential, has the number of the attempt before it.
        attempt: u32,
    },
    /// A whole answer was received.
    #[non_exhaustive]
    Answered {
        /// Its call.
        call: CallInfo<'a>,
        /// The number of the attempt.
        attempt: u32,
        /// Its status.
        status: u16,
        /// The vault's time: the `Date` header, in whole seconds.
        date: Option<SystemTime>,
        /// The time since the request.
        after: Duration,
    },
    /// No whole answer was received.
    #[non_exhaustive]
    Failed {
        /// The call.
        call: CallInfo<'a>,
        /// The number of the attempt.
        attempt: u32,
        /// The reason.
        error: &'a TransportError,
        /// The time since the request.
        after: Duration,
    },
    /// The client waits before the next attempt.
    #[non_exhaustive]
    Waiting {
        /// The call.
        call: CallInfo<'a>,
        /// The number of the attempt that failed, or of the first one if the vault had asked an earlier call for
        /// a pause.
        attempt: u32,
        /// The length of the wait.
        time: Duration,
        /// True if the vault asked for fewer requests.
        throttled: bool,
    },
    /// A call ended.
    #[non_exhaustive]
    CallEnded {
        /// The call.
        call: CallInfo<'a>,
        /// The number of its attempts.
        attempts: u32,
        /// The failure, unless it succeeded: see [`EventError::kind`].
        error: Option<EventError<'a>>,
        /// The time since its begin.
        after: Duration,
    },
    /// An operation ended, with or without a call.
    #[non_exhaustive]
    OperationEnded {
        /// Its name: the method of [`Secrets`](crate::Secrets), such as `secrets.get`.
        operation: &'static str,
        /// The failure, unless it succeeded: see [`EventError::kind`].
        error: Option<EventError<'a>>,
        /// The time since its begin.
        after: Duration,
    },
    /// A new access token was received.
    #[non_exhaustive]
    Authorized {
        /// The granted scopes, if the vault names them; otherwise all requested ones were granted.
        granted: Option<Scopes>,
        /// The lifetime of the token.
        life: Duration,
    },
    /// A read was served from the cache.
    #[non_exhaustive]
    CacheHit {
        /// The name of the secret.
        key: HiddenKey<'a>,
        /// The age of the value.
        age: Duration,
    },
    /// A read was not served from the cache: the value came from the vault, or no value came.
    #[non_exhaustive]
    CacheMiss {
        /// The name of the secret.
        key: HiddenKey<'a>,
    },
    /// A read was served from the cache after the value's time to live, because the vault could not be read.
    #[non_exhaustive]
    CacheStale {
        /// The name of the secret.
        key: HiddenKey<'a>,
        /// The age of the value.
        age: Duration,
        /// The failure of the read.
        error: EventError<'a>,
    },
    /// A read from the vault for the cache ended. Several callers may have waited for it.
    #[non_exhaustive]
    CacheRefreshed {
        /// The name of the secret.
        key: HiddenKey<'a>,
        /// The failure, unless it succeeded.
        error: Option<EventError<'a>>,
        /// The time since its begin.
        after: Duration,
    },
    /// A time in an answer cannot be read, or is out of the range of a [`Timestamp`]. The operation succeeds;
    /// only this time is unknown or altered.
    #[non_exhaustive]
    InvalidTime {
        /// The secret that has the time.
        key: HiddenKey<'a, ListedKey>,
        /// The member of the answer, such as `expires_at`.
        member: &'static str,
        /// The time that the client returns in its place: the nearest one in the range, or `None`.
        used: Option<Timestamp>,
    },
}

/// One call of the API, with all its attempts.
///
/// ```no_run
/// # use helvetisafe::{ClientBuilder, Event};
/// # fn show(builder: ClientBuilder) -> ClientBuilder {
/// builder.on_event(|event| {
///     if let Event::Sending { call, attempt, .. } = event {
///         let (id, name) = (call.id(), call.name());
///         println!("{id} {name}: {} {}, attempt {attempt}", call.method(), call.path_template());
///         // For a log at debug level alone.
///         println!("{id}: {}, {:?}", call.path(), call.key().map(|key| key.expose().as_str()));
///     }
/// })
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CallInfo<'a> {
    pub(crate) id: u64,
    pub(crate) name: &'static str,
    pub(crate) method: &'a str,
    pub(crate) path_template: &'static str,
    pub(crate) key: Option<HiddenKey<'a>>,
}

impl<'a> CallInfo<'a> {
    /// Returns the number of the call, unique in this process.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Returns the name of the call: `token.fetch`, `org_key.get`, `private_key.get`, or `secrets.` with `list`,
    /// `get`, `create`, `update` or `delete`. With the feature `organization` also `account.get`, `invitation.get`,
    /// `audit.list`, `tokens.` with `list`, `create` or `revoke`, and `organization.` with `found`, `join`, `follow`,
    /// `members`, `invite`, `invitations`, `withdraw`, `confirm` or `disable`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the method of its requests.
    #[must_use]
    pub fn method(&self) -> &'a str {
        self.method
    }

    /// Returns the path below the base URL, with `{key}` for the name of a secret: a label of metrics that has few
    /// values.
    #[must_use]
    pub fn path_template(&self) -> &'static str {
        self.path_template
    }

    /// Returns the path below the base URL, with the name of the secret.
    #[must_use]
    pub fn path(&self) -> String {
        match self.key {
            Some(key) => self.path_template.replace("{key}", key.expose().as_str()),
            None => self.path_template.to_owned(),
        }
    }

    /// Returns the name of the secret, if the call is about one.
    #[must_use]
    pub fn key(&self) -> Option<HiddenKey<'a>> {
        self.key
    }
}

/// The name of a secret in an event. `Debug` does not show it, so that a log of events names no secret unless the
/// application asks for it.
#[derive(PartialEq, Eq)]
pub struct HiddenKey<'a, K = KeyName>(pub(crate) &'a K);

impl<'a, K> HiddenKey<'a, K> {
    /// Returns the name, for a log at debug level.
    #[must_use]
    pub fn expose(self) -> &'a K {
        self.0
    }
}

impl<K> Clone for HiddenKey<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for HiddenKey<'_, K> {}

impl<K> fmt::Debug for HiddenKey<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HiddenKey")
    }
}

/// The [`Error`] in an event. `Debug` shows its kind and not its text, which names the secret.
///
/// ```no_run
/// # use helvetisafe::{ClientBuilder, Event};
/// # fn show(builder: ClientBuilder) -> ClientBuilder {
/// builder.on_event(|event| {
///     if let Event::OperationEnded { operation, error: Some(error), .. } = event {
///         eprintln!("{operation} failed: {}", error.kind().name());
///         // For a log at debug level alone.
///         println!("{}", error.expose());
///     }
/// })
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct EventError<'a>(pub(crate) &'a Error);

impl<'a> EventError<'a> {
    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(self) -> ErrorKind {
        self.0.kind()
    }

    /// Returns the error, whose text names the secret: for a log at debug level.
    #[must_use]
    pub fn expose(self) -> &'a Error {
        self.0
    }
}

impl fmt::Debug for EventError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EventError").field(&self.kind()).finish()
    }
}
