//! How long work takes that is done for all who want its outcome, and for whom its failure counts.

use std::time::Duration;

use super::{Deadline, Session};
use crate::driver::Driver;
use crate::error::Error;

/// In this part of an operation's time, the last one, there is none for another try.
const LAST_PART: u32 = 20;

impl<D: Driver> Session<D> {
    /// The end of shared work that somebody begins who has until `own`. A task of its own has the whole
    /// time of an operation, and each who waits for it bounds its wait.
    pub(crate) fn shared_deadline(&self, own: Deadline) -> Deadline {
        if D::HAS_TASKS { self.deadline() } else { own }
    }

    /// After this time shared work has ended; else its task rests, with a runtime that nobody runs.
    pub(crate) fn longest_shared(&self) -> Duration {
        let operation = self.timeouts.operation;
        operation.saturating_add(operation / LAST_PART)
    }

    /// Whether nearly all the time of an operation is left.
    pub(crate) fn has_just_begun(&self, deadline: Deadline) -> bool {
        let operation = self.timeouts.operation;
        self.remaining(deadline) >= operation - operation / LAST_PART
    }

    /// Whether it failed for want of time, so that it tells nothing to those who have more.
    pub(crate) fn ran_out(&self, error: &Error, deadline: Deadline) -> bool {
        ran_out(error, self.remaining(deadline), self.timeouts.operation)
    }
}

/// In the last part of an operation, or before the time had come that the vault asked to wait, where
/// an operation has that time.
fn ran_out(error: &Error, remaining: Duration, operation: Duration) -> bool {
    let asked = error.retry_after().filter(|asked| *asked < operation);
    let needed = asked.unwrap_or_default().max(operation / LAST_PART);
    error.is_retryable() && remaining <= needed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Action, Cause};

    fn ran_out(cause: Cause, retry_after: Option<u64>, remaining: f64) -> bool {
        let retry_after = retry_after.map(Duration::from_secs);
        let error = Error::with_retry_after(Action::List, cause, retry_after);
        let remaining = Duration::from_secs_f64(remaining);
        super::ran_out(&error, remaining, Duration::from_secs(20))
    }

    #[test]
    fn who_has_no_time_for_another_try_ran_out_of_it() {
        let over = |remaining| ran_out(Cause::Deadline, None, remaining);
        assert!(over(0.0) && over(1.0));
        assert!(!over(1.1) && !over(20.0));
        assert!(!ran_out(Cause::NotBound, None, 0.0), "time changes nothing");
    }

    #[test]
    fn who_is_asked_to_wait_for_longer_than_it_can_ran_out_of_time() {
        let over = |asked, remaining| ran_out(Cause::Deadline, Some(asked), remaining);
        assert!(over(5, 4.9) && over(5, 5.0) && over(0, 1.0));
        assert!(!over(5, 5.1));
        // Nobody has as much.
        assert!(!over(20, 19.0) && over(20, 1.0));
    }
}
