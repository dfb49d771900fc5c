//! The last read without an answer, which counts for all keys: while the vault hangs, only one read finds
//! that out.

use std::collections::BTreeSet;
use std::mem;
use std::time::Duration;

use helvetisafe_proto::KeyName;

use super::CachePolicy;
use crate::clock::Now;
use crate::error::{Action, Error, ErrorKind};

/// The interval of the reads that find out if the vault answers again.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// The failure of the vault, if the last read had no answer.
#[derive(Default)]
pub(super) struct Outage {
    failure: Option<Failure>,
    /// The keys of stale values that were returned without a read.
    due: BTreeSet<KeyName>,
}

struct Failure {
    error: Error,
    since: Duration,
    /// The time of the last read, or of its failure.
    probed: Duration,
}

impl Outage {
    /// Records the end of a read.
    pub(super) fn note_end(&mut self, error: Option<&Error>, now: Now) {
        match error {
            Some(error) if is_unanswered(error) => self.begin(error, now),
            _ => self.failure = None,
        }
    }

    /// Records that the vault does not answer.
    pub(super) fn begin(&mut self, error: &Error, now: Now) {
        self.failure = Some(Failure {
            error: error.clone(),
            since: now.clock,
            probed: now.clock,
        });
    }

    /// Returns the failure that a read of `key` would find too, or `None` if it has to try. `is_stale` is
    /// true if there is a value to return instead.
    pub(super) fn failure(
        &mut self,
        key: &KeyName,
        is_stale: bool,
        policy: &CachePolicy,
        now: Now,
    ) -> Option<Error> {
        let failure = self.failure.as_mut()?;
        let is_cached = now.clock.saturating_sub(failure.since) < policy.life_of(&failure.error);
        let is_recent = now.clock.saturating_sub(failure.probed) < PROBE_INTERVAL;
        let serves = is_cached || (is_stale && is_recent);
        if !serves {
            failure.probed = now.clock;
            return None;
        }
        if is_stale {
            self.due.insert(key.clone());
        }
        Some(failure.error.about(Action::Get(key.clone())))
    }

    /// Takes the keys to read again, after the vault has answered.
    pub(super) fn take_due(&mut self) -> BTreeSet<KeyName> {
        if self.failure.is_some() {
            return BTreeSet::new();
        }
        mem::take(&mut self.due)
    }
}

/// A failure of the connection says nothing about the key, unlike an answer.
fn is_unanswered(error: &Error) -> bool {
    error.is_retryable() && error.kind() == ErrorKind::Transport
}
