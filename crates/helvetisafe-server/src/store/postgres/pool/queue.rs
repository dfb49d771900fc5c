//! The idle connections, and the queue of callers that wait for one.
//!
//! A connection that is returned or opened goes to the caller that waits longest. So no caller is overtaken, and none
//! depends on the connection whose opening it has caused.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use prometheus_client::metrics::gauge::Gauge;
use sqlx::{Connection, PgConnection};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::hosts::Hosts;
use super::{CONNECT, WAIT};
use crate::lock::lock;
use crate::store::StoreError;
use crate::store::counts::Counted;

/// The largest number of connections that are opened at the same time, so that a server that comes back is not
/// overrun.
const OPENING: usize = 4;

/// A connection that was unused for longer is checked before its next use, since a statement on a connection that
/// turns out to be dead has an unknown outcome.
const FRESH: Duration = Duration::from_secs(1);

/// A connection with its generation.
pub(super) type Opened = (PgConnection, u64);

pub(super) struct Queue {
    pub(super) hosts: Hosts,
    idle: Gauge,
    state: Mutex<State>,
}

/// While a caller waits, no connection is idle, and up to [`OPENING`] are being opened, one for each waiting caller.
#[derive(Default)]
struct State {
    idle: Vec<Idle>,
    waiting: VecDeque<oneshot::Sender<Result<Opened, StoreError>>>,
    /// The number of connections that are being opened.
    opening: usize,
    /// The number of times that the connections were given up. Those of earlier generations are closed.
    generation: u64,
    is_closed: bool,
}

struct Idle {
    connection: PgConnection,
    since: Instant,
    _counted: Counted,
}

impl Queue {
    pub(super) fn new(hosts: Hosts, idle: Gauge) -> Self {
        Self {
            hosts,
            idle,
            state: Mutex::default(),
        }
    }

    /// Returns an idle connection, or the next one that is returned or opened.
    pub(super) async fn take(self: &Arc<Self>) -> Result<Opened, StoreError> {
        if let Some(idle) = self.take_idle().await {
            return Ok(idle);
        }
        let next = {
            let mut state = lock(&self.state);
            if let Some(idle) = state.idle.pop() {
                return Ok((idle.connection, state.generation));
            }
            let (sender, next) = oneshot::channel();
            state.waiting.push_back(sender);
            if state.opening < OPENING.min(state.waiting.len()) {
                state.opening += 1;
                tokio::spawn(Arc::clone(self).open());
            }
            next
        };
        // The search may try every host.
        let hosts = u32::try_from(self.hosts.count()).unwrap_or(u32::MAX);
        let longest = WAIT.saturating_add(CONNECT.saturating_mul(hosts));
        let next = timeout(longest, next).await.ok().and_then(Result::ok);
        next.unwrap_or_else(|| Err(StoreError::Unavailable(self.hosts.unanswered())))
    }

    /// Returns an idle connection; `None` if there is none, or if it is dead.
    async fn take_idle(&self) -> Option<Opened> {
        let (idle, generation) = {
            let mut state = lock(&self.state);
            (state.idle.pop()?, state.generation)
        };
        let mut connection = idle.connection;
        if idle.since.elapsed() < FRESH {
            return Some((connection, generation));
        }
        match timeout(CONNECT, connection.ping()).await {
            Ok(Ok(())) => Some((connection, generation)),
            _ => {
                self.give_up(generation);
                None
            }
        }
    }

    /// Opens connections as long as callers wait for them. Each answers one caller, also if it fails.
    async fn open(self: Arc<Self>) {
        loop {
            let generation = lock(&self.state).generation;
            let opened = self.hosts.connect().await;
            let mut state = lock(&self.state);
            let opened = opened.map(|connection| (connection, generation));
            self.hand_over(&mut state, opened);
            state.waiting.retain(|it| !it.is_closed());
            if state.opening > state.waiting.len() {
                state.opening -= 1;
                return;
            }
        }
    }

    /// Gives a connection back, after a statement that the server has answered.
    pub(super) fn give_back(&self, opened: Opened) {
        let mut state = lock(&self.state);
        if state.generation == opened.1 {
            self.hand_over(&mut state, Ok(opened));
        }
    }

    /// Hands a connection to the caller that waits longest. It is idle if there is none.
    fn hand_over(&self, state: &mut State, mut opened: Result<Opened, StoreError>) {
        while let Some(waiting) = state.waiting.pop_front() {
            match waiting.send(opened) {
                Ok(()) => return,
                // That caller has gone.
                Err(returned) => opened = returned,
            }
        }
        if let Ok((connection, generation)) = opened
            && state.generation == generation
            && !state.is_closed
        {
            state.idle.push(Idle {
                connection,
                since: Instant::now(),
                _counted: Counted::new(&self.idle),
            });
        }
    }

    /// Returns true if connections were given up at least once.
    pub(super) fn has_given_up(&self) -> bool {
        lock(&self.state).generation > 0
    }

    /// Gives up the connections of a generation, after one of them failed.
    pub(super) fn give_up(&self, generation: u64) {
        let mut state = lock(&self.state);
        if state.generation == generation {
            state.generation += 1;
            state.idle.clear();
        }
    }

    /// Keeps no connection from now on, and closes the idle ones. Those in use are closed when they are given back.
    pub(super) async fn close(&self) {
        let idle = {
            let mut state = lock(&self.state);
            state.is_closed = true;
            std::mem::take(&mut state.idle)
        };
        for idle in idle {
            // The server notices the closed socket, too.
            let _ = idle.connection.close().await;
        }
    }
}
