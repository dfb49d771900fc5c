//! Secrets that are kept for a while, so that however many ask, the vault is asked seldom.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant, SystemTime};

use helvetisafe::{Client, Error, ErrorKind, KeyName, Secret, Timestamp};

use super::http::Answer;
use super::keys::Keys;
use crate::parallel;

/// How long a failure is kept, and how long where the vault asks for more.
const FAILURE: Duration = Duration::from_secs(5);
const MAX_FAILURE: Duration = Duration::from_secs(300);
/// From so many names on, those that are kept no longer are dropped: most are not there at all.
const MANY: usize = 1024;

pub(super) struct Cache {
    client: Client,
    keys: Keys,
    ttl: Duration,
    list: Slot<Vec<KeyName>>,
    secrets: Mutex<HashMap<KeyName, Arc<Slot<Secret>>>>,
}

impl Cache {
    pub(super) fn new(client: Client, keys: Keys, ttl: Duration) -> Self {
        Self {
            client,
            keys,
            ttl,
            list: Slot::default(),
            secrets: Mutex::default(),
        }
    }

    /// Fetches the secrets that are named one by one.
    pub(super) fn fetch_named(&self) -> Result<(), Error> {
        for key in self.keys.named() {
            self.get(key)?;
        }
        Ok(())
    }

    /// All secrets that are served, in order. One that is gone is left out.
    pub(super) fn all(&self) -> Result<Vec<Arc<Secret>>, Answer> {
        let mut keys: Vec<_> = self.keys.named().cloned().collect();
        if self.keys.needs_list() {
            let listed = self.list.get(|| self.list()).map_err(refusal)?;
            keys.extend(listed.iter().cloned());
        }
        keys.sort();
        keys.dedup();
        let found = parallel::map(&keys, |key| self.found(key), || ());
        found.into_iter().filter_map(Result::transpose).collect()
    }

    /// One secret; `None` when there is none, or it is not served.
    pub(super) fn one(&self, key: &KeyName) -> Result<Option<Arc<Secret>>, Answer> {
        if !self.keys.is_served(key) {
            return Ok(None);
        }
        self.found(key)
    }

    fn found(&self, key: &KeyName) -> Result<Option<Arc<Secret>>, Answer> {
        match self.get(key) {
            Ok(secret) => Ok(Some(secret)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(refusal(error)),
        }
    }

    fn get(&self, key: &KeyName) -> Result<Arc<Secret>, Error> {
        self.slot(key).get(|| {
            let secret = self.client.secrets().get(key)?;
            let life = self.ttl.min(life(secret.expires_at()));
            Ok((secret, life))
        })
    }

    fn slot(&self, key: &KeyName) -> Arc<Slot<Secret>> {
        let mut secrets = lock(&self.secrets);
        if secrets.len() >= MANY && !secrets.contains_key(key) {
            secrets.retain(|_, slot| slot.is_kept());
        }
        Arc::clone(secrets.entry(key.clone()).or_default())
    }

    fn list(&self) -> Result<(Vec<KeyName>, Duration), Error> {
        let listed = self.client.secrets().list()?;
        let keys = listed.iter().filter_map(|secret| secret.key().valid());
        let keys = keys.filter(|key| self.keys.is_served(key));
        Ok((keys.cloned().collect(), self.ttl))
    }
}

/// What is left until a secret is gone.
fn life(expires_at: Option<Timestamp>) -> Duration {
    let left = |at: Timestamp| {
        SystemTime::from(at)
            .duration_since(SystemTime::now())
            .unwrap_or_default()
    };
    expires_at.map_or(Duration::MAX, left)
}

/// One answer of the vault.
struct Slot<T>(Mutex<Option<Kept<T>>>);

struct Kept<T> {
    outcome: Result<Arc<T>, Error>,
    until: Instant,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> Slot<T> {
    /// What is kept, else what `fetch` brings, and how long that may be kept. Whoever comes while
    /// somebody fetches waits and shares the outcome.
    fn get(&self, fetch: impl FnOnce() -> Result<(T, Duration), Error>) -> Result<Arc<T>, Error> {
        let mut slot = lock(&self.0);
        match &*slot {
            Some(kept) if Instant::now() < kept.until => return kept.outcome.clone(),
            _ => {}
        }
        let (outcome, life) = match fetch() {
            Ok((value, life)) => (Ok(Arc::new(value)), life),
            Err(error) => {
                let life = pause(&error);
                (Err(error), life)
            }
        };
        let until = Instant::now() + life;
        slot.insert(Kept { outcome, until }).outcome.clone()
    }

    /// Whether it holds something for later, or somebody fetches right now.
    fn is_kept(&self) -> bool {
        match self.0.try_lock() {
            Ok(slot) => slot
                .as_ref()
                .is_some_and(|kept| Instant::now() < kept.until),
            Err(TryLockError::WouldBlock) => true,
            Err(TryLockError::Poisoned(_)) => false,
        }
    }
}

/// How long to leave the vault alone after a failure.
fn pause(error: &Error) -> Duration {
    let asked = error.retry_after().unwrap_or_default();
    asked.clamp(FAILURE, MAX_FAILURE)
}

/// A thread that panicked leaves a whole state behind, so poison does not matter.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the agent's client is told when the vault refuses the agent. The message of an error never
/// holds a secret.
fn refusal(error: Error) -> Answer {
    let message = error.to_string();
    if error.is_retryable() {
        Answer::error(503, &message).retry_after(pause(&error))
    } else {
        Answer::error(502, &message)
    }
}
