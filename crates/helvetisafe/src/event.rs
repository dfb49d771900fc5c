use std::time::{Duration, SystemTime};

use helvetisafe_proto::{ListedKey, Scopes};
use http::HeaderMap;
use jiff::Timestamp;

use crate::http::TransportError;

/// A step of a call, for a log or a progress display: see
/// [`ClientBuilder::on_event`](crate::ClientBuilder::on_event).
///
/// It holds no body. Headers with a credential are marked sensitive, so `Debug` does not show them.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A request is sent.
    #[non_exhaustive]
    Sending {
        /// Its method.
        method: &'a str,
        /// Its path, with the prefix of the base URL.
        path: &'a str,
        /// Its headers.
        headers: &'a HeaderMap,
        /// The number of the attempt within its call, from 1. A repetition that does not count, at once after
        /// a dead connection or with a new credential, has the number of the attempt before it.
        attempt: u32,
    },
    /// A whole answer was received.
    #[non_exhaustive]
    Answered {
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
        /// The reason.
        error: &'a TransportError,
        /// The time since the request.
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
    /// The client waits before the next attempt.
    #[non_exhaustive]
    Waiting {
        /// The length of the wait.
        time: Duration,
        /// True if the vault asked for fewer requests.
        throttled: bool,
    },
    /// A time in an answer cannot be read, or is out of the range of a [`Timestamp`]. The operation succeeds;
    /// only this time is unknown or altered.
    #[non_exhaustive]
    OddTime {
        /// The secret that has the time.
        key: &'a ListedKey,
        /// The member of the answer, such as `expires_at`.
        member: &'static str,
        /// The time that the client returns in its place: the nearest one in the range, or `None`.
        used: Option<Timestamp>,
    },
}
