//! `--timeout`: the time of a command for all its requests to the vault.
//!
//! It runs only during calls to the vault, not while the user types, a credential helper runs, or a slow
//! reader takes the output.

use std::cell::Cell;
use std::fmt;
use std::time::{Duration, Instant};

use helvetisafe::organization::Organization;
use helvetisafe::{Error, ErrorKind, Secrets};

use crate::failure::setting::LONGER_TIMEOUT;
use crate::failure::{Failure, Status};

/// The maximum number of secrets that a timeout names.
const MAX_NAMED: usize = 3;

/// The total time, and the time that is spent.
#[derive(Debug)]
pub(crate) struct Budget {
    /// `None` if each operation has its own timeout.
    total: Option<Duration>,
    spent: Cell<Duration>,
}

impl Budget {
    pub(crate) fn new(total: Option<Duration>) -> Self {
        Self {
            total,
            spent: Cell::default(),
        }
    }

    /// Runs work with the vault, and counts its time.
    pub(crate) fn spend<T>(&self, work: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let result = work();
        self.spent
            .set(self.spent.get().saturating_add(started.elapsed()));
        result
    }

    /// Starts again, for the next round of a long-running command.
    pub(crate) fn restart(&self) {
        self.spent.take();
    }

    pub(crate) fn total(&self) -> Option<Duration> {
        self.total
    }

    /// Returns the time that is left; `None` without a limit.
    pub(crate) fn left(&self) -> Option<Duration> {
        Some(self.total?.saturating_sub(self.spent.get()))
    }

    /// Limits operations to the time that is left.
    pub(crate) fn limit<'a>(&self, secrets: Secrets<'a>) -> Secrets<'a> {
        match self.left() {
            Some(left) => secrets.within(left),
            None => secrets,
        }
    }

    /// Limits calls about an organization to the time that is left.
    pub(crate) fn limit_calls<'a>(&self, organization: Organization<'a>) -> Organization<'a> {
        match self.left() {
            Some(left) => organization.within(left),
            None => organization,
        }
    }

    /// Returns true if a failure is a timeout because no time is left.
    pub(super) fn is_cause_of(&self, failure: &Failure) -> bool {
        failure.is_timeout() && self.left().is_some_and(|left| left.is_zero())
    }

    /// The failure of all secrets that were not done in time. `done` is the past participle of what was done
    /// to `count` of `total` secrets. Some of `late`, which had no answer, are named.
    pub(super) fn timeout(
        &self,
        count: usize,
        total: usize,
        done: &str,
        late: &[String],
    ) -> Failure {
        let named: Vec<_> = late
            .iter()
            .take(MAX_NAMED)
            .map(|key| format!("`{key}`"))
            .collect();
        let more = match late.len() - named.len() {
            0 => String::new(),
            others => format!(" and {others} more"),
        };
        let unanswered = match named.is_empty() {
            true => String::new(),
            false => format!("; no answer for {}{more}", named.join(", ")),
        };
        let message = format_args!(
            "timed out after {self}: {count} of {total} secrets were {done}{unanswered}; set a longer --timeout, \
             or name fewer secrets"
        );
        Failure::new(Status::NoAnswer, message).passing()
    }

    /// Adds advice to a timeout that this budget caused.
    pub(super) fn explain(&self, failure: Failure) -> Failure {
        if !self.is_cause_of(&failure) {
            return failure;
        }
        let failure = failure.without_advice(LONGER_TIMEOUT);
        failure.with_advice(&format!(
            "timed out after {self}: set a longer --timeout, HELVETISAFE_TIMEOUT, or timeout in the profile"
        ))
    }
}

/// Returns true if the error is a rate limit whose pause fits into the time left. The client itself waits before its
/// next request.
pub(crate) fn may_wait(error: &Error, left: Duration) -> bool {
    let pause = error.retry_after().unwrap_or_default();
    error.kind() == ErrorKind::RateLimited && pause < left
}

/// Writes the total time in seconds.
impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.total.unwrap_or_default();
        write!(f, "{} s", total.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    const SHORT: Duration = Duration::from_millis(20);

    #[test]
    fn only_work_spends_it_and_it_can_restart() {
        let budget = Budget::new(Some(SHORT));
        thread::sleep(SHORT);
        assert_eq!(budget.left(), Some(SHORT));
        budget.spend(|| thread::sleep(SHORT));
        assert_eq!(budget.left(), Some(Duration::ZERO));
        budget.restart();
        assert_eq!(budget.left(), Some(SHORT));
    }

    #[test]
    fn without_a_limit_no_time_is_counted() {
        let budget = Budget::new(None);
        budget.spend(|| thread::sleep(SHORT));
        assert_eq!(budget.left(), None);
        let failure = Failure::other("late");
        assert_eq!(budget.explain(failure).message(), Some("late"));
    }

    #[test]
    fn it_is_shown_in_seconds() {
        let shown = |milliseconds| {
            let total = Duration::from_millis(milliseconds);
            Budget::new(Some(total)).to_string()
        };
        assert_eq!(shown(30_000), "30 s");
        assert_eq!(shown(1500), "1.5 s");
    }
}
