//! The places for connections, and which one is closed for a client that waits.
//!
//! A place costs a client nothing, so one without a credential could hold all of them. While others wait,
//! connections on which no valid credential was seen are closed, the longest idle one first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How long a connection without a valid credential may be idle while others wait, and how long a request
/// on it may take. A token is fetched in milliseconds.
const IDLE: Duration = Duration::from_millis(100);
const BUSY: Duration = Duration::from_secs(1);

/// All places.
pub(super) struct Seats {
    free: Arc<Semaphore>,
    guests: Arc<Mutex<Guests>>,
}

#[derive(Default)]
struct Guests {
    next: u64,
    seated: HashMap<u64, Guest>,
}

/// One connection's place, free again when this is dropped.
pub(super) struct Seat {
    number: u64,
    guest: Guest,
    guests: Arc<Mutex<Guests>>,
    _permit: Option<OwnedSemaphorePermit>,
}

/// What is known of the client of one connection.
#[derive(Clone)]
pub(crate) struct Guest(Arc<State>);

struct State {
    leave: Notify,
    activity: Mutex<Activity>,
}

struct Activity {
    is_known: bool,
    is_leaving: bool,
    requests: usize,
    since: Instant,
}

/// A request that is being answered.
pub(super) struct Answering(Guest);

impl Seats {
    pub(super) fn new(count: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(count)),
            guests: Arc::default(),
        }
    }

    /// A place for a connection, as soon as there is one.
    pub(super) async fn take(&self) -> Seat {
        loop {
            let free = Arc::clone(&self.free);
            // It is never closed, so there is always a place in the end.
            let permit = match Arc::clone(&free).try_acquire_owned() {
                Ok(permit) => Some(permit),
                Err(_) => {
                    let wait = self.send_one_away(Instant::now());
                    match timeout(wait, free.acquire_owned()).await {
                        Ok(permit) => permit.ok(),
                        Err(_) => continue,
                    }
                }
            };
            return self.seat(permit);
        }
    }

    fn seat(&self, permit: Option<OwnedSemaphorePermit>) -> Seat {
        let guest = Guest::new();
        let mut guests = lock(&self.guests);
        let number = guests.next;
        guests.next += 1;
        guests.seated.insert(number, guest.clone());
        Seat {
            number,
            guest,
            guests: Arc::clone(&self.guests),
            _permit: permit,
        }
    }

    /// Closes the connection whose time is over first, if it is; how long to wait until the next look.
    fn send_one_away(&self, now: Instant) -> Duration {
        let guests = lock(&self.guests);
        let due = guests.seated.values();
        let first = due
            .filter_map(|guest| Some((guest.due()?, guest)))
            .min_by_key(|(due, _)| *due);
        match first {
            Some((due, guest)) if due <= now => {
                guest.send_away();
                IDLE
            }
            Some((due, _)) => IDLE.min(due - now),
            None => IDLE,
        }
    }
}

impl Seat {
    pub(super) fn guest(&self) -> &Guest {
        &self.guest
    }

    /// Done when the connection has to be closed for another one.
    pub(super) async fn is_needed(&self) {
        self.guest.0.leave.notified().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        lock(&self.guests).seated.remove(&self.number);
    }
}

impl Guest {
    fn new() -> Self {
        Self(Arc::new(State {
            leave: Notify::new(),
            activity: Mutex::new(Activity {
                is_known: false,
                is_leaving: false,
                requests: 0,
                since: Instant::now(),
            }),
        }))
    }

    /// Notes that a valid credential came over the connection.
    pub(crate) fn is_known(&self) {
        self.activity().is_known = true;
    }

    /// Notes a request, until its answer is made.
    pub(super) fn begin(&self) -> Answering {
        let mut activity = self.activity();
        activity.requests += 1;
        activity.since = Instant::now();
        Answering(self.clone())
    }

    /// When it may be sent away; `None` where it may not.
    fn due(&self) -> Option<Instant> {
        let activity = self.activity();
        let time = if activity.requests == 0 { IDLE } else { BUSY };
        (!activity.is_known && !activity.is_leaving).then(|| activity.since + time)
    }

    fn send_away(&self) {
        self.activity().is_leaving = true;
        self.0.leave.notify_one();
    }

    fn activity(&self) -> MutexGuard<'_, Activity> {
        lock(&self.0.activity)
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

    /// Which of the guests is told to leave at the time, as its place in the list.
    fn sent_away(seats: &Seats, all: &[Seat], now: Instant) -> Option<usize> {
        let is_leaving = |seat: &Seat| seat.guest.activity().is_leaving;
        let before: Vec<bool> = all.iter().map(is_leaving).collect();
        seats.send_one_away(now);
        (0..all.len()).find(|&place| is_leaving(&all[place]) != before[place])
    }

    #[test]
    fn the_longest_idle_one_without_a_credential_goes_first_and_known_ones_stay() {
        let seats = Seats::new(4);
        let all: Vec<Seat> = (0..4).map(|_| seats.seat(None)).collect();
        let start = Instant::now();
        for (place, age) in [50, 30, 40, 60].into_iter().enumerate() {
            all[place].guest.activity().since = start - Duration::from_millis(age);
        }
        all[0].guest.is_known();
        let request = all[3].guest.begin();
        assert_eq!(sent_away(&seats, &all, start + IDLE / 2), None);
        let late = start + IDLE;
        assert_eq!(sent_away(&seats, &all, late), Some(2));
        assert_eq!(sent_away(&seats, &all, late), Some(1));
        assert_eq!(sent_away(&seats, &all, late), None, "it has a request");
        assert_eq!(sent_away(&seats, &all, late + BUSY), Some(3));
        assert_eq!(sent_away(&seats, &all, late + 10 * BUSY), None);
        drop(request);
        drop(all);
        assert!(lock(&seats.guests).seated.is_empty());
    }

    #[tokio::test]
    async fn whoever_waits_gets_the_place_of_an_idle_one() {
        let seats = Seats::new(1);
        let first = seats.take().await;
        let leaving = tokio::spawn(async move { first.is_needed().await });
        timeout(Duration::from_secs(10), seats.take())
            .await
            .unwrap();
        leaving.await.unwrap();
    }

    #[tokio::test]
    async fn a_place_with_a_credential_is_waited_for() {
        let seats = Seats::new(1);
        let first = seats.take().await;
        first.guest().is_known();
        assert!(timeout(3 * IDLE, seats.take()).await.is_err());
        drop(first);
        timeout(Duration::from_secs(10), seats.take())
            .await
            .unwrap();
    }
}
