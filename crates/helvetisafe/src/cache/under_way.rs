//! Reads and writes that are under way.

use std::sync::Arc;
use std::time::Duration;

use helvetisafe_proto::KeyName;

use super::entries::{Entry, Kept, Mark};
use super::{Cache, Freshness, Shared, Value};
use crate::driver::Gate;
use crate::error::Error;
use crate::session::Now;

/// A read that is under way. Dropped without an end, it lets the next one try.
pub(crate) struct Reading<G: Gate> {
    shared: Arc<Shared<G>>,
    key: KeyName,
    id: u64,
    /// When it began. What it brings is as old as that: an answer may take long.
    begun: Duration,
    write_marks: u64,
}

impl<G: Gate> Reading<G> {
    /// It is given up when it has not ended `longest` after now.
    pub(super) fn begin(
        shared: &Arc<Shared<G>>,
        key: &KeyName,
        entry: &mut Entry,
        now: Duration,
        longest: Duration,
    ) -> Self {
        // Each use has another number.
        let id = entry.last_use;
        let until = now.saturating_add(longest);
        entry.reading = Some(Mark { id, until });
        Self {
            shared: Arc::clone(shared),
            key: key.clone(),
            id,
            begun: now,
            write_marks: entry.write_marks,
        }
    }

    pub(crate) fn key(&self) -> &KeyName {
        &self.key
    }

    /// Keeps what was read, and tells it to those who wait, unless it was written meanwhile.
    pub(crate) fn end(
        self,
        outcome: Result<Value, Error>,
        now: Now,
    ) -> Result<(Value, Freshness), Error> {
        let policy = self.shared.policy;
        let mut entries = self.shared.lock();
        entries.sweep(&policy, now);
        let entry = entries.used(&self.key);
        let is_latest = self.is_latest(entry);
        entry.landings += 1;
        entry.failure = None;
        match outcome {
            Ok(value) => {
                if is_latest {
                    entry.kept = Some(Kept {
                        value: value.clone(),
                        since: self.begun,
                        landing: entry.landings,
                    });
                }
                Ok((value, Freshness::Fresh))
            }
            // Nobody else is told what was so before the write.
            Err(error) if !is_latest => Err(error),
            Err(error) => {
                // What the vault denies is not kept either.
                if !error.is_retryable() {
                    entry.kept = None;
                }
                entry.failure = Some((error.clone(), now.clock));
                policy.fallback(entry, error, now)
            }
        }
    }

    /// It failed for want of time. That is not told to those who wait, and have more; where it had the
    /// `whole` time of an operation, it is a failure to keep as any other.
    pub(crate) fn run_out(
        self,
        error: Error,
        whole: bool,
        now: Now,
    ) -> Result<(Value, Freshness), Error> {
        let policy = self.shared.policy;
        let mut entries = self.shared.lock();
        let entry = entries.used(&self.key);
        if !self.is_latest(entry) {
            return Err(error);
        }
        if whole && !policy.life_of(&error).is_zero() {
            entry.failure = Some((error.clone(), now.clock));
        }
        policy.fallback(entry, error, now)
    }

    /// Whether nobody wrote it or began to read it meanwhile.
    fn is_latest(&self, entry: &Entry) -> bool {
        self.is_mine(entry) && entry.writes == 0 && entry.write_marks == self.write_marks
    }

    fn is_mine(&self, entry: &Entry) -> bool {
        entry
            .reading
            .as_ref()
            .is_some_and(|mark| mark.id == self.id)
    }
}

impl<G: Gate> Drop for Reading<G> {
    fn drop(&mut self) {
        let mut entries = self.shared.lock();
        let entry = entries.used(&self.key);
        if self.is_mine(entry) {
            entry.reading = None;
        }
        entries.shrink(self.shared.policy.capacity.get());
        drop(entries);
        self.shared.landed.open();
    }
}

/// A write that is under way. Dropped without an end, its outcome is not known, and the value goes.
pub(crate) struct Writing<'a, G: Gate> {
    cache: &'a Cache<G>,
    key: &'a KeyName,
    /// And when.
    written: Option<(Value, Duration)>,
}

impl<'a, G: Gate> Writing<'a, G> {
    pub(super) fn begin(cache: &'a Cache<G>, key: &'a KeyName) -> Self {
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

    /// Keeps what was written. Of two writes at the same time nobody here knows which came later,
    /// so neither is kept.
    pub(crate) fn end(mut self, value: Value, now: Now) {
        self.written = Some((value, now.clock));
    }
}

impl<G: Gate> Drop for Writing<'_, G> {
    fn drop(&mut self) {
        let mut entries = self.cache.lock();
        let entry = entries.used(self.key);
        entry.writes -= 1;
        entry.forget();
        let written = self.written.take().filter(|_| !entry.overlapped);
        entry.kept = written.map(|(value, since)| Kept {
            value,
            since,
            landing: entry.landings,
        });
        if entry.writes == 0 {
            entry.overlapped = false;
        }
        entries.shrink(self.cache.0.policy.capacity.get());
    }
}
