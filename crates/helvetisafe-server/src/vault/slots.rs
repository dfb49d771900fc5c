//! The slots for connections, and which one is closed for a client that waits.
//!
//! A slot costs a client nothing, so one without a credential could hold all of them. While others wait,
//! connections on which no valid credential was seen are closed: those that are idle, and the old ones
//! whatever they do, since one request after the other would keep them busy for ever.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// The time for which a connection without a valid credential may be idle while others wait, and its age at
/// which it may be closed in any case. A token is fetched in milliseconds.
const IDLE: Duration = Duration::from_millis(100);
const LIFE: Duration = Duration::from_secs(1);

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

/// The slot of one connection, free again when this is dropped.
pub(super) struct Slot {
    number: u64,
    peer: Peer,
    peers: Arc<Mutex<Peers>>,
    _permit: Option<OwnedSemaphorePermit>,
}

/// The state of the client of one connection.
#[derive(Clone)]
pub(crate) struct Peer(Arc<State>);

struct State {
    evict: Notify,
    activity: Mutex<Activity>,
}

struct Activity {
    is_known: bool,
    is_evicted: bool,
    requests: usize,
    accepted: Instant,
    /// When the last request began or ended.
    since: Instant,
}

/// A request that is being answered.
pub(super) struct Answering(Peer);

impl Slots {
    pub(super) fn new(count: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(count)),
            peers: Arc::default(),
        }
    }

    /// Returns a slot for a connection, as soon as there is one.
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

    /// Closes the connection whose time was over first, if it is over. Returns how long to wait for a slot
    /// before the next try.
    fn evict_one(&self, now: Instant) -> Duration {
        let peers = lock(&self.peers);
        let connected = peers.connected.values();
        let first = connected
            .filter_map(|peer| Some((peer.due()?, peer)))
            .min_by_key(|(due, _)| *due);
        match first {
            Some((due, peer)) if due <= now => {
                peer.evict();
                IDLE
            }
            Some((due, _)) => IDLE.min(due - now),
            None => IDLE,
        }
    }
}

impl Slot {
    pub(super) fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Returns when the connection has to be closed for another one.
    pub(super) async fn eviction(&self) {
        loop {
            self.peer.0.evict.notified().await;
            let mut activity = self.peer.activity();
            if !activity.is_known && activity.due() <= Instant::now() {
                return;
            }
            // A request or a credential came in the meantime.
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
                is_known: false,
                is_evicted: false,
                requests: 0,
                accepted: now,
                since: now,
            }),
        }))
    }

    /// Notes that a valid credential came over the connection.
    pub(crate) fn mark_known(&self) {
        self.activity().is_known = true;
    }

    /// Notes a request, until the returned guard is dropped.
    pub(super) fn begin(&self) -> Answering {
        let mut activity = self.activity();
        activity.requests += 1;
        activity.since = Instant::now();
        Answering(self.clone())
    }

    /// When it may be evicted; `None` where it may not, or is already.
    fn due(&self) -> Option<Instant> {
        let activity = self.activity();
        (!activity.is_known && !activity.is_evicted).then(|| activity.due())
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
        let old = self.accepted + LIFE;
        if self.requests == 0 {
            old.min(self.since + IDLE)
        } else {
            old
        }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let mut activity = self.0.activity();
        activity.requests -= 1;
        activity.since = Instant::now();
    }
}

// No code panics while it holds a lock, and if it did, what it guards would still be whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
    fn the_longest_idle_one_without_a_credential_goes_first_and_known_ones_stay() {
        let slots = Slots::new(4);
        let all: Vec<Slot> = (0..4).map(|_| slots.slot(None)).collect();
        let start = Instant::now();
        for (place, age) in [50, 30, 40, 60].into_iter().enumerate() {
            all[place].peer.activity().since = start - Duration::from_millis(age);
        }
        all[0].peer.mark_known();
        let request = all[3].peer.begin();
        assert_eq!(evicted(&slots, &all, start + IDLE / 2), None);
        let late = start + IDLE;
        assert_eq!(evicted(&slots, &all, late), Some(2));
        assert_eq!(evicted(&slots, &all, late), Some(1));
        assert_eq!(evicted(&slots, &all, late), None, "it has a request");
        assert_eq!(evicted(&slots, &all, late + LIFE), Some(3));
        assert_eq!(evicted(&slots, &all, late + 10 * LIFE), None);
        drop(request);
        drop(all);
        assert!(lock(&slots.peers).connected.is_empty());
    }

    #[test]
    fn requests_do_not_make_a_connection_without_a_credential_younger() {
        let slots = Slots::new(2);
        let all: Vec<Slot> = (0..2).map(|_| slots.slot(None)).collect();
        let start = all[1].peer.activity().accepted;
        all[0].peer.mark_known();
        let late = start + LIFE;
        all[1].peer.activity().since = late;
        assert_eq!(evicted(&slots, &all, late - IDLE / 2), None, "it is young");
        let _request = all[1].peer.begin();
        assert_eq!(evicted(&slots, &all, late), Some(1));
    }

    #[tokio::test]
    async fn a_connection_that_waits_gets_the_slot_of_an_idle_one() {
        let slots = Slots::new(1);
        let first = slots.take().await;
        let evicted = tokio::spawn(async move { first.eviction().await });
        timeout(Duration::from_secs(10), slots.take())
            .await
            .unwrap();
        evicted.await.unwrap();
    }

    #[tokio::test]
    async fn a_request_that_comes_before_the_end_is_answered() {
        let slots = Slots::new(1);
        let slot = slots.take().await;
        slot.peer().evict();
        let _request = slot.peer().begin();
        assert!(timeout(LIFE / 4, slot.eviction()).await.is_err());
        slots.evict_one(Instant::now() + LIFE);
        tokio::time::sleep(LIFE).await;
        assert!(timeout(LIFE, slot.eviction()).await.is_ok());
    }

    #[tokio::test]
    async fn a_connection_with_a_credential_is_not_evicted() {
        let slots = Slots::new(1);
        let first = slots.take().await;
        first.peer().mark_known();
        assert!(timeout(3 * IDLE, slots.take()).await.is_err());
        drop(first);
        timeout(Duration::from_secs(10), slots.take())
            .await
            .unwrap();
    }
}
