//! An attempt to connect, and what its events show.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use helvetisafe::{Client, ClientBuilder, Error, Event, Scopes};

use crate::session::log_events;
use crate::ui::messages::Messages;

/// The events while a client connected.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Observed {
    pub(super) requests: u32,
    pub(super) answers: u32,
    /// The local clock minus the vault's, in seconds.
    pub(super) skew: Option<i64>,
    /// The fetched access token.
    pub(super) token: Option<Token>,
}

/// The properties of an access token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) granted: Option<Scopes>,
    pub(super) life: Duration,
}

/// An attempt to connect.
pub(super) struct Attempt {
    pub(super) outcome: Result<Client, Error>,
    pub(super) observed: Observed,
}

impl Attempt {
    pub(super) fn make(builder: ClientBuilder, messages: Messages) -> Self {
        let observed = Arc::new(Mutex::new(Observed::default()));
        let recorder = Arc::clone(&observed);
        let log = log_events(messages);
        let outcome = builder
            .on_event(move |event| {
                log(event);
                recorder
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .record(event);
            })
            .connect();
        let observed = *observed.lock().unwrap_or_else(PoisonError::into_inner);
        Self { outcome, observed }
    }

    pub(super) fn error(&self) -> Option<&Error> {
        self.outcome.as_ref().err()
    }
}

impl Observed {
    fn record(&mut self, event: &Event<'_>) {
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

/// Returns a positive number if `local` is ahead.
fn seconds_between(local: SystemTime, vault: SystemTime) -> i64 {
    let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    match local.duration_since(vault) {
        Ok(ahead) => seconds(ahead),
        Err(behind) => -seconds(behind.duration()),
    }
}
