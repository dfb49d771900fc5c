//! What is served. The client keeps the secrets for a while; the list of them is kept here, so that
//! however many ask, the vault is asked seldom.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use helvetisafe::{CachePolicy, Client, Error, ErrorKind, KeyName, Secret, Secrets};

use super::http::Answer;
use super::keys::Keys;
use crate::failure::{Failure, Status, describe_unbound, name_unbound};

/// How long a failure is kept, and how long where the vault asks for more.
const FAILURE: Duration = Duration::from_secs(5);
const MAX_FAILURE: Duration = Duration::from_secs(300);

/// More names than most vaults have, and a bound for those that nobody has.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(1 << 16).unwrap();

/// What the client keeps of what it reads.
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
    /// For each answer.
    time: Duration,
    list: Mutex<Option<Listed>>,
}

/// What became of listing.
struct Listed {
    outcome: Result<Vec<KeyName>, Error>,
    until: Instant,
}

impl Cache {
    /// Of a client that has the [`policy`]; each answer takes at most `time`.
    pub(super) fn new(client: Client, keys: Keys, ttl: Duration, time: Duration) -> Self {
        Self {
            client,
            keys,
            ttl,
            time,
            list: Mutex::default(),
        }
    }

    /// Fetches the secrets that are named one by one, in so much time.
    pub(super) fn fetch_named(&self, time: Duration) -> Result<(), Failure> {
        let named: Vec<_> = self.keys.named().collect();
        let outcomes = self.client.secrets().within(time).get_many(&named);
        let errors: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
        if let Some(unbound) = describe_unbound(&errors) {
            return Err(Failure::new(Status::Crypto, unbound));
        }
        let first = errors.into_iter().next();
        first.map_or(Ok(()), |error| Err(error.into()))
    }

    /// All secrets that are served, in order. One that is gone is left out.
    pub(super) fn all(&self) -> Result<Vec<Secret>, Answer> {
        let secrets = self.client.secrets().within(self.time);
        let mut keys: Vec<_> = self.keys.named().cloned().collect();
        if self.keys.needs_list() {
            keys.extend(self.listed(secrets).map_err(refusal)?);
        }
        keys.sort();
        keys.dedup();
        let outcomes = secrets.get_many(&keys);
        let errors = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
        if let Some(unbound) = name_unbound(errors) {
            return Err(Answer::error(502, &unbound));
        }
        let found = outcomes.into_iter().map(unless_gone);
        found.filter_map(Result::transpose).collect()
    }

    /// One secret; `None` when there is none, or it is not served.
    pub(super) fn one(&self, key: &KeyName) -> Result<Option<Secret>, Answer> {
        if !self.keys.is_served(key) {
            return Ok(None);
        }
        unless_gone(self.client.secrets().within(self.time).get(key))
    }

    /// The names that are served. Whoever comes while somebody asks waits and shares the outcome.
    fn listed(&self, secrets: Secrets<'_>) -> Result<Vec<KeyName>, Error> {
        // A thread that panicked leaves a whole state behind, so poison does not matter.
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        match &*list {
            Some(listed) if Instant::now() < listed.until => return listed.outcome.clone(),
            _ => {}
        }
        let outcome = self.list(secrets);
        let life = outcome.as_ref().map_or_else(pause, |_| self.ttl);
        let until = Instant::now() + life;
        list.insert(Listed { outcome, until }).outcome.clone()
    }

    fn list(&self, secrets: Secrets<'_>) -> Result<Vec<KeyName>, Error> {
        let listed = secrets.list()?;
        let keys = listed.iter().filter_map(|secret| secret.key().valid());
        Ok(keys
            .filter(|key| self.keys.is_served(key))
            .cloned()
            .collect())
    }
}

fn unless_gone(outcome: Result<Secret, Error>) -> Result<Option<Secret>, Answer> {
    match outcome {
        Ok(secret) => Ok(Some(secret)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(refusal(error)),
    }
}

/// How long to leave the vault alone after a failure.
fn pause(error: &Error) -> Duration {
    let asked = error.retry_after().unwrap_or_default();
    asked.clamp(FAILURE, MAX_FAILURE)
}

/// What the agent's client is told when the vault refuses the agent. The message of an error never
/// holds a secret.
fn refusal(error: Error) -> Answer {
    let message = name_unbound([&error]).unwrap_or_else(|| error.to_string());
    if error.is_retryable() {
        Answer::error(503, &message).retry_after(pause(&error))
    } else {
        Answer::error(502, &message)
    }
}
