//! The slots of connections, and the eviction of connections while others wait.
//!
//! A slot costs a client nothing, so a client without a credential could hold all of them. While other clients
//! wait, unauthenticated connections are closed: idle ones, and old ones even during a request, since a client
//! could stay busy for ever. A connection is authenticated for a time after each valid credential, and no longer after
//! a refused one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::lock::lock;

/// The longest idle time of an unauthenticated connection while others wait.
const MAX_IDLE: Duration = Duration::from_millis(100);
/// The largest age of an unauthenticated connection while others wait. Fetching a token takes milliseconds.
const MAX_AGE: Duration = Duration::from_secs(1);
/// The time for which a valid credential authenticates a connection.
const AUTHENTICATED: Duration = Duration::from_secs(60);

/// All slots.
pub(super) struct Slots {
    free: Arc<Semaphore>,
    peers: Arc<Mutex<Peers>>,
}

#[derive(Default)]
struct Peers {
    next: u64,
    connected: HashMap<u64, Peer>,
}

/// The slot of one connection, freed on drop.
pub(super) struct Slot {
    number: u64,
    peer: Peer,
    peers: Arc<Mutex<Peers>>,
    _permit: Option<OwnedSemaphorePermit>,
}

/// The client of one connection.
#[derive(Clone)]
pub(crate) struct Peer(Arc<State>);

struct State {
    evict: Notify,
    activity: Mutex<Activity>,
}

struct Activity {
    /// The end of the last valid credential's effect; `None` after a refused one.
    authenticated_until: Option<Instant>,
    is_evicted: bool,
    requests: usize,
    accepted: Instant,
    /// The start or end of the last request.
    since: Instant,
}

/// A request in flight.
pub(super) struct InFlight(Peer);

impl Slots {
    pub(super) fn new(count: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(count)),
            peers: Arc::default(),
        }
    }

    /// Waits for a free slot.
    pub(super) async fn take(&self) -> Slot {
        loop {
            let wait = match Arc::clone(&self.free).try_acquire_owned() {
                Ok(permit) => return self.slot(Some(permit)),
                Err(_) => self.evict_one(Instant::now()),
            };
            let freed = Arc::clone(&self.free).acquire_owned();
            if let Ok(Ok(permit)) = timeout(wait, freed).await {
                return self.slot(Some(permit));
            }
        }
    }

    fn slot(&self, permit: Option<OwnedSemaphorePermit>) -> Slot {
        let peer = Peer::new();
        let mut peers = lock(&self.peers);
        let number = peers.next;
        peers.next += 1;
        peers.connected.insert(number, peer.clone());
        Slot {
            number,
            peer,
            peers: Arc::clone(&self.peers),
            _permit: permit,
        }
    }

    /// Evicts the connection that reached its limit first, if any has. Returns the time until the next try.
    fn evict_one(&self, now: Instant) -> Duration {
        let peers = lock(&self.peers);
        let connected = peers.connected.values();
        let first = connected
            .filter_map(|peer| Some((peer.due()?, peer)))
            .min_by_key(|(due, _)| *due);
        match first {
            Some((due, peer)) if due <= now => {
                peer.evict();
                MAX_IDLE
            }
            Some((due, _)) => MAX_IDLE.min(due - now),
            None => MAX_IDLE,
        }
    }
}

impl Slot {
    pub(super) fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Returns when the connection must be closed for another one.
    pub(super) async fn eviction(&self) {
        loop {
            self.peer.0.evict.notified().await;
            let mut activity = self.peer.activity();
            if activity.due() <= Instant::now() {
                return;
            }
            // A request or a credential has arrived since.
            activity.is_evicted = false;
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        lock(&self.peers).connected.remove(&self.number);
    }
}

impl Peer {
    fn new() -> Self {
        let now = Instant::now();
        Self(Arc::new(State {
            evict: Notify::new(),
            activity: Mutex::new(Activity {
                authenticated_until: None,
                is_evicted: false,
                requests: 0,
                accepted: now,
                since: now,
            }),
        }))
    }

    /// Records that the connection has sent a credential, valid or not.
    pub(crate) fn mark(&self, is_valid: bool) {
        self.activity().authenticated_until = is_valid.then(|| Instant::now() + AUTHENTICATED);
    }

    /// Records a request in flight, until the guard is dropped.
    pub(super) fn begin_request(&self) -> InFlight {
        let mut activity = self.activity();
        activity.requests += 1;
        activity.since = Instant::now();
        InFlight(self.clone())
    }

    /// Returns the time from which it may be evicted; `None` if it is evicted already.
    fn due(&self) -> Option<Instant> {
        let activity = self.activity();
        (!activity.is_evicted).then(|| activity.due())
    }

