//! What is known of each name.

use std::collections::HashMap;
use std::time::Duration;

use helvetisafe_proto::KeyName;

use super::{CachePolicy, Freshness, Value};
use crate::error::Error;
use crate::session::Now;

/// How seldom all values are looked at.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct Entries {
    pub(super) by_key: HashMap<KeyName, Entry>,
    /// Counts uses, so that the least recent one can be told.
    uses: u64,
    /// When to look again for values that are of no more use.
    next_sweep: Duration,
}

#[derive(Default)]
pub(super) struct Entry {
    pub(super) kept: Option<Kept>,
    /// Somebody is reading it.
    pub(super) reading: Option<Mark>,
    /// Reads that ended, and what the last one brought if it failed, and when.
    pub(super) landings: u64,
    pub(super) failure: Option<(Error, Duration)>,
    /// Writes under way, whether two of them overlapped, and how many began or ended: what was read
    /// meanwhile may be older than what was written.
    pub(super) writes: u32,
    pub(super) overlapped: bool,
    pub(super) write_marks: u64,
    pub(super) last_use: u64,
}

pub(super) struct Kept {
    pub(super) value: Value,
    /// When the vault was asked for it, or took it.
    pub(super) since: Duration,
    /// How many reads had ended when it came, the one that brought it included.
    pub(super) landing: u64,
}

/// Of a read that is under way: which one, and when it is given up.
pub(super) struct Mark {
    pub(super) id: u64,
    pub(super) until: Duration,
}

impl Entries {
    pub(super) fn used(&mut self, key: &KeyName) -> &mut Entry {
        self.uses += 1;
        let entry = self.by_key.entry(key.clone()).or_default();
        entry.last_use = self.uses;
        entry
    }

    /// Drops the values that no read can bring any more, now and then.
    pub(super) fn sweep(&mut self, policy: &CachePolicy, now: Now) {
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
    pub(super) fn shrink(&mut self, capacity: usize) {
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
    pub(super) fn forget(&mut self) {
        self.kept = None;
        self.failure = None;
        self.write_marks += 1;
    }

    fn is_idle(&self) -> bool {
        self.reading.is_none() && self.writes == 0
    }

    /// How long to wait for the read that is under way. The task of one that is too old rests, with a
    /// runtime that nobody runs.
    pub(super) fn patience(&self, now: Now) -> Option<Duration> {
        let rest = self.reading.as_ref()?.until.checked_sub(now.clock)?;
        (!rest.is_zero()).then_some(rest)
    }

    /// Whether a read has brought the value since so many had ended.
    pub(super) fn came_after(&self, landings: u64) -> bool {
        self.kept
            .as_ref()
            .is_some_and(|kept| kept.landing > landings)
    }

    /// The value and its age, unless it is past its own expiry.
    pub(super) fn alive(&self, now: Now) -> Option<(Value, Duration)> {
        let kept = self.kept.as_ref()?;
        let expired = kept.value.expires_at.is_some_and(|at| at <= now.wall);
        let age = now.clock.saturating_sub(kept.since);
        (!expired).then(|| (kept.value.clone(), age))
    }
}

impl CachePolicy {
    /// How old a value may be that a read brings.
    fn longest(&self) -> Duration {
        self.time_to_live.saturating_add(self.stale_for)
    }

    /// After a failed read: the old value where that is allowed, else the failure.
    pub(super) fn fallback(
        &self,
        entry: &Entry,
        error: Error,
        now: Now,
    ) -> Result<(Value, Freshness), Error> {
        match entry.alive(now) {
            Some((value, age)) if error.is_retryable() && age < self.longest() => {
                Ok((value, Freshness::Stale { age, error }))
            }
            _ => Err(error),
        }
    }
}
