//! A rate limit that one call has met.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Until when the vault asked for fewer requests. What one call is told holds for all of them.
#[derive(Default)]
pub(crate) struct Throttle(Mutex<Duration>);

impl Throttle {
    pub(super) fn hold_until(&self, time: Duration) {
        let mut until = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *until = time.max(*until);
    }

    pub(super) fn remaining(&self, now: Duration) -> Duration {
        let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        until.saturating_sub(now)
    }
}
