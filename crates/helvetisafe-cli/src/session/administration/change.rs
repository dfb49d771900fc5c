//! A call that changes an organization, and the message of a signal while its outcome is not known.

use helvetisafe::Error;
use helvetisafe::organization::Organization;

use super::Administration;
use crate::failure::Failure;
use crate::ui::in_flight::Change;
use crate::ui::progress::Progress;

impl Administration<'_> {
    /// Makes a change, as [`Self::call`]. `unknown` is the message of a signal while the outcome is not known.
    pub(crate) fn change<T>(
        &self,
        progress: &Progress,
        unknown: String,
        work: impl FnOnce(Organization<'_>) -> Result<T, Error>,
    ) -> Result<T, Failure> {
        self.make(progress.change(unknown), work)
    }

    /// Makes a change, as [`Self::change`].
    pub(crate) fn make<T>(
        &self,
        change: Change,
        work: impl FnOnce(Organization<'_>) -> Result<T, Error>,
    ) -> Result<T, Failure> {
        let _begun = self.in_flight.begin(change);
        self.call(work)
    }

    /// Makes a change, as [`Self::change`]. The caller explains the error.
    pub(crate) fn attempt_change<T>(
        &self,
        progress: &Progress,
        unknown: String,
        work: impl FnOnce(Organization<'_>) -> Result<T, Error>,
    ) -> Result<Result<T, Error>, Failure> {
        let _begun = self.in_flight.begin(progress.change(unknown));
        self.attempt(work)
    }
}
