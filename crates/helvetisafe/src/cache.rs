//! A cache of values that were read or written recently. It decides; `operations/cached.rs` reads, writes
//! and waits.

mod entries;
mod in_flight;
mod outage;
mod policy;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use helvetisafe_crypto::Payload;
use helvetisafe_proto::{KeyName, Version};
use jiff::Timestamp;

use crate::clock::Now;
use crate::error::Error;
use crate::runtime::Notify;
use crate::single_flight;
use entries::Entries;
use outage::Outage;

pub(crate) use in_flight::{Bypass, PendingWrite, ReadFlight};
pub use policy::{CachePolicy, Freshness};

/// A value, its times and its version.
#[derive(Clone)]
pub(crate) struct Value {
    pub(crate) payload: Arc<Payload>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) updated_at: Option<Timestamp>,
    pub(crate) version: Option<Version>,
}

/// The result of a read through the cache.
pub(crate) type Outcome = Result<(Value, Freshness), Error>;

/// The next step of a caller that wants a value.
pub(crate) type Step<N> = single_flight::Step<Outcome, ReadFlight<N>>;

/// The cache of a client; with [`ClientBuilder::cache`](crate::ClientBuilder::cache).
pub(crate) struct Cache<N>(Arc<Shared<N>>);

struct Shared<N> {
    policy: CachePolicy,
    /// A read of a cached value locks them shared, so that threads do not wait for each other.
    entries: RwLock<Entries>,
    /// Locked after the entries, or alone.
    outage: Mutex<Outage>,
    /// Notified at the end of each read.
    landed: N,
}

impl<N: Notify> Cache<N> {
    pub(crate) fn new(policy: CachePolicy) -> Self {
        Self(Arc::new(Shared {
            policy,
            entries: RwLock::default(),
            outage: Mutex::default(),
            landed: N::default(),
        }))
    }

    /// Notified at the end of each read.
    pub(crate) fn landed(&self) -> &N {
        &self.0.landed
    }

    /// Returns the cached value if it is fresh.
    pub(crate) fn hit(&self, key: &KeyName, now: Now) -> Option<(Value, Freshness)> {
        let entries = self.0.read();
        let entry = entries.by_key.get(key)?;
        let (value, age) = entry.live_value(now)?;
        if age >= self.0.policy.time_to_live {
            return None;
        }
        entries.note_use(entry);
        Some((value, Freshness::Cached { age }))
    }

    /// Returns the number of reads of this key that ended.
    pub(crate) fn completed_reads(&self, key: &KeyName) -> u64 {
        let entries = self.0.read();
        entries
            .by_key
            .get(key)
            .map_or(0, |entry| entry.completed_reads)
    }

    /// Decides about a caller that saw `before` completed reads when it began. A read that has not ended
    /// `longest` after its begin is given up.
    pub(crate) fn step(&self, key: &KeyName, before: u64, now: Now, longest: Duration) -> Step<N> {
        let policy = &self.0.policy;
        let mut entries = self.lock();
        let entry = entries.used(key);
        // The result of a read that this caller waited for counts as fresh, however long it took.
        let is_shared = entry.was_read_after(before) && !policy.time_to_live.is_zero();
        if let Some((value, age)) = entry.live_value(now)
            && (age < policy.time_to_live || is_shared)
        {
            let freshness = if entry.completed_reads == before {
                Freshness::Cached { age }
            } else {
                Freshness::Fresh
            };
            return Step::Take(Ok((value, freshness)));
        }
        if let Some((error, since)) = &entry.failure {
            let age = now.clock.saturating_sub(*since);
            if entry.completed_reads != before || age < policy.life_of(error) {
                return Step::Take(policy.fallback(entry, error.clone(), now));
            }
        }
        let has_stale = policy.stale(entry, now).is_some();
        if let Some(error) = self.0.outage().failure(key, has_stale, policy, now) {
            return Step::Take(policy.fallback(entry, error, now));
        }
        match entry.read.begin(now.clock, longest) {
            Err(at_most) => Step::Wait { at_most },
            Ok(id) => Step::Fly(ReadFlight::new(&self.0, key, entry, id, now.clock)),
        }
    }

    /// Returns the old value where the policy allows that, otherwise the error: for a caller that can
    /// neither read nor wait.
    pub(crate) fn fallback(&self, key: &KeyName, error: Error, now: Now) -> Outcome {
        match self.0.read().by_key.get(key) {
            Some(entry) => self.0.policy.fallback(entry, error, now),
            None => Err(error),
        }
    }

    /// Returns the time that a read waits for the vault if there is an old value to return instead.
    pub(crate) fn wait_before_stale(&self, key: &KeyName, now: Now) -> Option<Duration> {
        let policy = &self.0.policy;
        let entries = self.0.read();
        let entry = entries.by_key.get(key)?;
        policy.stale(entry, now).map(|_| policy.stale_after)
    }

    /// Returns the old value instead of that of a read that goes on, and notes that the vault is slow.
    pub(crate) fn stale_instead(&self, key: &KeyName, error: Error, now: Now) -> Outcome {
        if error.is_unfinished() {
            self.0.outage().begin(&error, now);
        }
        self.fallback(key, error, now)
    }

    /// Takes the keys of stale values to refresh, after the vault has answered.
    pub(crate) fn take_due(&self) -> BTreeSet<KeyName> {
        self.0.outage().take_due()
    }

    pub(crate) fn begin_write<'a>(&'a self, key: &'a KeyName) -> PendingWrite<'a, N> {
        PendingWrite::begin(self, key)
    }

    pub(crate) fn begin_bypass<'a>(&'a self, key: &'a KeyName, now: Now) -> Bypass<'a, N> {
        Bypass::begin(self, key, now)
    }

    pub(crate) fn forget(&self, key: &str) {
        if let Some(entry) = self.lock().by_key.get_mut(key) {
            entry.forget();
        }
    }

    pub(crate) fn clear(&self) {
        for entry in self.lock().by_key.values_mut() {
            entry.forget();
        }
    }

    fn lock(&self) -> RwLockWriteGuard<'_, Entries> {
        self.0.lock()
    }
}

impl<N> Shared<N> {
    /// The state is consistent even after a panic, so poison does not matter.
    fn lock(&self) -> RwLockWriteGuard<'_, Entries> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> RwLockReadGuard<'_, Entries> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn outage(&self) -> MutexGuard<'_, Outage> {
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
