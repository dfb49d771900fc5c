use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// Time, for deadlines, token ages and waits. Tests drive their own.
pub trait Clock: Send + Sync {
    /// Time since some fixed moment; never goes backwards.
    fn now(&self) -> Duration;

    /// Returns after `duration`.
    fn sleep(&self, duration: Duration);

    /// The calendar time: for an answer that names a date to come back and has no `Date` of its own,
    /// for the expiry of values that are kept, and for access tokens from an earlier client.
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    /// A number in `0.0..1.0` that spreads the waits of many clients. Where the operating system
    /// gives no randomness it is 1: the longest wait.
    fn jitter(&self) -> f64 {
        let mut bytes = [0; 4];
        match getrandom::fill(&mut bytes) {
            Ok(()) => f64::from(u32::from_ne_bytes(bytes)) / (f64::from(u32::MAX) + 1.0),
            Err(_) => 1.0,
        }
    }
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
}
