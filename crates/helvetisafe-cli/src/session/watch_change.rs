//! The events of a client that makes a change: how far its request has come.

use helvetisafe::{Event, Failure};

use super::events::log_events;
use crate::ui::in_flight::InFlight;
use crate::ui::messages::Messages;

/// The name of the call that fetches an access token, which changes nothing.
const TOKEN: &str = "token.fetch";

/// Returns an event handler that logs, and notes how far the request of a change has come.
pub(crate) fn watch_change(
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
                    200..=299 | 408 | 500.. => in_flight.note_effect(),
                    _ => in_flight.note_refused(),
                }
            }
            Event::Failed { call, error, .. } if is_change(call.method(), call.name()) => {
                match error.failure() {
                    Failure::NotSent | Failure::Tls | Failure::Proxy => in_flight.note_refused(),
                    _ => in_flight.note_effect(),
                }
            }
            _ => {}
        }
    }
}

/// Returns true for a call that changes something.
fn is_change(method: &str, name: &str) -> bool {
    method != "GET" && name != TOKEN
}
