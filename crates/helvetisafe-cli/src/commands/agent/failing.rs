//! The secrets that cannot be served, and the list of them. Each failure is logged once, and its end.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use helvetisafe::{Client, Error, ErrorKind, KeyName};

use crate::failure::Failure;
use crate::failure::to_client::is_refused_account;
use crate::session::ask_chain;
use crate::settings::Settings;
use crate::ui::lasting::in_words;
use crate::ui::messages::Messages;

/// The time to ask the signed chain about the org key.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum number of failures to log: a local client could ask for any number of names.
const MOST: usize = 1000;

/// The failures that last, and their log.
pub(super) struct Failing {
    /// Locked while a failure is explained: the verdict about one secret may hold for the next one.
    settings: Mutex<Settings>,
    messages: Messages,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The failures that last, by the name of the secret; `None` is the list.
    lasting: HashMap<Option<KeyName>, Lasts>,
    /// Set if the signed chain refuses the vault's org key. That is logged for one secret and holds for all.
    is_key_refused: bool,
}

struct Lasts {
    since: Instant,
    /// Set if the vault's org key may be the reason.
    is_of_org_key: bool,
}

impl Failing {
    pub(super) fn new(settings: Settings, messages: Messages) -> Self {
        Self {
            settings: Mutex::new(settings),
            messages,
            state: Mutex::default(),
        }
    }

    /// Logs the begin of a failure, or its end. Without a name it is about the list.
    pub(super) fn note<T>(
        &self,
        key: Option<&KeyName>,
        outcome: &Result<T, Error>,
        client: &Client,
    ) {
        match outcome {
            Ok(_) => self.end(key, true),
            // It is deleted.
            Err(error) if error.kind() == ErrorKind::NotFound => self.end(key, false),
            Err(error) if is_logged_elsewhere(error) => {}
            Err(error) => self.begin(key, error, client),
        }
    }

    /// Adds to a failure what the signed chain says, if the vault may give a replaced org key.
    pub(super) fn explain(&self, failure: Failure, client: &Client) -> Failure {
        explain(failure, &lock(&self.settings), client)
    }

    fn begin(&self, key: Option<&KeyName>, error: &Error, client: &Client) {
        let key = key.cloned();
        if self.state().lasting.contains_key(&key) {
            return;
        }
        let settings = lock(&self.settings);
        if !self
            .state()
            .begin(key.clone(), error.may_be_replaced_org_key())
        {
            return;
        }
        let failure = explain(Failure::without_doctor(error.clone()), &settings, client);
        if failure.is_key_refused() {
            self.state().is_key_refused = true;
        }
        self.messages.warning(failure.message().unwrap_or_default());
    }

    fn end(&self, key: Option<&KeyName>, is_served: bool) {
        let mut state = self.state();
        if state.lasting.is_empty() {
            return;
        }
        let ended = state.end(&key.cloned());
        drop(state);
        if let Some(since) = ended.filter(|_| is_served) {
            self.messages.note(format_args!(
                "{} is served again, after {}",
                name(key),
                in_words(since.elapsed())
            ));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl State {
    /// Returns true if the failure must be logged.
    fn begin(&mut self, key: Option<KeyName>, is_of_org_key: bool) -> bool {
        let is_full = self.lasting.len() >= MOST;
        let Entry::Vacant(entry) = self.lasting.entry(key) else {
            return false;
        };
        if is_full {
            return false;
        }
        entry.insert(Lasts {
            since: Instant::now(),
            is_of_org_key,
        });
        !(self.is_key_refused && is_of_org_key)
    }

    /// Returns the begin of a failure that has ended. A value that opens shows that the refused org key is not in use any more.
    fn end(&mut self, key: &Option<KeyName>) -> Option<Instant> {
        let ended = self.lasting.remove(key)?;
        if self.is_key_refused && ended.is_of_org_key {
            self.is_key_refused = false;
            self.lasting.retain(|_, lasts| !lasts.is_of_org_key);
        }
        Some(ended.since)
    }
}

fn explain(failure: Failure, settings: &Settings, client: &Client) -> Failure {
    failure.with_verdict_of_chain(|| ask_chain(settings, client, TIMEOUT))
}

/// Returns true for an outage, a refused account and a refused org key, which are logged once for all secrets.
fn is_logged_elsewhere(error: &Error) -> bool {
    let is_outage = error.is_retryable()
        || error.transport_error().is_some()
        || error
            .status()
            .is_some_and(|status| status.is_server_error());
    is_outage || is_refused_account(error) || error.refused_org_key().is_some()
}

fn name(key: Option<&KeyName>) -> String {
    key.map_or_else(
        || "the list of secrets".to_owned(),
        |key| format!("`{key}`"),
    )
}

/// The state is valid even after a panic, so poison does not matter.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Option<KeyName> {
        Some(KeyName::parse(name).unwrap())
    }

    #[test]
    fn a_failure_is_logged_once_until_it_ends() {
        let mut state = State::default();
        assert!(state.begin(key("A"), false));
        assert!(!state.begin(key("A"), false));
        assert!(state.begin(key("B"), true));
        assert!(state.end(&key("A")).is_some());
        assert!(state.end(&key("A")).is_none());
        assert!(state.begin(key("A"), false));
    }

    #[test]
    fn the_log_of_failures_is_bounded() {
        let mut state = State::default();
        for number in 0..MOST {
            assert!(state.begin(key(&format!("K{number}")), false));
        }
        assert!(!state.begin(key("more"), false));
        assert!(state.end(&key("K0")).is_some());
        assert!(state.begin(key("more"), false));
    }

    #[test]
    fn a_refused_org_key_is_logged_for_one_secret() {
        let mut state = State::default();
        assert!(state.begin(key("A"), true));
        state.is_key_refused = true;
        assert!(!state.begin(key("B"), true));
        assert!(state.begin(key("C"), false), "another reason");
        assert!(state.end(&key("B")).is_some());
        assert!(state.begin(key("A"), true), "it begins anew");
        assert!(!state.begin(key("C"), false));
    }
}
