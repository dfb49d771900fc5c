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
        let changed = self.attempt_change(progress, unknown, work)?;
        changed.map_err(|error| self.explained(error))
    }

    /// Makes a change, as [`Self::change`]. The caller explains the error.
    pub(crate) fn attempt_change<T>(
        &self,
        progress: &Progress,
        unknown: String,
        work: impl FnOnce(Organization<'_>) -> Result<T, Error>,
    ) -> Result<Result<T, Error>, Failure> {
        self.attempt_begun(progress.change(unknown), work)
    }

    /// Makes a change that the caller has described, as [`Self::attempt_change`].
    pub(crate) fn attempt_begun<T>(
        &self,
        change: Change,
        work: impl FnOnce(Organization<'_>) -> Result<T, Error>,
    ) -> Result<Result<T, Error>, Failure> {
        let _begun = self.in_flight.begin(change);
        self.attempt(work)
    }
}
