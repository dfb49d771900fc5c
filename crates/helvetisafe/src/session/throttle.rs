//! A rate limit that one call has met.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often the vault is asked all the same, while it asked for a rest that no call has time for: it
/// may have recovered, and what a hostile one asks for may be without end.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// Until when the vault asked for fewer requests. What one call is told holds for all of them.
#[derive(Default)]
pub(crate) struct Throttle(Mutex<State>);

#[derive(Default)]
struct State {
    until: Duration,
    /// When the vault was last asked in spite of that, or said it.
    probed: Duration,
}

/// What a call does that is about to ask.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admission {
    Go,
    Wait(Duration),
    /// There is no time to wait for so long.
    Refused(Duration),
}

impl Throttle {
    /// The vault asked for a rest.
    pub(super) fn hold(&self, now: Duration, rest: Duration) {
        let mut state = self.lock();
        state.until = now.saturating_add(rest).max(state.until);
        state.probed = now;
    }

    /// For a call that has `remaining` time.
    pub(super) fn admit(&self, now: Duration, remaining: Duration) -> Admission {
        let mut state = self.lock();
        let rest = state.until.saturating_sub(now);
        if rest.is_zero() {
            return Admission::Go;
        }
        if rest < remaining {
            return Admission::Wait(rest);
        }
        if now.saturating_sub(state.probed) < PROBE_INTERVAL {
            return Admission::Refused(rest);
        }
        state.probed = now;
        Admission::Go
    }

    /// A thread that panicked leaves a whole state behind, so poison does not matter.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_rest_is_kept_or_refused_and_tried_once_a_second() {
        let throttle = Throttle::default();
        assert_eq!(throttle.admit(seconds(0), seconds(30)), Admission::Go);
        throttle.hold(seconds(10), seconds(60));
        // A shorter one does not take its place.
        throttle.hold(seconds(10), seconds(1));
        let admit = |now, remaining| throttle.admit(seconds(now), seconds(remaining));
        assert_eq!(admit(10, 61), Admission::Wait(seconds(60)));
        assert_eq!(admit(10, 60), Admission::Refused(seconds(60)));
        assert_eq!(admit(11, 30), Admission::Go);
        assert_eq!(admit(11, 30), Admission::Refused(seconds(59)));
        assert_eq!(admit(70, 30), Admission::Go);
        assert_eq!(admit(70, 30), Admission::Go);
    }
}
