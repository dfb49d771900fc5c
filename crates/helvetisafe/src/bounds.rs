//! The bounds of one operation, and of the shared work that it begins.

use std::time::Duration;

use crate::cancel::CancelToken;
use crate::clock::Deadline;

/// The longest wait for other threads between two checks of the token.
const SLICE: Duration = Duration::from_millis(50);

/// The bounds of an operation: its deadline, its number of attempts, and its cancellation.
#[derive(Clone)]
pub(crate) struct Bounds {
    pub(crate) deadline: Deadline,
    /// The attempts of each call, if not the client's.
    pub(crate) attempts: Option<u32>,
    pub(crate) cancel: Option<CancelToken>,
}

impl Bounds {
    /// Returns the same bounds for work that other callers share.
    pub(crate) fn of_shared_work(&self) -> Self {
        Self {
            attempts: None,
            ..self.clone()
        }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancel.as_ref().is_some_and(CancelToken::is_cancelled)
    }

    /// Returns a part of `time` after which the caller has to check if it is cancelled.
    pub(crate) fn slice(&self, time: Duration) -> Duration {
        if self.cancel.is_some() {
            time.min(SLICE)
        } else {
            time
        }
    }
}

impl From<Deadline> for Bounds {
    fn from(deadline: Deadline) -> Self {
        Self {
            deadline,
            attempts: None,
            cancel: None,
        }
    }
}

impl From<&Bounds> for Bounds {
    fn from(bounds: &Bounds) -> Self {
        bounds.clone()
    }
}
