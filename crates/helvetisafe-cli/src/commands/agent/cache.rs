//! The served secrets. The client caches the secrets, and this cache the list of them, so that many requests
//! to the agent cause few to the vault.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use helvetisafe::{CachePolicy, CallOptions, Client, Error, ErrorKind, KeyName, Secret, Secrets};

use super::failing::Failing;
use super::http::Answer;
use crate::commands::selection::Keys;
use crate::failure::to_client::describe_to_client;
use crate::failure::{Failure, Status, unbound};
use crate::session::{Budget, Offline};
use crate::ui::messages::Messages;

/// The time for which a failure is cached, and its limit if the vault asks for more.
const FAILURE: Duration = Duration::from_secs(5);
const MAX_FAILURE: Duration = Duration::from_secs(300);

/// More names than most vaults have. It bounds the entries of names that do not exist.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(1 << 16).unwrap();

/// Returns the cache policy of the client.
pub(super) fn policy(ttl: Duration) -> CachePolicy {
    CachePolicy {
        failures_for: FAILURE,
        capacity: CAPACITY,
        ..CachePolicy::new(ttl)
    }
}

pub(super) struct Cache {
    client: Client,
    keys: Keys,
    ttl: Duration,
    /// The timeout of each answer.
    timeout: Duration,
    list: Mutex<Option<Listed>>,
    offline: Option<Offline>,
    failing: Failing,
}

/// The outcome of listing.
struct Listed {
    outcome: Result<Vec<KeyName>, Error>,
    until: Instant,
}

impl Cache {
    /// `client` must have the [`policy`]. Each answer takes at most `timeout`.
    pub(super) fn new(
        client: Client,
        keys: Keys,
        ttl: Duration,
        timeout: Duration,
        offline: Option<Offline>,
        failing: Failing,
    ) -> Self {
        Self {
            client,
            keys,
            ttl,
            timeout,
            list: Mutex::default(),
            offline,
            failing,
        }
    }

    /// Writes the new responses of the vault to the offline cache, if it is used.
    pub(super) fn save(&self, messages: Messages) {
        if let Some(offline) = &self.offline {
            offline.save(true, Some(&self.client), messages);
        }
    }

    /// Describes what is served while the vault does not answer.
    pub(super) fn fallback(&self) -> &'static str {
        match self.offline {
            Some(_) => "serving what is in the offline cache",
            None => "serving only what was read less than --ttl ago",
        }
    }

    /// Describes what is served while the vault refuses the account. The offline cache is for outages alone.
    pub(super) fn without_account() -> &'static str {
        "serving only what was read less than --ttl ago"
    }

    /// Fetches the named secrets, in the time that is left.
    pub(super) fn fetch_named(&self, budget: &Budget) -> Result<(), Failure> {
        let named: Vec<_> = self.keys.named().collect();
        let outcomes = budget.limit(self.client.secrets()).get_many(&named);
        let errors: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
        if let Some(unbound) = unbound::describe(&errors) {
            return Err(Failure::new(Status::Crypto, unbound));
        }
        let first = errors.into_iter().next();
        first.map_or(Ok(()), |error| {
            Err(self.failing.explain(error.into(), &self.client))
        })
    }

    /// Returns the names of all served secrets, sorted.
    pub(super) fn names(&self) -> Result<Vec<KeyName>, Answer> {
        let secrets = self.client.secrets().within(self.timeout);
        let mut keys: Vec<_> = self.keys.named().cloned().collect();
        if self.keys.listed_prefix().is_some() {
            keys.extend(self.listed(secrets).map_err(error_answer)?);
        }
        keys.sort();
        keys.dedup();
        Ok(keys)
    }

    /// Returns all served secrets, sorted. Deleted ones are left out.
    pub(super) fn all(&self) -> Result<Vec<Secret>, Answer> {
        let keys = self.names()?;
        let secrets = self.client.secrets().within(self.timeout);
        let outcomes = secrets.get_many(&keys);
        let outcomes = keys.iter().zip(outcomes);
        let outcomes: Vec<_> = outcomes
            .map(|(key, outcome)| self.settle(key, outcome))
            .collect();
        let errors = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
        if let Some(unbound) = unbound::describe_to_client(errors) {
            return Err(Answer::error(500, &unbound));
        }
        let found = outcomes.into_iter().map(none_if_missing);
        found.filter_map(Result::transpose).collect()
    }

    /// Returns one secret; `None` if it does not exist or is not served.
    pub(super) fn one(&self, key: &KeyName) -> Result<Option<Secret>, Answer> {
        if !self.keys.contains(key) {
            return Ok(None);
        }
        let outcome = self.client.secrets().within(self.timeout).get(key);
        none_if_missing(self.settle(key, outcome))
    }

    /// Returns what is served, and logs whether it is served.
    fn settle(&self, key: &KeyName, outcome: Result<Secret, Error>) -> Result<Secret, Error> {
        let outcome = self.or_offline(key, outcome);
        self.failing.note(Some(key), &outcome, &self.client);
        outcome
    }

    /// Replaces a failure of the vault by the entry in the offline cache, if there is one. The client has not asked
    /// for it: a failure to reach the vault counts for all secrets, also for those that the offline cache has.
    fn or_offline(&self, key: &KeyName, outcome: Result<Secret, Error>) -> Result<Secret, Error> {
        let has = |offline: &Offline| offline.has(key);
        match &outcome {
            Err(error) if error.is_retryable() && self.offline.as_ref().is_some_and(has) => {
                let past = CallOptions::new().bypass_cache();
                let secrets = self.client.secrets().with(past);
                secrets.within(self.timeout).get(key)
            }
            _ => outcome,
        }
    }

    /// Returns the served names. Concurrent calls wait for one request and share its outcome.
    fn listed(&self, secrets: Secrets<'_>) -> Result<Vec<KeyName>, Error> {
        // The state is valid even after a panic, so poison does not matter.
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        match &*list {
            Some(listed) if Instant::now() < listed.until => return listed.outcome.clone(),
            _ => {}
        }
        let outcome = self.list(secrets);
        self.failing.note(None, &outcome, &self.client);
        let life = outcome.as_ref().map_or_else(pause, |_| self.ttl);
        let until = Instant::now() + life;
        list.insert(Listed { outcome, until }).outcome.clone()
    }

    fn list(&self, secrets: Secrets<'_>) -> Result<Vec<KeyName>, Error> {
        let listed = secrets.list()?;
        let keys = listed.iter().filter_map(|secret| secret.key().valid());
        Ok(keys
            .filter(|key| self.keys.contains(key))
            .cloned()
            .collect())
    }
}

fn none_if_missing(outcome: Result<Secret, Error>) -> Result<Option<Secret>, Answer> {
    match outcome {
        Ok(secret) => Ok(Some(secret)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error_answer(error)),
    }
}

/// Returns the pause after a failure before the next request.
fn pause(error: &Error) -> Duration {
    let asked = error.retry_after().unwrap_or_default();
    asked.clamp(FAILURE, MAX_FAILURE)
}

/// Returns the answer to a client of the agent for a failed request. Error messages never hold a secret.
fn error_answer(error: Error) -> Answer {
    let answer = Answer::error(500, &describe_to_client(&error));
    match error.is_retryable() {
        true => answer.retry_after(pause(&error)),
        false => answer,
    }
}
