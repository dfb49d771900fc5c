//! Values that were read or written lately, for as long as the caller allows. No waiting here: what
//! takes time is in `operations/cached.rs`.

mod policy;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use helvetisafe_crypto::Payload;
use helvetisafe_proto::KeyName;
use jiff::Timestamp;

use crate::driver::Gate;
use crate::error::Error;
use crate::session::Now;

pub use policy::{CachePolicy, Freshness};

/// A value with what the vault says about it.
#[derive(Clone)]
pub(crate) struct Value {
    pub(crate) payload: Arc<Payload>,
    pub(crate) expires_at: Option<Timestamp>,
}

pub(crate) struct Cache<G>(Arc<Shared<G>>);

struct Shared<G> {
    policy: CachePolicy,
    entries: Mutex<Entries>,
    /// Opened when a read has ended.
    landed: G,
}

#[derive(Default)]
struct Entries {
    by_key: HashMap<KeyName, Entry>,
    /// Counts uses, so that the least recent one can be told.
    uses: u64,
    /// When to look again for values that are of no more use.
    next_sweep: Duration,
}

#[derive(Default)]
struct Entry {
    kept: Option<Kept>,
    /// Somebody is reading it.
    reading: Option<Mark>,
    /// Reads that ended, and what the last one brought if it failed, and when.
    landings: u64,
    failure: Option<(Error, Duration)>,
    /// Writes under way, whether two of them overlapped, and how many began or ended: what was read
    /// meanwhile may be older than what was written.
    writes: u32,
    overlapped: bool,
    write_marks: u64,
    last_use: u64,
}

struct Kept {
    value: Value,
    since: Duration,
}

/// Of a read that is under way: which one, and when it is given up.
struct Mark {
    id: u64,
    until: Duration,
}

/// What somebody who wants a value does next.
pub(crate) enum Step<G: Gate> {
    /// Takes it, or the failure of the read that was waited for.
    Take(Result<(Value, Freshness), Error>),
    /// Reads it, for all.
    Read(Reading<G>),
    /// Waits for a read that is under way.
    Wait { at_most: Duration },
}

impl<G: Gate> Cache<G> {
    pub(crate) fn new(policy: CachePolicy) -> Self {
        Self(Arc::new(Shared {
            policy,
            entries: Mutex::default(),
            landed: G::default(),
        }))
    }

    /// Opened when a read has ended.
    pub(crate) fn landed(&self) -> &G {
        &self.0.landed
    }

    /// How many reads of it have ended so far.
    pub(crate) fn landings(&self, key: &KeyName) -> u64 {
        let entries = self.lock();
        entries.by_key.get(key).map_or(0, |entry| entry.landings)
    }

    /// What to do for a value. `before` is the number of reads that had ended when the wish began;
    /// a read that has not ended `longest` after its begin is waited for no more.
    pub(crate) fn step(&self, key: &KeyName, before: u64, now: Now, longest: Duration) -> Step<G> {
        let policy = &self.0.policy;
        let mut entries = self.lock();
        let entry = entries.used(key);
        if let Some((value, age)) = entry.alive(now)
            && age < policy.time_to_live
        {
            let freshness = if entry.landings == before {
                Freshness::Cached { age }
            } else {
                Freshness::Fresh
            };
            return Step::Take(Ok((value, freshness)));
        }
        if let Some((error, since)) = &entry.failure {
            let age = now.clock.saturating_sub(*since);
            if entry.landings != before || age < policy.life_of(error) {
                return Step::Take(policy.fallback(entry, error.clone(), now));
            }
        }
        match entry.patience(now) {
            Some(at_most) => Step::Wait { at_most },
            None => Step::Read(self.begin_read(key, entry, now.clock.saturating_add(longest))),
        }
    }

    fn begin_read(&self, key: &KeyName, entry: &mut Entry, until: Duration) -> Reading<G> {
        // Each use has another number.
        let id = entry.last_use;
        entry.reading = Some(Mark { id, until });
        Reading {
            shared: Arc::clone(&self.0),
            key: key.clone(),
            id,
            write_marks: entry.write_marks,
        }
    }

    /// For whoever can neither read it nor wait for it: the old value where that is allowed, else the
    /// error.
    pub(crate) fn fallback(
        &self,
        key: &KeyName,
        error: Error,
        now: Now,
    ) -> Result<(Value, Freshness), Error> {
        match self.lock().by_key.get(key) {
            Some(entry) => self.0.policy.fallback(entry, error, now),
            None => Err(error),
        }
    }

    /// A write that begins.
    pub(crate) fn begin_write<'a>(&'a self, key: &'a KeyName) -> Writing<'a, G> {
        let mut entries = self.lock();
        let entry = entries.used(key);
        entry.writes += 1;
        entry.overlapped |= entry.writes > 1;
        entry.write_marks += 1;
        Writing {
            cache: self,
            key,
            written: None,
        }
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

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock()
    }
}

