//! Reads and writes in progress.

use std::sync::Arc;
use std::time::Duration;

use helvetisafe_proto::KeyName;

use super::entries::{CachedValue, Entry};
use super::{Cache, Freshness, Outcome, Shared, Value};
use crate::clock::Now;
use crate::error::{Error, ErrorKind};
use crate::runtime::Notify;
use crate::single_flight::FlightId;

/// A read in progress. Its drop frees the slot and wakes the waiters.
pub(crate) struct ReadFlight<N: Notify> {
    shared: Arc<Shared<N>>,
    key: KeyName,
    id: FlightId,
    /// The time of its begin, from which the age of the value counts: an answer may take long.
    begun: Duration,
    write_marks: u64,
}

impl<N: Notify> ReadFlight<N> {
    pub(super) fn new(
        shared: &Arc<Shared<N>>,
        key: &KeyName,
        entry: &Entry,
        id: FlightId,
        begun: Duration,
    ) -> Self {
        Self {
            shared: Arc::clone(shared),
            key: key.clone(),
            id,
            begun,
            write_marks: entry.write_marks,
        }
    }

    pub(crate) fn key(&self) -> &KeyName {
        &self.key
    }

    /// Caches the result for all callers, unless the secret was written meanwhile.
    pub(crate) fn end(self, result: Result<Value, Error>, now: Now) -> Outcome {
        let policy = self.shared.policy;
        let mut entries = self.shared.lock();
        self.shared.outage().note_end(result.as_ref().err(), now);
        entries.sweep(&policy, now);
        let entry = entries.used(&self.key);
        let is_latest = self.is_latest(entry);
        entry.completed_reads += 1;
        entry.failure = None;
        match result {
            Ok(value) => {
                if is_latest {
                    entry.value = Some(CachedValue {
                        value: value.clone(),
                        since: self.begun,
                        completed_reads: entry.completed_reads,
                    });
                }
                Ok((value, Freshness::Fresh))
            }
            // The error is older than the write, so other callers do not get it.
            Err(error) if !is_latest => Err(error),
            Err(error) => {
                // A refusal by TLS or a proxy says nothing about the key.
                if !error.is_retryable() && error.kind() != ErrorKind::Transport {
                    entry.value = None;
                }
                entry.failure = Some((error.clone(), now.clock));
                policy.fallback(entry, error, now)
            }
        }
    }

    /// Ends a read that timed out. Waiting callers have more time, so they do not get its error. It is cached
    /// as a failure only if the read had the `whole` time of an operation.
    pub(crate) fn time_out(self, error: Error, whole: bool, now: Now) -> Outcome {
        let policy = self.shared.policy;
        let mut entries = self.shared.lock();
        if whole {
            self.shared.outage().note_end(Some(&error), now);
        }
        let entry = entries.used(&self.key);
        if !self.is_latest(entry) {
            return Err(error);
        }
        if whole && !policy.life_of(&error).is_zero() {
            entry.failure = Some((error.clone(), now.clock));
        }
        policy.fallback(entry, error, now)
    }

    /// Returns true if no write and no later read of the key began meanwhile.
    fn is_latest(&self, entry: &Entry) -> bool {
        entry.read.holds(self.id) && entry.writes == 0 && entry.write_marks == self.write_marks
    }
}

impl<N: Notify> Drop for ReadFlight<N> {
    fn drop(&mut self) {
        let mut entries = self.shared.lock();
        entries.used(&self.key).read.free(self.id);
        entries.shrink(self.shared.policy.capacity.get());
        drop(entries);
        self.shared.landed.notify();
    }
}

/// A read in progress of a caller that wants no cached value.
pub(crate) struct Bypass<'a, N: Notify> {
    cache: &'a Cache<N>,
    key: &'a KeyName,
    begun: Duration,
    write_marks: u64,
}

impl<'a, N: Notify> Bypass<'a, N> {
    pub(super) fn begin(cache: &'a Cache<N>, key: &'a KeyName, now: Now) -> Self {
        let mut entries = cache.lock();
        let entry = entries.used(key);
        entry.bypasses += 1;
        Self {
            cache,
            key,
            begun: now.clock,
            write_marks: entry.write_marks,
        }
    }

    /// Caches the result, unless the secret was written meanwhile. A failure that may pass changes nothing.
    pub(crate) fn end(self, result: &Result<Value, Error>, now: Now) {
        let mut entries = self.cache.lock();
        entries.sweep(&self.cache.0.policy, now);
        let entry = entries.used(self.key);
        let value = match result {
            Ok(value) => Some(value),
            Err(error) if error.is_retryable() || error.is_cancelled() => return,
            Err(_) => None,
        };
        if entry.writes == 0 && entry.write_marks == self.write_marks {
            // A read in progress may be older.
            entry.forget();
            entry.value = value.map(|value| CachedValue {
                value: value.clone(),
                since: self.begun,
                completed_reads: entry.completed_reads,
            });
        }
    }
}

impl<N: Notify> Drop for Bypass<'_, N> {
    fn drop(&mut self) {
        let mut entries = self.cache.lock();
        entries.used(self.key).bypasses -= 1;
        entries.shrink(self.cache.0.policy.capacity.get());
    }
}

/// A write in progress. Its drop without [`PendingWrite::end`] means that the outcome is unknown: the value is
/// dropped.
pub(crate) struct PendingWrite<'a, N: Notify> {
    cache: &'a Cache<N>,
    key: &'a KeyName,
    /// The value, and the time of its end.
    written: Option<(Value, Duration)>,
}

impl<'a, N: Notify> PendingWrite<'a, N> {
    pub(super) fn begin(cache: &'a Cache<N>, key: &'a KeyName) -> Self {
        let mut entries = cache.lock();
        let entry = entries.used(key);
        entry.writes += 1;
        entry.overlapped |= entry.writes > 1;
        entry.write_marks += 1;
        Self {
            cache,
            key,
            written: None,
        }
    }

    /// Caches the written value. Of two writes at the same time the order is unknown, so neither is cached.
    pub(crate) fn end(mut self, value: Value, now: Now) {
        self.written = Some((value, now.clock));
    }
}

impl<N: Notify> Drop for PendingWrite<'_, N> {
    fn drop(&mut self) {
        let mut entries = self.cache.lock();
        let entry = entries.used(self.key);
        entry.writes -= 1;
        entry.forget();
        let written = self.written.take().filter(|_| !entry.overlapped);
        entry.value = written.map(|(value, since)| CachedValue {
            value,
            since,
            completed_reads: entry.completed_reads,
        });
        if entry.writes == 0 {
            entry.overlapped = false;
        }
        entries.shrink(self.cache.0.policy.capacity.get());
    }
}
