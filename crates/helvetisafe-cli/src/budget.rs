//! The time that a command has for all its work with the vault: `--timeout`.
//!
//! The clock runs only during calls to the vault: typing, credential helpers and slow readers of the
//! output do not count.

use std::cell::Cell;
use std::fmt;
use std::time::{Duration, Instant};

use helvetisafe::Secrets;

use crate::failure::{Failure, Status};

/// The time in all, and how much of it is spent.
#[derive(Debug)]
pub(crate) struct Budget {
    /// `None` where each operation has its own time.
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

    /// Does work that the vault has a part in.
    pub(crate) fn spend<T>(&self, work: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let done = work();
        self.spent
            .set(self.spent.get().saturating_add(begun.elapsed()));
        done
    }

    /// Starts over, for the next round of a long-running command.
    pub(crate) fn restart(&self) {
        self.spent.take();
    }

    pub(crate) fn total(&self) -> Option<Duration> {
        self.total
    }

    /// Returns the time that is left, or `None` without a bound.
    pub(crate) fn left(&self) -> Option<Duration> {
        Some(self.total?.saturating_sub(self.spent.get()))
    }

    /// The same operations within what is left.
    pub(crate) fn bound<'a>(&self, secrets: Secrets<'a>) -> Secrets<'a> {
        match self.left() {
            Some(left) => secrets.within(left),
            None => secrets,
        }
    }

    /// Returns whether the failure is a timeout and no time is left.
    pub(crate) fn explains(&self, failure: &Failure) -> bool {
        failure.is_timeout() && self.left().is_some_and(|left| left.is_zero())
    }

    /// The failure of all that was left to do: `done` of so many secrets were `read`, for example.
    pub(crate) fn over(&self, done: usize, of: usize, verb: &str) -> Failure {
        let message = format_args!(
            "timed out after {self}: {done} of {of} secrets were {verb}; set a longer --timeout, or name \
             fewer secrets"
        );
        Failure::new(Status::NoAnswer, message).passing()
    }

    /// A failure that it explains, with what to do about it.
    pub(crate) fn explain(&self, failure: Failure) -> Failure {
        if !self.explains(&failure) {
            return failure;
        }
        failure.with_advice(&format!("timed out after {self}: set a longer --timeout"))
    }
}

/// The time in all, in seconds.
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
    fn it_is_spent_by_work_alone_and_begins_anew() {
        let budget = Budget::new(Some(SHORT));
        thread::sleep(SHORT);
        assert_eq!(budget.left(), Some(SHORT));
        budget.spend(|| thread::sleep(SHORT));
        assert_eq!(budget.left(), Some(Duration::ZERO));
        budget.restart();
        assert_eq!(budget.left(), Some(SHORT));
    }

    #[test]
    fn without_a_bound_nothing_is_ever_over() {
        let budget = Budget::new(None);
        budget.spend(|| thread::sleep(SHORT));
        assert_eq!(budget.left(), None);
        let failure = Failure::other("late");
        assert_eq!(budget.explain(failure).message(), Some("late"));
    }

    #[test]
    fn the_time_is_told_in_seconds() {
        let shown = |milliseconds| {
            let total = Duration::from_millis(milliseconds);
            Budget::new(Some(total)).to_string()
        };
        assert_eq!(shown(30_000), "30 s");
        assert_eq!(shown(1500), "1.5 s");
    }
}
