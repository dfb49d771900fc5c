//! The connections to the primary of several hosts.
//!
//! The pool of `sqlx` knows one host, and waits while that refuses connections.

mod hosts;
mod queue;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::PgConnection;
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::address::Address;
use crate::lock::lock;
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
    uses: Arc<Mutex<Uses>>,
    busy: Limited,
}

/// The connections in use, counted together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Uses {
    all: usize,
    writes: usize,
}

/// A connection that counts as in use until this is dropped.
struct Use {
    uses: Arc<Mutex<Uses>>,
    is_write: bool,
    _in_use: Counted,
}

/// A connection in use. Dropping it closes the connection, which may be in the middle of a statement.
pub(super) struct Held<'a> {
    pub(super) connection: PgConnection,
    generation: u64,
    queue: &'a Queue,
    _use: Use,
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
            uses: Arc::default(),
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
            _use: Use::new(&self.uses, writes.is_some(), &self.counts),
            _place: place,
            _write: write,
        })
    }

    /// Reports that no connection became free in time.
    fn busy(&self) -> StoreError {
        let name = &self.queue.hosts.address;
        // A write that still waits for its connection uses none.
        let Uses { all, writes } = *lock(&self.uses);
        if !self.places.is_closed() {
            self.busy.warning(&format_args!(
                "{name}: no connection became free within {} s, so requests are answered 503: {all} are in use, of \
                 which {writes} by writes; look for slow or waiting statements in pg_stat_activity",
                WAIT.as_secs()
            ));
        }
        StoreError::Busy
    }

    pub(super) fn address(&self) -> &Address {
        &self.queue.hosts.address
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

impl Use {
    fn new(uses: &Arc<Mutex<Uses>>, is_write: bool, counts: &StoreCounts) -> Self {
        let mut now = lock(uses);
        now.all += 1;
        now.writes += usize::from(is_write);
        drop(now);
        Self {
            uses: Arc::clone(uses),
            is_write,
            _in_use: Counted::new(&counts.in_use),
        }
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        let mut now = lock(&self.uses);
        now.all -= 1;
        now.writes -= usize::from(self.is_write);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uses_by_writes_are_among_all_uses() {
        let (uses, counts) = (Arc::default(), StoreCounts::default());
        let begin = |is_write| Use::new(&uses, is_write, &counts);
        let (read, write) = (begin(false), begin(true));
        assert_eq!(*lock(&uses), Uses { all: 2, writes: 1 });
        drop(read);
        assert_eq!(*lock(&uses), Uses { all: 1, writes: 1 });
        drop(write);
        assert_eq!((*lock(&uses), counts.in_use.get()), (Uses::default(), 0));
    }
}
