//! What a client's events tell on the way to its org key.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use helvetisafe::{Client, ClientBuilder, Error, Event, Scopes};

use crate::connect;
use crate::messages::Messages;

/// What happened while a client connected.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) requests: u32,
    pub(super) answers: u32,
    /// The local clock less the vault's, in seconds.
    pub(super) skew: Option<i64>,
    /// The token that came, if one did.
    pub(super) token: Option<Token>,
}

/// An access token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) granted: Option<Scopes>,
    pub(super) life: Duration,
}

/// An attempt to connect, and what was seen of it.
pub(super) struct Attempt {
    pub(super) outcome: Result<Client, Error>,
    pub(super) seen: Seen,
}

impl Attempt {
    pub(super) fn make(builder: ClientBuilder, messages: Messages) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let note = Arc::clone(&seen);
        let tell = connect::teller(messages);
        let outcome = builder
            .on_event(move |event| {
                tell(event);
                note.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .take_in(event);
            })
            .connect();
        let seen = *seen.lock().unwrap_or_else(PoisonError::into_inner);
        Self { outcome, seen }
    }

    pub(super) fn error(&self) -> Option<&Error> {
        self.outcome.as_ref().err()
    }
}

impl Seen {
    fn take_in(&mut self, event: &Event<'_>) {
        match event {
            Event::Sending { .. } => self.requests += 1,
            Event::Answered { date, .. } => {
                if self.answers == 0 {
                    self.skew = date.map(|date| seconds_between(SystemTime::now(), date));
                }
                self.answers += 1;
            }
            Event::Authorized { granted, life, .. } => {
                self.token = Some(Token {
                    granted: *granted,
                    life: *life,
                });
            }
            _ => {}
        }
    }
}

/// Positive when `local` is ahead.
fn seconds_between(local: SystemTime, vault: SystemTime) -> i64 {
    let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    match local.duration_since(vault) {
        Ok(ahead) => seconds(ahead),
        Err(behind) => -seconds(behind.duration()),
    }
}
