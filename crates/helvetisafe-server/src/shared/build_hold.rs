//! A latch in the builds of lists and pages, for tests. It blocks the thread of a build, as a slow database does.

use std::sync::{Condvar, Mutex};
use std::time::Duration;

use crate::lock::lock;

#[derive(Default)]
pub(crate) struct BuildHold {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_closed: bool,
    /// The number of builds that have come here.
    begun: usize,
}

impl BuildHold {
    /// Holds builds from now on, and counts them from 0.
    pub(crate) fn close(&self) {
        *lock(&self.state) = State {
            is_closed: true,
            begun: 0,
        };
    }

    /// Lets all builds continue.
    pub(crate) fn open(&self) {
        lock(&self.state).is_closed = false;
        self.changed.notify_all();
    }

    pub(crate) fn begun(&self) -> usize {
        lock(&self.state).begun
    }

    /// Waits in a build while the latch is closed. A failed test must not leave a thread behind for long.
    pub(super) fn pass(&self) {
        let mut state = lock(&self.state);
        state.begun += 1;
        let wait = self
            .changed
            .wait_timeout_while(state, Duration::from_secs(60), |state| state.is_closed);
        drop(wait);
    }
}
