//! The events of a client as messages.

use std::net::ToSocketAddrs;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use helvetisafe::{Event, ListedKey, Timestamp, TransportError};
use http::uri::Authority;

use crate::ui::messages::Messages;

/// Waits whose ends differ by less than this, or by less than half the wait, count as one.
const SAME_WAIT: Duration = Duration::from_millis(100);

/// Returns an event handler. It prints a note for each wait that the vault asks for, once for all requests
/// that wait, and all other events with `--verbose`.
pub(crate) fn log_events(messages: Messages) -> impl Fn(&Event<'_>) + Send + Sync + 'static {
    let last_end = Mutex::new(None);
    move |event| match event {
        Event::Waiting {
            time,
            throttled: true,
            ..
        } => {
            if is_later(*time, &last_end) {
                messages.note(format_args!(
                    "the vault asks for fewer requests; waiting {:.1} s",
                    time.as_secs_f64()
                ));
            }
        }
        Event::InvalidTime {
            key, member, used, ..
        } => messages.warning(invalid_time(key.expose(), member, *used)),
        event => detail(event, messages),
    }
}

fn invalid_time(key: &ListedKey, member: &str, used: Option<Timestamp>) -> String {
    let used = used.map_or("unknown".to_owned(), |used| used.to_string());
    format!(
        "`{member}` of the secret `{key}` is not a time, or is out of range; it is shown as {used}"
    )
}

/// Returns true if a wait that starts now ends later than the last one, and stores its end then.
fn is_later(time: Duration, last_end: &Mutex<Option<Instant>>) -> bool {
    let mut last_end = last_end.lock().unwrap_or_else(PoisonError::into_inner);
    let end = Instant::now() + time;
    let is_later = last_end.is_none_or(|last| end > last + SAME_WAIT.max(time / 2));
    if is_later {
        *last_end = Some(end);
    }
    is_later
}

fn detail(event: &Event<'_>, messages: Messages) {
    match event {
        Event::Sending {
            call,
            base,
            headers,
            attempt,
            ..
        } => {
            let (method, path) = (call.method(), call.path());
            messages.detail(format_args!("{method} {base}{path} (attempt {attempt})"));
            for (name, value) in *headers {
                match value.to_str() {
                    Ok(text) if !value.is_sensitive() => {
                        messages.detail(format_args!("  {name}: {text}"));
                    }
                    _ => messages.detail(format_args!("  {name}: [redacted]")),
                }
            }
        }
        Event::Answered { status, after, .. } => {
            messages.detail(format_args!("{status} after {}", milliseconds(*after)));
        }
        Event::Failed { error, after, .. } => {
            messages.detail(format_args!("{error}, after {}", milliseconds(*after)));
            if messages.is_verbose() {
                addresses(error, messages);
            }
        }
        Event::Waiting { time, .. } => {
            messages.detail(format_args!("trying again in {}", milliseconds(*time)));
        }
        _ => {}
    }
}

/// Shows the addresses that were tried, if no proxy looked them up.
fn addresses(error: &TransportError, messages: Messages) {
    let host = error.host().filter(|_| error.proxy().is_none());
    let Some(host) = host.and_then(|host| host.parse::<Authority>().ok()) else {
        return;
    };
    let name = host.host().trim_matches(['[', ']']);
    // The port plays no part in the lookup.
    match (name, 0).to_socket_addrs() {
        Ok(found) => {
            let found: Vec<_> = found.map(|address| address.ip().to_string()).collect();
            messages.detail(format_args!("{name} is {}", found.join(", ")));
        }
        Err(error) => messages.detail(format_args!("{name} has no address: {error}")),
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}
