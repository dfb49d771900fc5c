//! The results of one attempt and of a whole call.

use std::time::Duration;

use helvetisafe_proto::ApiError;
use helvetisafe_proto::retry::AttemptFailure;
use http::Uri;

use crate::error::{Cause, Error};
use crate::http::{Failure, TransportError};

/// The result of a call.
pub(super) enum Outcome<T> {
    /// It succeeded.
    Done(T),
    /// It failed, and has not had its effect.
    Failed(Error),
    /// It failed, and may have had its effect.
    Unknown(Error),
}

impl<T> Outcome<T> {
    pub(super) fn into_result(self) -> Result<T, Error> {
        match self {
            Self::Done(answer) => Ok(answer),
            Self::Failed(error) | Self::Unknown(error) => Err(error),
        }
    }
}

/// The result of reading a secret back after an attempt to write it had no answer.
pub(crate) enum ReadBack<T> {
    /// The attempt had its effect, which this answer describes.
    Done(T),
    /// There is a value that another client wrote: before the attempt, or after it.
    Taken,
    /// The attempt had no effect: after a create there is no secret, after an update it is the old one.
    Absent,
    /// The secret cannot be read, or what it shows decides nothing.
    Unknown,
}

/// An attempt that did not succeed.
pub(super) struct FailedAttempt {
    pub(super) cause: Cause,
    pub(super) failure: AttemptFailure,
    /// The `Retry-After` of the vault.
    pub(super) retry_after: Option<Duration>,
}

impl FailedAttempt {
    /// An answer that is not a success, or cannot be read.
    pub(super) fn of_answer(error: ApiError, retry_after: Option<Duration>, host: &Uri) -> Self {
        if error.is_truncated() {
            return Self::from(TransportError::with_source(Failure::Lost, error).with_host(host));
        }
        let failure = match error.status() {
            Some(status) => AttemptFailure::Status {
                kind: error.kind(),
                status,
                has_retry_after: retry_after.is_some(),
            },
            None => AttemptFailure::Unreadable,
        };
        Self {
            cause: error.into(),
            failure,
            retry_after,
        }
    }
}

impl From<TransportError> for FailedAttempt {
    fn from(error: TransportError) -> Self {
        let failure = match error.failure() {
            Failure::NotSent => AttemptFailure::NotSent,
            Failure::DeadConnection => AttemptFailure::DeadConnection,
            Failure::Lost | Failure::TimedOut => AttemptFailure::Lost,
            Failure::Tls | Failure::Proxy => AttemptFailure::Untrusted,
            Failure::TooLarge | Failure::Malformed | Failure::Redirected => {
                AttemptFailure::Unreadable
            }
        };
        Self {
            cause: error.into(),
            failure,
            retry_after: None,
        }
    }
}
