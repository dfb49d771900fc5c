//! Shares a rate limit that one call has met with all calls of the client.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The interval of single requests during a pause that is too long for any call. The vault may have
/// recovered, and a hostile vault may ask for an endless pause.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// The pause that the vault asked for. It holds for all calls of a client and its clones.
#[derive(Default)]
pub(crate) struct Throttle(Mutex<State>);

#[derive(Default)]
struct State {
    until: Duration,
    /// The time of the last request during the pause, or of its begin.
    probed: Duration,
}

/// The decision about a call that wants to send.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admission {
    Go,
    Wait(Duration),
    /// The call has no time to wait for so long.
    Refused(Duration),
}

impl Throttle {
    /// Begins or extends a pause.
    pub(super) fn hold(&self, now: Duration, pause: Duration) {
        let mut state = self.lock();
        state.until = now.saturating_add(pause).max(state.until);
        state.probed = now;
    }

    /// Decides about a call that has `remaining` time.
    pub(super) fn admit(&self, now: Duration, remaining: Duration) -> Admission {
        let mut state = self.lock();
        let pause = state.until.saturating_sub(now);
        if pause.is_zero() {
            return Admission::Go;
        }
        if pause < remaining {
            return Admission::Wait(pause);
        }
        if now.saturating_sub(state.probed) < PROBE_INTERVAL {
            return Admission::Refused(pause);
        }
        state.probed = now;
        Admission::Go
    }

    /// The state is consistent even after a panic, so poison does not matter.
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
    fn a_pause_is_observed_or_refused_and_probed_once_a_second() {
        let throttle = Throttle::default();
        assert_eq!(throttle.admit(seconds(0), seconds(30)), Admission::Go);
        throttle.hold(seconds(10), seconds(60));
        // A shorter one does not replace it.
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
