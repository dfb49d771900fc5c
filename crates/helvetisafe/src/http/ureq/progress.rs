//! The progress of the current request of this thread, which the connectors of `ureq` can see. A call runs on
//! the thread that makes it, so a thread-local is enough.

use std::cell::Cell;

use crate::http::framing::Framing;
use crate::http::informational::MAX_INFORMATIONAL;

thread_local! {
    static CURRENT: Cell<Progress> = const { Cell::new(Progress::NONE) };
}

/// The progress since [`Progress::begin`].
#[derive(Clone, Copy)]
pub(super) struct Progress {
    /// The request only opens a connection for a later one.
    pub(super) is_ahead: bool,
    /// A new connection was made for this request.
    pub(super) connected: bool,
    /// Some of the request was handed to the socket.
    pub(super) sent: bool,
    /// Some of an answer was received.
    pub(super) received: bool,
    /// The head of the answer was read; its body follows.
    pub(super) answered: bool,
    /// The informational heads before it.
    pub(super) informational: u32,
    /// The bytes after the head.
    pub(super) framing: Framing,
}

impl Progress {
    const NONE: Self = Self {
        is_ahead: false,
        connected: false,
        sent: false,
        received: false,
        answered: false,
        informational: 0,
        framing: Framing::NONE,
    };

    pub(super) fn begin() {
        CURRENT.set(Self::NONE);
    }

    pub(super) fn current() -> Self {
        CURRENT.get()
    }

    /// Returns true if a reused connection broke before a byte came back.
    pub(super) fn is_dead_connection(self) -> bool {
        !self.connected && self.sent && !self.received
    }

    /// Returns true if too many informational answers came.
    pub(super) fn is_flooded(self) -> bool {
        !self.answered && self.informational > MAX_INFORMATIONAL
    }

    pub(super) fn note(change: impl FnOnce(&mut Self)) {
        let mut progress = CURRENT.get();
        change(&mut progress);
        CURRENT.set(progress);
    }
}
