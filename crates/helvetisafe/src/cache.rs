//! Values that were read or written lately, for as long as the caller allows. No waiting here: what
//! takes time is in `operations/cached.rs`.

mod entries;
mod policy;
mod under_way;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use helvetisafe_crypto::Payload;
use helvetisafe_proto::KeyName;
use jiff::Timestamp;

use crate::driver::Gate;
use crate::error::Error;
use crate::session::Now;
use entries::Entries;

pub use policy::{CachePolicy, Freshness};
pub(crate) use under_way::{Reading, Writing};

/// A value with what the vault says about it.
#[derive(Clone)]
pub(crate) struct Value {
    pub(crate) payload: Arc<Payload>,
    pub(crate) expires_at: Option<Timestamp>,
}

/// What a client keeps; with [`ClientBuilder::cache`](crate::ClientBuilder::cache).
pub(crate) struct Cache<G>(Arc<Shared<G>>);

struct Shared<G> {
    policy: CachePolicy,
    entries: Mutex<Entries>,
    /// Opened when a read has ended.
    landed: G,
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
        // What a read brought that was waited for serves, however long that took.
        let is_shared = entry.came_after(before) && !policy.time_to_live.is_zero();
        if let Some((value, age)) = entry.alive(now)
            && (age < policy.time_to_live || is_shared)
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
            None => Step::Read(Reading::begin(&self.0, key, entry, now.clock, longest)),
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
        Writing::begin(self, key)
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

#[cfg(test)]
mod tests;
