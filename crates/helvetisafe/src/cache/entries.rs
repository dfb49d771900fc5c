//! The entries of the cache.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use helvetisafe_proto::KeyName;

use super::{CachePolicy, Freshness, Outcome, Value};
use crate::clock::Now;
use crate::error::Error;
use crate::single_flight::Slot;

/// The shortest time between two sweeps over all values.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct Entries {
    pub(super) by_key: HashMap<KeyName, Entry>,
    /// Counts uses, to find the least recent one.
    uses: AtomicU64,
    /// The time of the next sweep.
    next_sweep: Duration,
}

#[derive(Default)]
pub(super) struct Entry {
    pub(super) value: Option<CachedValue>,
    /// The read in progress.
    pub(super) read: Slot,
    /// The number of reads that ended.
    pub(super) completed_reads: u64,
    /// The failure of the last read, if it failed, and its time.
    pub(super) failure: Option<(Error, Duration)>,
    /// The number of writes in progress.
    pub(super) writes: u32,
    /// True if two of them overlapped.
    pub(super) overlapped: bool,
    /// The number of reads in progress that bypass the cache.
    pub(super) bypasses: u32,
    /// Counts the begins and ends of writes: a read that meets one may return an old value.
    pub(super) write_marks: u64,
    /// The number of this use. Shared reads set it too.
    last_use: AtomicU64,
}

pub(super) struct CachedValue {
    pub(super) value: Value,
    /// The time at which the vault was asked for it, or stored it.
    pub(super) since: Duration,
    /// The number of completed reads when it was cached.
    pub(super) completed_reads: u64,
}

impl Entries {
    pub(super) fn used(&mut self, key: &KeyName) -> &mut Entry {
        let uses = self.uses.get_mut();
        *uses += 1;
        let entry = self.by_key.entry(key.clone()).or_default();
        *entry.last_use.get_mut() = *uses;
        entry
    }

    /// Counts a use of an entry.
    pub(super) fn note_use(&self, entry: &Entry) {
        let number = self.uses.fetch_add(1, Ordering::Relaxed) + 1;
        entry.last_use.store(number, Ordering::Relaxed);
    }

    /// Drops the values that are too old for any read, once in a while.
    pub(super) fn sweep(&mut self, policy: &CachePolicy, now: Now) {
        if now.clock < self.next_sweep {
            return;
        }
        let max_age = policy.max_age();
        self.next_sweep = now.clock.saturating_add(max_age.max(SWEEP_INTERVAL));
        for entry in self.by_key.values_mut() {
            if entry.live_value(now).is_none_or(|(_, age)| age >= max_age) {
                entry.value = None;
            }
        }
    }

    /// Drops the least recently used entries until there are at most `capacity` with a value, and as many
    /// without. So reads of absent secrets displace no value.
    pub(super) fn shrink(&mut self, capacity: usize) {
        for has_value in [true, false] {
            while let Some(key) = self.surplus(has_value, capacity) {
                self.by_key.remove(&key);
            }
        }
    }

    /// Returns the least recently used idle entry with or without a value, if there are too many of them.
    fn surplus(&self, has_value: bool, capacity: usize) -> Option<KeyName> {
        let is_meant = |entry: &Entry| entry.value.is_some() == has_value;
        let meant = || self.by_key.iter().filter(|(_, entry)| is_meant(entry));
        // The first check is quick, and nearly always enough.
        if self.by_key.len() <= capacity || meant().count() <= capacity {
            return None;
        }
        let idle = meant().filter(|(_, entry)| entry.is_idle());
        let oldest = idle.min_by_key(|(_, entry)| entry.last_use.load(Ordering::Relaxed));
        oldest.map(|(key, _)| key.clone())
    }
}

impl Entry {
    /// Drops the value and the failure. The result of a read in progress will not be cached.
    pub(super) fn forget(&mut self) {
        self.value = None;
        self.failure = None;
        self.write_marks += 1;
    }

    fn is_idle(&self) -> bool {
        self.read.is_free() && self.writes == 0 && self.bypasses == 0
    }

    /// Returns true if the value comes from a read after the first `completed_reads`.
    pub(super) fn was_read_after(&self, completed_reads: u64) -> bool {
        self.value
            .as_ref()
            .is_some_and(|cached| cached.completed_reads > completed_reads)
    }

    /// Returns the value and its age, unless its own expiry has passed.
    pub(super) fn live_value(&self, now: Now) -> Option<(Value, Duration)> {
        let cached = self.value.as_ref()?;
        let is_expired = cached.value.expires_at.is_some_and(|at| at <= now.wall);
        let age = now.clock.saturating_sub(cached.since);
        (!is_expired).then(|| (cached.value.clone(), age))
    }
}

impl CachePolicy {
    /// Returns the greatest age at which a read may return a value.
    fn max_age(&self) -> Duration {
        self.time_to_live.saturating_add(self.stale_for)
    }

    /// Returns the value and its age, if it may be returned after a failed read.
    pub(super) fn stale(&self, entry: &Entry, now: Now) -> Option<(Value, Duration)> {
        let value = entry.live_value(now);
        value.filter(|(_, age)| *age < self.max_age())
    }

    /// Returns the old value after a failed read, where that is allowed, otherwise the error.
    pub(super) fn fallback(&self, entry: &Entry, error: Error, now: Now) -> Outcome {
        match self.stale(entry, now) {
            Some((value, age)) if error.is_retryable() => {
                Ok((value, Freshness::Stale { age, error }))
            }
            _ => Err(error),
        }
    }
}
