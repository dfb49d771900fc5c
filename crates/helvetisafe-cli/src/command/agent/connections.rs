//! The connections that are open at the same time. A new one always finds a place soon: where all are
//! taken, the one that has kept the agent waiting longest is closed for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::listen::Connection;

/// Connections, each of which has a thread: twice as many as there are permits to read secrets, so that
/// half of the places at least are with those that can give way.
const MAX_CONNECTIONS: usize = 256;
/// The time for which a connection keeps its place in any case: enough for a client that sends at once.
const KEPT: Duration = Duration::from_millis(20);

pub(super) struct Connections {
    state: Mutex<State>,
    /// Notified when a place is free.
    freed: Condvar,
}

#[derive(Default)]
struct State {
    open: usize,
    /// Those that wait for their client, oldest first.
    waiting: BTreeMap<u64, Waiting>,
    next: u64,
}

/// A connection whose client has not sent its request, or has its answer and goes on sending.
struct Waiting {
    connection: Arc<dyn Connection>,
    since: Instant,
}

/// The place of a connection, which is free when this is dropped.
pub(super) struct Place {
    connections: Arc<Connections>,
    connection: Arc<dyn Connection>,
    id: u64,
}

impl Connections {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::default(),
            freed: Condvar::new(),
        }
    }

    /// Waits for a place, which this connection has as one that waits for its client.
    pub(super) fn admit(self: &Arc<Self>, connection: Arc<dyn Connection>) -> Place {
        let mut state = self.lock();
        while state.open == MAX_CONNECTIONS {
            let pause = state.make_room();
            let waited = self.freed.wait_timeout(state, pause);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.open += 1;
        let id = state.wait_for(&connection);
        drop(state);
        Place {
            connections: Arc::clone(self),
            connection,
            id,
        }
    }

    /// The number of requests that are being answered.
    pub(super) fn answered(&self) -> usize {
        let state = self.lock();
        state.open - state.waiting.len()
    }

    /// A thread that panicked leaves a whole state behind, so poison does not matter.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wait_for(&mut self, connection: &Arc<dyn Connection>) -> u64 {
        self.next += 1;
        let waiting = Waiting {
            connection: Arc::clone(connection),
            since: Instant::now(),
        };
        self.waiting.insert(self.next, waiting);
        self.next
    }

    /// Closes the oldest of those that wait for their client, whose thread then frees its place.
    /// Returns how long to wait for that, or until that one is old enough.
    fn make_room(&mut self) -> Duration {
        let Some(oldest) = self.waiting.first_entry() else {
            return KEPT;
        };
        let left = KEPT.saturating_sub(oldest.get().since.elapsed());
        if !left.is_zero() {
            return left;
        }
        oldest.remove().connection.close();
        KEPT
    }
}

impl Place {
    /// Keeps the place while a request is answered. False where it was lost already.
    #[must_use]
    pub(super) fn keep(&self) -> bool {
        let mut state = self.connections.lock();
        state.waiting.remove(&self.id).is_some()
    }

    /// Lets the place be taken after an answer.
    pub(super) fn give_way(&mut self) {
        self.id = self.connections.lock().wait_for(&self.connection);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.connections.lock();
        state.waiting.remove(&self.id);
        state.open -= 1;
        drop(state);
        self.connections.freed.notify_one();
    }
}