    fn evict(&self) {
        self.activity().is_evicted = true;
        self.0.evict.notify_one();
    }

    fn activity(&self) -> MutexGuard<'_, Activity> {
        lock(&self.0.activity)
    }
}

impl Activity {
    fn due(&self) -> Instant {
        let old = self.accepted + MAX_AGE;
        let due = if self.requests == 0 {
            old.min(self.since + MAX_IDLE)
        } else {
            old
        };
        self.authenticated_until.map_or(due, |until| due.max(until))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut activity = self.0.activity();
        activity.requests -= 1;
        activity.since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The index of the peer that is evicted at the time.
    fn evicted(slots: &Slots, all: &[Slot], now: Instant) -> Option<usize> {
        let is_evicted = |slot: &Slot| slot.peer.activity().is_evicted;
        let before: Vec<bool> = all.iter().map(is_evicted).collect();
        slots.evict_one(now);
        (0..all.len()).find(|&place| is_evicted(&all[place]) != before[place])
    }

    #[test]
    fn the_longest_idle_unauthenticated_connection_is_evicted_first() {
        let slots = Slots::new(4);
        let all: Vec<Slot> = (0..4).map(|_| slots.slot(None)).collect();
        let start = Instant::now();
        for (place, age) in [50, 30, 40, 60].into_iter().enumerate() {
            all[place].peer.activity().since = start - Duration::from_millis(age);
        }
        all[0].peer.mark(true);
        let request = all[3].peer.begin_request();
        assert_eq!(evicted(&slots, &all, start + MAX_IDLE / 2), None);
        let late = start + MAX_IDLE;
        assert_eq!(evicted(&slots, &all, late), Some(2));
        assert_eq!(evicted(&slots, &all, late), Some(1));
        assert_eq!(evicted(&slots, &all, late), None, "it has a request");
        assert_eq!(evicted(&slots, &all, late + MAX_AGE), Some(3));
        assert_eq!(evicted(&slots, &all, late + 10 * MAX_AGE), None);
        drop(request);
        drop(all);
        assert!(lock(&slots.peers).connected.is_empty());
    }

    #[test]
    fn requests_do_not_lower_the_age_of_an_unauthenticated_connection() {
        let slots = Slots::new(2);
        let all: Vec<Slot> = (0..2).map(|_| slots.slot(None)).collect();
        let start = all[1].peer.activity().accepted;
        all[0].peer.mark(true);
        let late = start + MAX_AGE;
        all[1].peer.activity().since = late;
        assert_eq!(
            evicted(&slots, &all, late - MAX_IDLE / 2),
            None,
            "it is young"
        );
        let _request = all[1].peer.begin_request();
        assert_eq!(evicted(&slots, &all, late), Some(1));
    }

    #[test]
    fn a_credential_lapses_and_a_refused_one_ends_it_at_once() {
        let slots = Slots::new(2);
        let all: Vec<Slot> = (0..2).map(|_| slots.slot(None)).collect();
        for slot in &all {
            slot.peer.mark(true);
        }
        let late = Instant::now() + MAX_AGE;
        assert_eq!(evicted(&slots, &all, late), None);
        all[1].peer.mark(false);
        assert_eq!(evicted(&slots, &all, late), Some(1));
        let lapsed = Instant::now() + AUTHENTICATED;
        assert_eq!(evicted(&slots, &all, lapsed - MAX_AGE), None);
        assert_eq!(evicted(&slots, &all, lapsed), Some(0));
    }

    #[tokio::test]
    async fn a_waiting_connection_gets_the_slot_of_an_idle_one() {
        let slots = Slots::new(1);
        let first = slots.take().await;
        let evicted = tokio::spawn(async move { first.eviction().await });
        timeout(Duration::from_secs(10), slots.take())
            .await
            .unwrap();
        evicted.await.unwrap();
    }

    #[tokio::test]
    async fn a_request_before_the_eviction_is_answered() {
        let slots = Slots::new(1);
        let slot = slots.take().await;
        slot.peer().evict();
        let _request = slot.peer().begin_request();
        assert!(timeout(MAX_AGE / 4, slot.eviction()).await.is_err());
        slots.evict_one(Instant::now() + MAX_AGE);
        tokio::time::sleep(MAX_AGE).await;
        assert!(timeout(MAX_AGE, slot.eviction()).await.is_ok());
    }

    #[tokio::test]
    async fn a_connection_with_a_credential_is_not_evicted() {
        let slots = Slots::new(1);
        let first = slots.take().await;
        first.peer().mark(true);
        assert!(timeout(3 * MAX_IDLE, slots.take()).await.is_err());
        drop(first);
        timeout(Duration::from_secs(10), slots.take())
            .await
            .unwrap();
    }
}
