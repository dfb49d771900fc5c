//! The refusals of requests that failed in the vault, by the error.

use helvetisafe_proto::ErrorCode;

use super::Refusal;
use crate::answer::ReadError;
use crate::log;
use crate::store::{ActError, StoreError};
use crate::token::NoRandomness;

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Revoked => return Self::INVALID_TOKEN,
            StoreError::OtherEpoch => return Self::OTHER_KEY_EPOCH,
            _ => {}
        }
        report_store(&error);
        match error {
            StoreError::Busy | StoreError::Unavailable(_) | StoreError::NoStandby => Self::BUSY,
            // Without `Retry-After`, which says that the work was not begun.
            StoreError::OutcomeUnknown(_) | StoreError::Unconfirmed => Self::new(
                ErrorCode::OutcomeUnknown,
                "the database did not confirm the write, which may have happened: read it again",
            ),
            StoreError::Full => Self::new(
                ErrorCode::StorageFull,
                "the disk of the vault is full: nothing was written",
            ),
            _ => Self::new(ErrorCode::DatabaseFailed, "the vault's database failed"),
        }
    }
}

impl From<ActError> for Refusal {
    fn from(error: ActError) -> Self {
        match error {
            ActError::Refused(code) => Self::of_code(code),
            ActError::Invalid(member) => Self::invalid_member(
                member,
                "it does not fit the account, the caller or the chain of the organization",
            ),
            ActError::Store(error) => error.into(),
        }
    }
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Store(error) => error.into(),
            ReadError::Overloaded => Self::OVERLOADED,
        }
    }
}

impl From<NoRandomness> for Refusal {
    fn from(error: NoRandomness) -> Self {
        report(&error);
        Self::new(
            ErrorCode::NoRandomness,
            "the vault's operating system has no randomness",
        )
    }
}

/// Writes a failure of the database to standard error, unless it is logged at intervals as a warning of the readiness.
pub(crate) fn report_store(error: &StoreError) {
    if !matches!(error, StoreError::NoStandby | StoreError::Unconfirmed) {
        report(error);
    }
}

/// Writes an internal error to standard error. The client does not receive it.
pub(crate) fn report(error: &dyn std::error::Error) {
    log::error(&error);
}
