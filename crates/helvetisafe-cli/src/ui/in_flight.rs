//! The message of a signal while the request of a change is in flight.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::interruption::Interruption;

/// The change that a command makes now. While its outcome is unknown, from sending the request until a refusal, a signal prints that
/// its outcome is not known. The requests before it change nothing.
#[derive(Clone, Default)]
pub(crate) struct InFlight(Arc<Mutex<Option<Change>>>);

/// A change, and the messages of a signal.
pub(crate) struct Change {
    interruption: Interruption,
    /// The message before the request is sent.
    before: String,
    /// The message while the outcome is not known.
    unknown: String,
    /// Set once a request may have changed something, so that the refusal of a later one does not show the outcome.
    may_have_effect: bool,
}

/// Ends a change when it is dropped.
pub(crate) struct Begun(InFlight);

impl Change {
    pub(super) fn new(interruption: Interruption, unknown: String) -> Self {
        Self {
            before: interruption.message(),
            interruption,
            unknown,
            may_have_effect: false,
        }
    }
}

impl InFlight {
    /// Begins a change, until the returned value is dropped.
    pub(crate) fn begin(&self, change: Change) -> Begun {
        *self.lock() = Some(change);
        Begun(self.clone())
    }

    /// Notes that the request is about to be sent. If a signal has come, this does not return.
    pub(crate) fn note_sending(&self) {
        if let Some(change) = &*self.lock() {
            change.interruption.set(change.unknown.clone(), true);
        }
    }

    /// Notes that the vault has refused the request, so that it has changed nothing.
    pub(crate) fn note_refused(&self) {
        if let Some(change) = self.lock().as_ref().filter(|it| !it.may_have_effect) {
            change.interruption.set(change.before.clone(), false);
        }
    }

    /// Notes that the request has changed something, or had no answer that shows it. A change can have several requests.
    pub(crate) fn note_effect(&self) {
        if let Some(change) = &mut *self.lock() {
            change.may_have_effect = true;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Change>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        *self.0.lock() = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outcome_is_unknown_from_the_request_to_its_refusal() {
        let interruption = Interruption::new();
        let before = interruption.message();
        let in_flight = InFlight::default();
        let change = || Change::new(interruption.clone(), "unknown".to_owned());
        let begun = in_flight.begin(change());
        assert_eq!(interruption.message(), before);
        in_flight.note_sending();
        assert_eq!(interruption.message(), "unknown");
        in_flight.note_refused();
        assert_eq!(interruption.message(), before);
        in_flight.note_sending();
        in_flight.note_effect();
        in_flight.note_sending();
        in_flight.note_refused();
        assert_eq!(interruption.message(), "unknown");
        drop(begun);
        interruption.set(before.clone(), false);
        in_flight.note_sending();
        assert_eq!(interruption.message(), before);
    }
}
