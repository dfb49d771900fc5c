use std::time::{Duration, SystemTime};

use helvetisafe_proto::Scopes;
use http::HeaderMap;

use crate::trace;
use crate::transport::TransportError;

/// Something that happens while a client works, for a log or a progress note: see
/// [`ClientBuilder::on_event`](crate::ClientBuilder::on_event).
///
/// It holds no body. Headers with a credential are marked sensitive, so `Debug` does not show them.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A request goes out.
    #[non_exhaustive]
    Sending {
        /// Its method.
        method: &'a str,
        /// Its path, with the prefix of the base URL.
        path: &'a str,
        /// Its headers.
        headers: &'a HeaderMap,
        /// Which attempt of its call it is, from 1. A repetition that counts as none, at once after a
        /// dead connection or with a new credential after a 401, has the number of the one before.
        attempt: u32,
    },
    /// A whole answer came back.
    #[non_exhaustive]
    Answered {
        /// Its status.
        status: u16,
        /// When the vault says that was: the `Date` header, in whole seconds.
        date: Option<SystemTime>,
        /// How long it took.
        after: Duration,
    },
    /// No answer came back.
    #[non_exhaustive]
    Failed {
        /// Why.
        error: &'a TransportError,
        /// How long it took.
        after: Duration,
    },
    /// A new access token came.
    #[non_exhaustive]
    Authorized {
        /// What it may do, where the vault says so; where it does not, all that was asked for.
        granted: Option<Scopes>,
        /// How long it lives.
        life: Duration,
    },
    /// The client waits before the next attempt.
    #[non_exhaustive]
    Waiting {
        /// How long it will.
        time: Duration,
        /// Whether the vault asked for fewer requests.
        throttled: bool,
    },
}

/// Who is told.
pub(crate) struct Observer(Option<Box<Observe>>);

type Observe = dyn Fn(&Event<'_>) + Send + Sync;

impl Observer {
    pub(crate) const NONE: Self = Self(None);

    pub(crate) fn new(observe: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        Self(Some(Box::new(observe)))
    }

    pub(crate) fn tell(&self, event: Event<'_>) {
        trace::event(&event);
        if let Self(Some(observe)) = self {
            observe(&event);
        }
    }
}
