//! The connections to the primary of several hosts.
//!
//! The pool of `sqlx` knows one host, and waits while that refuses connections.

mod hosts;
mod queue;

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgConnection;
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::address::Address;
use crate::log::Limited;
use crate::store::StoreError;
use crate::store::counts::{Counted, StoreCounts};
use hosts::Hosts;
use queue::Queue;

/// The largest number of connections of this node.
pub(crate) const MAX_CONNECTIONS: u32 = 32;

/// The largest number of connections for other statements than those of a probe.
pub(super) const STATEMENTS: u32 = MAX_CONNECTIONS - 1;

/// The largest number of connections for writes. The others are left for reads while writes wait for a standby.
pub(super) const WRITES: u32 = STATEMENTS - MAX_CONNECTIONS / 4;

/// The longest wait for a free connection.
const WAIT: Duration = Duration::from_secs(4);

/// The longest time to connect to a host, TLS and login included.
const CONNECT: Duration = Duration::from_secs(2);

pub(super) struct Pool {
    pub(super) counts: StoreCounts,
    /// The rights to a connection, for the callers in their order, and one for a probe. So a probe has an answer also while
    /// every other connection waits for a standby.
    places: Semaphore,
    writes: Semaphore,
    probes: Semaphore,
    queue: Arc<Queue>,
    busy: Limited,
}

/// A connection in use. Dropping it closes the connection, which may be in the middle of a statement.
pub(super) struct Held<'a> {
    pub(super) connection: PgConnection,
    generation: u64,
    queue: &'a Queue,
    _in_use: Counted,
    _place: SemaphorePermit<'a>,
    _write: Option<SemaphorePermit<'a>>,
}

impl Pool {
    pub(super) fn new(address: Address, counts: StoreCounts) -> Self {
        let hosts = Hosts::new(address, counts.failovers.clone());
        Self {
            places: Semaphore::new(STATEMENTS as usize),
            writes: Semaphore::new(WRITES as usize),
            probes: Semaphore::new(1),
            queue: Arc::new(Queue::new(hosts, counts.idle.clone())),
            busy: Limited::default(),
            counts,
        }
    }

    /// Returns a connection to the primary. Callers get one in the order in which they came.
    pub(super) async fn take(&self) -> Result<Held<'_>, StoreError> {
        self.take_by(&self.places, None).await
    }

    /// Returns a connection for a write. Enough connections are left for reads.
    pub(super) async fn take_for_write(&self) -> Result<Held<'_>, StoreError> {
        self.take_by(&self.places, Some(&self.writes)).await
    }

    /// Returns a connection for a probe, which waits for no statement.
    pub(super) async fn take_for_probe(&self) -> Result<Held<'_>, StoreError> {
        self.take_by(&self.probes, None).await
    }

    async fn take_by<'a>(
        &'a self,
        places: &'a Semaphore,
        writes: Option<&'a Semaphore>,
    ) -> Result<Held<'a>, StoreError> {
        let waiting = self.counts.wait();
        let rights = async {
            let write = match writes {
                Some(writes) => Some(writes.acquire().await?),
                None => None,
            };
            Ok::<_, AcquireError>((write, places.acquire().await?))
        };
        let rights = timeout(WAIT, rights).await.ok().and_then(Result::ok);
        let (write, place) = rights.ok_or_else(|| self.busy())?;
        let (connection, generation) = self.queue.take().await?;
        drop(waiting);
        Ok(Held {
            connection,
            generation,
            queue: &self.queue,
            _in_use: Counted::new(&self.counts.in_use),
            _place: place,
            _write: write,
        })
    }

    /// Reports that no connection became free in time.
    fn busy(&self) -> StoreError {
        let (name, in_use) = (&self.queue.hosts.address, self.counts.in_use.get());
        let writes = WRITES as usize - self.writes.available_permits();
        if !self.places.is_closed() {
            self.busy.warning(&format_args!(
                "{name}: no connection became free within {} s, so requests are answered 503: {in_use} are in use, of \
                 which {writes} by writes; look for slow or waiting statements in pg_stat_activity",
                WAIT.as_secs()
            ));
        }
        StoreError::Busy
    }

    /// Returns the hosts with their reasons, when no answer came in time.
    pub(super) fn unanswered(&self) -> String {
        self.queue.hosts.unanswered()
    }

    /// Returns true if there was a primary, and its connections were given up at least once.
    pub(super) fn has_lost_primary(&self) -> bool {
        self.queue.has_given_up()
    }

    /// Waits for the connections in use, and closes all.
    pub(super) async fn close(&self) {
        let unused = self.places.acquire_many(STATEMENTS).await;
        self.places.close();
        drop(unused);
        self.queue.close().await;
    }
}

impl Held<'_> {
    /// Returns the connection to the pool, after a statement that the server has answered.
    pub(super) fn give_back(self) {
        self.queue.give_back((self.connection, self.generation));
    }

    /// Closes the connection and those that were opened before it: their server may be down.
    pub(super) fn give_up(self) {
        self.queue.give_up(self.generation);
    }
}
