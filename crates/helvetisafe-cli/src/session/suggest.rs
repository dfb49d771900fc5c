//! The names to suggest when a secret does not exist.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use helvetisafe::{Client, KeyName, SecretMetadata};

/// The time by which suggestions may delay a failure.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Returns the names of all secrets; none if they cannot be listed in time. Takes at most `time_left`.
pub(super) fn names(client: &Client, time_left: Option<Duration>) -> Vec<KeyName> {
    let timeout = time_left.map_or(TIMEOUT, |left| left.min(TIMEOUT));
    let (sender, listed) = mpsc::channel();
    let client = client.clone();
    let list = move || {
        // After a timeout the receiver is gone.
        let _ = sender.send(client.secrets().within(timeout).list());
    };
    // The thread ends with the process.
    let started = thread::Builder::new().spawn(list);
    let listed = started.ok().and_then(|_| listed.recv_timeout(timeout).ok());
    let listed = listed.and_then(Result::ok).unwrap_or_default();
    let names = listed.iter().map(SecretMetadata::key);
    names.filter_map(|name| name.valid()).cloned().collect()
}
