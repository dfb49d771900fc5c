//! A state that lasts, such as an outage: its begin and its end are reported once.

use std::time::{Duration, Instant};

/// The last time that a state lasted, with its cause.
pub(super) struct Episode<C> {
    /// The begin; `None` once it has ended.
    since: Option<Instant>,
    cause: Option<C>,
    is_reported: bool,
    /// The duration of one whose end was not reported yet.
    lasted: Option<Duration>,
}

/// A change that is to be reported.
pub(crate) enum Change<C> {
    Began(C),
    /// It ended, after this time.
    Ended(Duration),
}

impl<C> Default for Episode<C> {
    fn default() -> Self {
        Self {
            since: None,
            cause: None,
            is_reported: false,
            lasted: None,
        }
    }
}

impl<C: Clone> Episode<C> {
    /// Begins, or goes on with a new cause.
    pub(super) fn begin(&mut self, cause: C) {
        self.since.get_or_insert_with(Instant::now);
        self.cause = Some(cause);
    }

    pub(super) fn end(&mut self) {
        let since = self.since.take();
        if let Some(since) = since.filter(|_| self.is_reported) {
            self.lasted = Some(since.elapsed());
        }
    }

    pub(super) fn is_on(&self) -> bool {
        self.since.is_some()
    }

    /// Returns the last cause, also after the end.
    pub(super) fn cause(&self) -> Option<C> {
        self.cause.clone()
    }

    /// Returns the change since the last call. An episode that has ended before it was reported is left out.
    pub(super) fn take_change(&mut self) -> Option<Change<C>> {
        if self.is_on() && !self.is_reported {
            self.is_reported = true;
            return self.cause().map(Change::Began);
        }
        let is_over = !self.is_on();
        let lasted = self.lasted.take_if(|_| is_over)?;
        self.is_reported = false;
        Some(Change::Ended(lasted))
    }
}
