//! Single flight: one caller does the work, and all others that want its outcome wait for it.
//!
//! The state that the work fills belongs to the user of this module, such as the access token or a cache
//! entry. It holds a [`Slot`], which marks the flight in progress. [`SingleFlight::join`] asks that state
//! for the next step until there is an outcome. The owner of a flight frees the slot and notifies the
//! waiters when it is dropped, so a panic, a cancelled future or a runtime that ends lets another caller
//! take over. No lock is held across an `await`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::bounds::Bounds;
use crate::clock::Deadline;
use crate::error::{Cause, Error};
use crate::runtime::{Boxed, Completed, Notify, Runtime};

/// The last twentieth of an operation is too short for another attempt.
const LAST_PART: u32 = 20;

/// Numbers all flights, so that one that was given up is not mistaken for a later one.
static LAST_ID: AtomicU64 = AtomicU64::new(0);

/// Marks the flight in progress, if there is one.
#[derive(Default)]
pub(crate) struct Slot(Option<InFlight>);

struct InFlight {
    id: FlightId,
    until: Duration,
}

/// Identifies a flight.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct FlightId(u64);

impl Slot {
    /// Begins a flight. While another one is in progress, returns the time to wait for it instead.
    ///
    /// A flight that has not ended `longest` after its begin is given up: its task may belong to a runtime
    /// that no thread runs any more.
    pub(crate) fn begin(&mut self, now: Duration, longest: Duration) -> Result<FlightId, Duration> {
        if let Some(flight) = self.0.as_ref().filter(|flight| flight.until > now) {
            return Err(flight.until.saturating_sub(now));
        }
        let id = FlightId(LAST_ID.fetch_add(1, Ordering::Relaxed));
        self.0 = Some(InFlight {
            id,
            until: now.saturating_add(longest),
        });
        Ok(id)
    }

    pub(crate) fn is_free(&self) -> bool {
        self.0.is_none()
    }

    /// Returns true if `id` is the flight in progress, and not one that was given up.
    pub(crate) fn holds(&self, id: FlightId) -> bool {
        self.0.as_ref().is_some_and(|flight| flight.id == id)
    }

    /// Ends a flight, unless it was given up before.
    pub(crate) fn free(&mut self, id: FlightId) {
        self.0.take_if(|flight| flight.id == id);
    }
}

/// The next step of a caller that wants the outcome `T`. `F` owns a flight.
pub(crate) enum Step<T, F> {
    /// The outcome is there.
    Take(T),
    /// The caller does the work.
    Fly(F),
    /// Another caller does the work.
    Wait { at_most: Duration },
}

/// The time limits of a flight, whose failure may count for callers with more time.
pub(crate) struct FlightTime {
    pub(crate) bounds: Bounds,
    operation: Duration,
}

impl FlightTime {
    /// Returns true if nearly the whole time of an operation is left.
    pub(crate) fn is_whole(&self, now: Duration) -> bool {
        self.bounds.deadline.remaining(now) >= self.operation - self.operation / LAST_PART
    }

    /// Returns true if the work failed because it had too little time, or was cancelled. Then callers with more
    /// time try themselves.
    pub(crate) fn has_timed_out(&self, error: &Error, now: Duration) -> bool {
        let remaining = self.bounds.deadline.remaining(now);
        error.is_cancelled() || has_timed_out(error, remaining, self.operation)
    }
}

/// The failure came too late for another attempt, or before the end of a `Retry-After` that fits into an
/// operation.
fn has_timed_out(error: &Error, remaining: Duration, operation: Duration) -> bool {
    let asked = error.retry_after().filter(|asked| *asked < operation);
    let needed = asked.unwrap_or_default().max(operation / LAST_PART);
    error.is_retryable() && remaining <= needed
}

/// A caller that wants the outcome of shared work.
pub(crate) struct SingleFlight<'a, R: Runtime> {
    pub(crate) runtime: &'a R,
    /// Notified at the end of each flight.
    pub(crate) landed: &'a R::Notify,
    /// The timeout of an operation.
    pub(crate) operation: Duration,
    /// The caller's own bounds.
    pub(crate) bounds: &'a Bounds,
    /// True if work that the caller begins goes on after the caller's deadline; with tasks it always does.
    pub(crate) is_detached: bool,
}

