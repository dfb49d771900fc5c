//! The limit of open connections. A new connection always gets a place soon: if all are taken, the
//! connection that has been idle longest is closed.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::listen::Connection;

/// The maximum of connections, each with a thread. It is twice the number of permits to read secrets, so
/// that at least half of the connections can be closed.
const MAX_CONNECTIONS: usize = 256;
/// The time before an idle connection can be closed: enough for a client that sends at once.
const MIN_IDLE: Duration = Duration::from_millis(20);

pub(super) struct Connections {
    state: Mutex<State>,
    /// Notified when a connection ends.
    freed: Condvar,
}

#[derive(Default)]
struct State {
    open: usize,
    /// Idle connections, oldest first.
    idle: BTreeMap<u64, Idle>,
    last_id: u64,
}

/// A connection that waits for its client to send a request, or to stop sending after an answer.
struct Idle {
    connection: Arc<dyn Connection>,
    since: Instant,
}

/// The place of a connection, which is freed on drop.
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

    /// Waits for a place. The connection starts as idle.
    pub(super) fn admit(self: &Arc<Self>, connection: Arc<dyn Connection>) -> Place {
        let mut state = self.lock();
        while state.open == MAX_CONNECTIONS {
            let pause = state.close_oldest();
            let waited = self.freed.wait_timeout(state, pause);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.open += 1;
        let id = state.add_idle(&connection);
        drop(state);
        Place {
            connections: Arc::clone(self),
            connection,
            id,
        }
    }

    /// Returns the number of requests that are being answered.
    pub(super) fn busy(&self) -> usize {
        let state = self.lock();
        state.open - state.idle.len()
    }

    /// The state is valid even after a panic, so poison does not matter.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn add_idle(&mut self, connection: &Arc<dyn Connection>) -> u64 {
        self.last_id += 1;
        let idle = Idle {
            connection: Arc::clone(connection),
            since: Instant::now(),
        };
        self.idle.insert(self.last_id, idle);
        self.last_id
    }

    /// Closes the oldest idle connection, whose thread then frees its place. Returns the time to wait for
    /// that, or until that connection can be closed.
    fn close_oldest(&mut self) -> Duration {
        let Some(oldest) = self.idle.first_entry() else {
            return MIN_IDLE;
        };
        let left = MIN_IDLE.saturating_sub(oldest.get().since.elapsed());
        if !left.is_zero() {
            return left;
        }
        oldest.remove().connection.close();
        MIN_IDLE
    }
}

impl Place {
    /// Protects the connection while a request is answered. Returns false if it was closed already.
    #[must_use]
    pub(super) fn set_busy(&self) -> bool {
        let mut state = self.connections.lock();
        state.idle.remove(&self.id).is_some()
    }

    /// Allows the connection to be closed again after an answer.
    pub(super) fn set_idle(&mut self) {
        self.id = self.connections.lock().add_idle(&self.connection);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.connections.lock();
        state.idle.remove(&self.id);
        state.open -= 1;
        drop(state);
        self.connections.freed.notify_one();
    }
}