impl<G> Shared<G> {
    /// A thread that panicked leaves a whole state behind, so poison does not matter.
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn used(&mut self, key: &KeyName) -> &mut Entry {
        self.uses += 1;
        let entry = self.by_key.entry(key.clone()).or_default();
        entry.last_use = self.uses;
        entry
    }

    /// Drops the values that no read can bring any more, now and then.
    fn sweep(&mut self, policy: &CachePolicy, now: Now) {
        if now.clock < self.next_sweep {
            return;
        }
        let longest = policy.longest();
        self.next_sweep = now.clock.saturating_add(longest.max(SWEEP_INTERVAL));
        for entry in self.by_key.values_mut() {
            if entry.alive(now).is_none_or(|(_, age)| age >= longest) {
                entry.kept = None;
            }
        }
    }

    /// Drops what nobody asked for the longest, until no more than `capacity` values are there, and
    /// no more names without a value: asking for what is not there costs no value.
    fn shrink(&mut self, capacity: usize) {
        for has_value in [true, false] {
            while let Some(key) = self.surplus(has_value, capacity) {
                self.by_key.remove(&key);
            }
        }
    }

    /// The idle one of its kind that nobody asked for the longest, if that kind has too many.
    fn surplus(&self, has_value: bool, capacity: usize) -> Option<KeyName> {
        let is_meant = |entry: &Entry| entry.kept.is_some() == has_value;
        let meant = || self.by_key.iter().filter(|(_, entry)| is_meant(entry));
        // Most often there are few in all, which is quickly told.
        if self.by_key.len() <= capacity || meant().count() <= capacity {
            return None;
        }
        let idle = meant().filter(|(_, entry)| entry.is_idle());
        let oldest = idle.min_by_key(|(_, entry)| entry.last_use);
        oldest.map(|(key, _)| key.clone())
    }
}

impl Entry {
    /// What is being read meanwhile is not kept either.
    fn forget(&mut self) {
        self.kept = None;
        self.failure = None;
        self.write_marks += 1;
    }

    fn is_idle(&self) -> bool {
        self.reading.is_none() && self.writes == 0
    }

    /// How long to wait for the read that is under way. The task of one that is too old rests, with a
    /// runtime that nobody runs.
    fn patience(&self, now: Now) -> Option<Duration> {
        let rest = self.reading.as_ref()?.until.checked_sub(now.clock)?;
        (!rest.is_zero()).then_some(rest)
    }

    /// The value and its age, unless it is past its own expiry.
    fn alive(&self, now: Now) -> Option<(Value, Duration)> {
        let kept = self.kept.as_ref()?;
        let expired = kept.value.expires_at.is_some_and(|at| at <= now.wall);
        let age = now.clock.saturating_sub(kept.since);
        (!expired).then(|| (kept.value.clone(), age))
    }
}

/// How seldom all values are looked at.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

impl CachePolicy {
    /// How old a value may be that a read brings.
    fn longest(&self) -> Duration {
        self.time_to_live.saturating_add(self.stale_for)
    }

    /// After a failed read: the old value where that is allowed, else the failure.
    fn fallback(&self, entry: &Entry, error: Error, now: Now) -> Result<(Value, Freshness), Error> {
        match entry.alive(now) {
            Some((value, age)) if error.is_retryable() && age < self.longest() => {
                Ok((value, Freshness::Stale { age, error }))
            }
            _ => Err(error),
        }
    }
}

/// A read that is under way. Dropped without an end, it lets the next one try.
pub(crate) struct Reading<G: Gate> {
    shared: Arc<Shared<G>>,
    key: KeyName,
    id: u64,
    write_marks: u64,
}

impl<G: Gate> Reading<G> {
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
                        since: now.clock,
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
    written: Option<Kept>,
}

impl<G: Gate> Writing<'_, G> {
    /// Keeps what was written. Of two writes at the same time nobody here knows which came later,
    /// so neither is kept.
    pub(crate) fn end(mut self, value: Value, now: Now) {
        self.written = Some(Kept {
            value,
            since: now.clock,
        });
    }
}

impl<G: Gate> Drop for Writing<'_, G> {
    fn drop(&mut self) {
        let mut entries = self.cache.lock();
        let entry = entries.used(self.key);
        entry.writes -= 1;
        entry.forget();
        entry.kept = self.written.take().filter(|_| !entry.overlapped);
        if entry.writes == 0 {
            entry.overlapped = false;
        }
        entries.shrink(self.cache.0.policy.capacity.get());
    }
}

#[cfg(test)]
mod tests;