impl<R: Runtime> SingleFlight<'_, R> {
    /// Waits for the outcome, or does the work. `next` reads the state; its argument is the time after
    /// which a flight is given up. `fly` does the work; `None` means that the outcome is in the state.
    ///
    /// Fails with [`Cause::Deadline`], [`Cause::Cancelled`], [`Cause::RuntimeEnded`] or [`Cause::NoThread`]; failures of the work are
    /// outcomes.
    pub(crate) async fn join<T: Send + 'static, F: Send>(
        &self,
        next: impl Fn(Duration) -> Step<T, F> + Send + Sync,
        fly: impl Fn(F, FlightTime) -> Boxed<'static, Option<T>> + Send + Sync,
    ) -> Result<T, Cause> {
        let longest = self.operation.saturating_add(self.operation / LAST_PART);
        loop {
            // Read before the state: a flight that ends between the two ends the wait.
            let seen = self.landed.count();
            let step = next(longest);
            let remaining = self.bounds.deadline.remaining(self.runtime.now());
            let slice = self.bounds.slice(remaining);
            match step {
                Step::Take(outcome) => return Ok(outcome),
                _ if self.bounds.is_cancelled() => return Err(Cause::Cancelled),
                Step::Fly(_) if remaining.is_zero() && !self.is_detached => {
                    return Err(Cause::Deadline);
                }
                Step::Wait { .. } if remaining.is_zero() => return Err(Cause::Deadline),
                Step::Fly(flight) => {
                    let work = fly(flight, self.flight_time());
                    // Boxed, so that the compiler sees that it is `Send`.
                    let work = self.runtime.complete(work, slice, self.is_detached);
                    let work: Boxed<'_, _> = Box::pin(work);
                    match work.await {
                        Completed::Done(Some(outcome)) => return Ok(outcome),
                        Completed::Done(None) | Completed::Late => {}
                        Completed::RuntimeEnded => return Err(Cause::RuntimeEnded),
                        Completed::NoThread => return Err(Cause::NoThread),
                    }
                }
                Step::Wait { at_most } => self.landed.wait(seen, slice.min(at_most)).await,
            }
        }
    }

    /// A flight in a task or thread of its own has the whole time of an operation; one on the caller's thread
    /// has the caller's.
    fn flight_time(&self) -> FlightTime {
        let operation = self.operation;
        let bounds = if R::HAS_TASKS || self.is_detached {
            Deadline::after(self.runtime.now(), operation).into()
        } else {
            self.bounds.of_shared_work()
        };
        FlightTime { bounds, operation }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Action;

    const LONGEST: Duration = Duration::from_secs(30);

    fn timed_out(cause: Cause, retry_after: Option<u64>, remaining: f64) -> bool {
        let retry_after = retry_after.map(Duration::from_secs);
        let error = Error::with_retry_after(Action::List, cause, retry_after);
        let remaining = Duration::from_secs_f64(remaining);
        has_timed_out(&error, remaining, Duration::from_secs(20))
    }

    #[test]
    fn a_failure_without_time_for_another_attempt_is_a_timeout() {
        let over = |remaining| timed_out(Cause::Deadline, None, remaining);
        assert!(over(0.0) && over(1.0));
        assert!(!over(1.1) && !over(20.0));
        assert!(!timed_out(Cause::NotBound, None, 0.0), "it is lasting");
    }

    #[test]
    fn a_retry_after_beyond_the_deadline_is_a_timeout() {
        let over = |asked, remaining| timed_out(Cause::Deadline, Some(asked), remaining);
        assert!(over(5, 4.9) && over(5, 5.0) && over(0, 1.0));
        assert!(!over(5, 5.1));
        // No operation has that much time.
        assert!(!over(20, 19.0) && over(20, 1.0));
    }

    #[test]
    fn one_flight_at_a_time_and_one_that_hangs_is_given_up() {
        let mut slot = Slot::default();
        let at = Duration::from_secs;
        let Ok(old) = slot.begin(at(0), LONGEST) else {
            panic!("the slot is free");
        };
        assert_eq!(slot.begin(at(29), LONGEST).err(), Some(at(1)));
        let Ok(new) = slot.begin(at(30), LONGEST) else {
            panic!("the old flight is given up");
        };
        slot.free(old);
        assert!(slot.holds(new) && !slot.holds(old));
        slot.free(new);
        assert!(slot.is_free());
    }
}
