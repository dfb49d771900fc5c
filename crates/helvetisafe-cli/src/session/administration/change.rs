//! A call that changes an organization, and the message of a signal while its outcome is not known.

use helvetisafe::organization::Organization;
use helvetisafe::{Error, Event};

use super::Administration;
use crate::failure::Failure;
use crate::session::log_events;
use crate::ui::in_flight::InFlight;
use crate::ui::messages::Messages;
use crate::ui::progress::Progress;

/// The name of the call that fetches an access token, which changes nothing.
const TOKEN: &str = "token.fetch";

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
        let _begun = self.in_flight.begin(progress.change(unknown));
        self.attempt(work)
    }
}

/// Returns an event handler that logs, and notes how far the request of a change has come.
pub(super) fn watch(
    in_flight: InFlight,
    messages: Messages,
) -> impl Fn(&Event<'_>) + Send + Sync + 'static {
    let log = log_events(messages);
    move |event| {
        log(event);
        match event {
            Event::Sending { call, .. } if is_change(call.method(), call.name()) => {
                in_flight.note_sending();
            }
            Event::Answered { call, status, .. } if is_change(call.method(), call.name()) => {
                match *status {
                    200..=299 => {}
                    408 | 500.. => in_flight.note_lost(),
                    _ => in_flight.note_refused(),
                }
            }
            Event::Failed { call, .. } if is_change(call.method(), call.name()) => {
                in_flight.note_lost();
            }
            _ => {}
        }
    }
}

/// Returns true for a call that changes something.
fn is_change(method: &str, name: &str) -> bool {
    method != "GET" && name != TOKEN
}
