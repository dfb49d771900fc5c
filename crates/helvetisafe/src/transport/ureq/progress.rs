//! How far the current request of this thread came, which `ureq` does not tell but its connectors
//! can see. A call runs on the thread that makes it, so a thread-local is enough.

use std::cell::Cell;

use crate::transport::framing::Framing;
use crate::transport::informational::MAX_INFORMATIONAL;

thread_local! {
    static CURRENT: Cell<Progress> = const { Cell::new(Progress::NONE) };
}

/// What happened since [`Progress::begin`].
#[derive(Clone, Copy)]
pub(super) struct Progress {
    /// A connection was made for this request, so it is no reused one.
    pub(super) connected: bool,
    /// Some of the request was handed to the socket.
    pub(super) sent: bool,
    /// Some of an answer came back.
    pub(super) received: bool,
    /// The head of the answer was read: what is read from now on is its body.
    pub(super) answered: bool,
    /// Heads that were read before it.
    pub(super) informational: u32,
    /// What came after the head.
    pub(super) framing: Framing,
}

impl Progress {
    const NONE: Self = Self {
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

    /// Whether a reused connection broke before a byte came back.
    pub(super) fn is_dead_connection(self) -> bool {
        !self.connected && self.sent && !self.received
    }

    /// Returns whether the server sends informational answers without end.
    pub(super) fn is_flooded(self) -> bool {
        !self.answered && self.informational > MAX_INFORMATIONAL
    }

    pub(super) fn note(change: impl FnOnce(&mut Self)) {
        let mut progress = CURRENT.get();
        change(&mut progress);
        CURRENT.set(progress);
    }
}
