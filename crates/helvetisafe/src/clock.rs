use std::thread;
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;

use crate::cancel::CancelToken;

/// A source of time, for deadlines, token ages and waits. Tests provide their own.
pub trait Clock: Send + Sync {
    /// Returns the time since some fixed moment; never goes backwards.
    fn now(&self) -> Duration;

    /// Returns after `duration`.
    fn sleep(&self, duration: Duration);

    /// Returns after `duration`, or earlier once `token` is cancelled. By default it is [`Self::sleep`], which does
    /// not end earlier; the system's clock ends at once.
    fn sleep_unless_cancelled(&self, duration: Duration, token: &CancelToken) {
        let _ = token;
        self.sleep(duration);
    }

    /// Returns the calendar time. It serves to read a `Retry-After` that is a date in an answer without a
    /// `Date`, for the expiry of cached values, and for the age of access tokens from an earlier client.
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    /// Returns a number in `0.0..1.0` that spreads the waits of many clients. If the operating system has
    /// no randomness it is 1: the longest wait.
    fn jitter(&self) -> f64 {
        let mut bytes = [0; 4];
        match getrandom::fill(&mut bytes) {
            Ok(()) => f64::from(u32::from_ne_bytes(bytes)) / (f64::from(u32::MAX) + 1.0),
            Err(_) => 1.0,
        }
    }
}

/// A [`Clock`] that can wait without blocking, for tests with a time of their own.
#[cfg(feature = "async")]
pub trait AsyncClock: Clock {
    /// Completes after `duration`.
    fn sleep_async(
        &self,
        duration: Duration,
    ) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// The monotonic clock of the operating system.
pub(crate) struct SystemClock {
    start: Instant,
}

impl SystemClock {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep(&self, duration: Duration) {
        thread::sleep(duration);
    }

    fn sleep_unless_cancelled(&self, duration: Duration, token: &CancelToken) {
        token.wait(duration);
    }
}

#[cfg(feature = "async")]
impl AsyncClock for SystemClock {
    fn sleep_async(
        &self,
        duration: Duration,
    ) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// The time by both clocks.
#[derive(Clone, Copy)]
pub(crate) struct Now {
    pub(crate) clock: Duration,
    pub(crate) wall: Timestamp,
}

impl Now {
    pub(crate) fn of(clock: &dyn Clock) -> Self {
        Self {
            clock: clock.now(),
            // A calendar beyond the range of `Timestamp` is past every expiry.
            wall: clock.wall().try_into().unwrap_or(Timestamp::MAX),
        }
    }
}

/// The moment at which an operation times out, on the clock of [`Clock::now`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Deadline(Duration);

impl Deadline {
    pub(crate) fn after(now: Duration, timeout: Duration) -> Self {
        Self(now.saturating_add(timeout))
    }

    pub(crate) fn remaining(self, now: Duration) -> Duration {
        self.0.saturating_sub(now)
    }
}
