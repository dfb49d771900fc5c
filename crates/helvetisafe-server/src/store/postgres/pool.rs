//! The connections to the primary of several hosts.
//!
//! The pool of `sqlx` knows one host, and waits while that refuses connections.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::address::Address;
use super::failure::reason;
use crate::lock::lock;
use crate::log;
use crate::store::StoreError;
use crate::store::counts::{Counted, StoreCounts};

/// The largest number of connections of this node.
pub(crate) const MAX_CONNECTIONS: u32 = 32;

/// The longest wait for a free connection.
const WAIT: Duration = Duration::from_secs(4);

/// The longest time to connect to a host, TLS and login included.
const CONNECT: Duration = Duration::from_secs(2);

/// The largest number of connections that are opened at the same time, so that a server that comes back is not
/// overrun.
const OPENING: usize = 4;

/// A connection that was unused for longer is checked before its next use, since a statement on a connection that
/// turns out to be dead has an unknown outcome.
const FRESH: Duration = Duration::from_secs(1);

pub(super) struct Pool {
    address: Address,
    pub(super) counts: StoreCounts,
    places: Semaphore,
    opening: Semaphore,
    state: Mutex<State>,
}

struct State {
    idle: Vec<Idle>,
    /// The host that was the primary when last seen.
    primary: Option<usize>,
    /// The number of times that the connections were given up. Those of earlier generations are closed.
    generation: u64,
    is_closed: bool,
}

struct Idle {
    connection: PgConnection,
    since: Instant,
    _counted: Counted,
}

/// A connection in use. Dropping it closes the connection, which may be in the middle of a statement.
pub(super) struct Held<'a> {
    pub(super) connection: PgConnection,
    generation: u64,
    pool: &'a Pool,
    _in_use: Counted,
    _place: SemaphorePermit<'a>,
}

impl Pool {
    pub(super) fn new(address: Address, counts: StoreCounts) -> Self {
        Self {
            address,
            counts,
            places: Semaphore::new(MAX_CONNECTIONS as usize),
            opening: Semaphore::new(OPENING),
            state: Mutex::new(State {
                idle: Vec::new(),
                primary: None,
                generation: 0,
                is_closed: false,
            }),
        }
    }

    /// Returns a connection to the primary.
    pub(super) async fn take(&self) -> Result<Held<'_>, StoreError> {
        let waiting = self.counts.wait();
        let place = timeout(WAIT, self.places.acquire()).await;
        let place = place.ok().and_then(Result::ok).ok_or(StoreError::Busy)?;
        let (connection, generation) = match self.take_idle().await {
            Some(idle) => idle,
            None => self.open().await?,
        };
        drop(waiting);
        Ok(Held {
            connection,
            generation,
            pool: self,
            _in_use: Counted::new(&self.counts.in_use),
            _place: place,
        })
    }

    /// Returns an idle connection with its generation; `None` if there is none, or if it is dead.
    async fn take_idle(&self) -> Option<(PgConnection, u64)> {
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

    /// Opens a connection, unless another one was given back meanwhile.
    async fn open(&self) -> Result<(PgConnection, u64), StoreError> {
        let _permit = timeout(WAIT, self.opening.acquire())
            .await
            .ok()
            .and_then(Result::ok)
            .ok_or(StoreError::Busy)?;
        match self.take_idle().await {
            Some(idle) => Ok(idle),
            None => self.connect().await,
        }
    }

    /// Connects to the primary, which is searched from the last one on. Returns its generation, too.
    async fn connect(&self) -> Result<(PgConnection, u64), StoreError> {
        let (first, generation) = {
            let state = lock(&self.state);
            (state.primary.unwrap_or(0), state.generation)
        };
        let mut problem = String::new();
        for offset in 0..self.address.host_count() {
            let host = (first + offset) % self.address.host_count();
            match timeout(CONNECT, self.connect_to(host)).await {
                Ok(Ok(connection)) => {
                    self.note_primary(host);
                    return Ok((connection, generation));
                }
                Ok(Err(error)) => problem = reason(&error),
                Err(_) => problem = format!("no answer within {} s", CONNECT.as_secs()),
            }
        }
        Err(StoreError::Unavailable(problem))
    }

    /// Remembers the primary, and counts a failover if it was another host before.
    fn note_primary(&self, host: usize) {
        let before = lock(&self.state).primary.replace(host);
        if before.is_some_and(|before| before != host) {
            self.counts.failovers.inc();
            let name = self.address.host_name(host);
            log::warning(&format_args!("the primary of the database is now {name}"));
        }
    }

    /// Connects to a host; an error if it is not the primary.
    async fn connect_to(&self, host: usize) -> Result<PgConnection, sqlx::Error> {
        let mut connection = self.address.options(host)?.connect().await?;
        // A commit is on the disk before it is acknowledged. A stronger setting stays.
        let (is_read_only, _): (String, String) = sqlx::query_as(
            "SELECT current_setting('transaction_read_only'), set_config('synchronous_commit', CASE \
             WHEN current_setting('synchronous_commit') = 'remote_apply' THEN 'remote_apply' ELSE 'on' END, \
             false)",
        )
        .fetch_one(&mut connection)
        .await?;
        match is_read_only.as_str() {
            "off" => Ok(connection),
            _ => Err(sqlx::Error::Configuration(
                "the server is a standby, or read-only".into(),
            )),
        }
    }

    /// Returns true if there was a primary, and its connections were given up at least once.
    pub(super) fn has_lost_primary(&self) -> bool {
        lock(&self.state).generation > 0
    }

    /// Gives up the connections of a generation, after one of them failed.
    fn give_up(&self, generation: u64) {
        let mut state = lock(&self.state);
        if state.generation == generation {
            state.generation += 1;
            state.idle.clear();
        }
    }

    /// Waits for the connections in use, and closes all.
    pub(super) async fn close(&self) {
        lock(&self.state).is_closed = true;
        let unused = self.places.acquire_many(MAX_CONNECTIONS).await;
        self.places.close();
        drop(unused);
        let idle = std::mem::take(&mut lock(&self.state).idle);
        for idle in idle {
            // The server notices the closed socket, too.
            let _ = idle.connection.close().await;
        }
    }
}

impl Held<'_> {
    /// Returns the connection to the pool, after a statement that the server has answered.
    pub(super) fn give_back(self) {
        let mut state = lock(&self.pool.state);
        if state.generation == self.generation && !state.is_closed {
            state.idle.push(Idle {
                connection: self.connection,
                since: Instant::now(),
                _counted: Counted::new(&self.pool.counts.idle),
            });
        }
    }

    /// Closes the connection and those that were opened before it: their server may be down.
    pub(super) fn give_up(self) {
        self.pool.give_up(self.generation);
    }
}
