//! An attempt that failed, and the error that the call ends with.

use std::time::Duration;

use helvetisafe_proto::retry::{Event, Repeat};
use helvetisafe_proto::{ApiError, Endpoint};
use http::StatusCode;

use super::attempts::Attempts;
use crate::error::{Action, Cause, Error};
use crate::transport::{Failure, TransportError};

/// One attempt that brought no success.
pub(super) struct Refusal {
    pub(super) cause: Cause,
    /// What happened, for [`judge`]; `None` where nothing can be done.
    pub(super) event: Option<Event>,
    /// How long the vault asked to wait.
    pub(super) retry_after: Option<Duration>,
}

impl Refusal {
    pub(super) fn last(cause: Cause) -> Self {
        Self {
            cause,
            event: None,
            retry_after: None,
        }
    }

    pub(super) fn of_answer(error: ApiError, retry_after: Option<Duration>) -> Self {
        if error.is_truncated() {
            return Self::from(TransportError::with_source(Failure::Lost, error));
        }
        let event = match error.status() {
            Some(status) => Event::Status {
                status,
                has_retry_after: retry_after.is_some(),
            },
            None => Event::Unreadable,
        };
        Self {
            cause: error.into(),
            event: Some(event),
            retry_after,
        }
    }
}

impl From<TransportError> for Refusal {
    fn from(error: TransportError) -> Self {
        let event = match error.failure() {
            Failure::NotSent => Some(Event::NotSent),
            Failure::DeadConnection => Some(Event::DeadConnection),
            Failure::Lost | Failure::TimedOut => Some(Event::Lost),
            Failure::Tls => None,
            Failure::TooLarge | Failure::Malformed => Some(Event::Unreadable),
        };
        Self {
            cause: error.into(),
            event,
            retry_after: None,
        }
    }
}

/// The error of a call that ends without success.
pub(super) fn failure<E: Endpoint>(action: Action, refusal: Refusal, attempts: &Attempts) -> Error {
    let is_settled = match (&refusal.cause, refusal.event) {
        (Cause::Transport(_) | Cause::Deadline, _) | (_, Some(Event::Unreadable)) => false,
        (_, Some(Event::Status { status, .. })) => !attempts.lost || settles(status),
        _ => true,
    };
    let error = Error::with_retry_after(action.clone(), refusal.cause, refusal.retry_after);
    if is_settled {
        error
    } else {
        settle::<E>(error, &action, attempts)
    }
}

pub(super) fn is_forbidden(event: Event) -> bool {
    matches!(event, Event::Status { status, .. } if status == StatusCode::FORBIDDEN)
}

/// Whether a refusal of a repetition tells what became of the attempt before it, whose answer was lost:
/// not one that another attempt might not have met.
fn settles(status: StatusCode) -> bool {
    status.is_client_error() && !matches!(status.as_u16(), 401 | 403 | 408 | 429)
}

/// A write whose answer was lost or cannot be read, and which no later answer settled, is ambiguous.
/// A create that was answered with a 5xx is not: it is read back, and the vault has ended it by then.
pub(super) fn settle<E: Endpoint>(error: Error, action: &Action, attempts: &Attempts) -> Error {
    let is_ambiguous = match E::REPEAT {
        Repeat::Write => attempts.may_have_acted,
        Repeat::Create => attempts.lost,
        Repeat::Read | Repeat::Token => false,
    };
    if is_ambiguous {
        return error.into_ambiguous(action.clone());
    }
    error
}
