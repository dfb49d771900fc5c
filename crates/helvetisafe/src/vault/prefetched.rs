//! Secrets that `connect` fetched, as the vault stores them. Each serves one read.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use helvetisafe_proto::KeyName;
use helvetisafe_proto::endpoint::SecretRecord;

use crate::clock::Now;
use crate::error::Error;

/// A value that was fetched earlier is read from the vault again.
const LIFE: Duration = Duration::from_secs(10);

/// A secret as the vault stores it, or a lasting failure such as that there is none.
type Fetched = Result<SecretRecord, Error>;

/// The prefetched secrets. They are ciphertext.
pub(crate) struct Prefetched {
    records: Mutex<HashMap<KeyName, Fetched>>,
    fetched: Duration,
}

impl Prefetched {
    /// A failure that may pass is not remembered, so the read asks the vault again.
    pub(super) fn new(records: Vec<(KeyName, Fetched)>, fetched: Duration) -> Self {
        let may_pass = |record: &Fetched| record.as_ref().is_err_and(Error::is_retryable);
        let records = records.into_iter().filter(|(_, record)| !may_pass(record));
        Self {
            records: Mutex::new(records.collect()),
            fetched,
        }
    }

    /// Returns the outcome for a secret, once, unless it is too old or has expired.
    pub(crate) fn take(&self, key: &KeyName, now: Now) -> Option<Fetched> {
        let record = self.lock().remove(key)?;
        let is_recent = now.clock.saturating_sub(self.fetched) < LIFE;
        let end = record
            .as_ref()
            .ok()
            .and_then(|record| record.expires_at.known());
        let is_alive = end.is_none_or(|end| now.wall < end);
        (is_recent && is_alive).then_some(record)
    }

    pub(crate) fn forget(&self, key: &str) {
        self.lock().remove(key);
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// The map is consistent even after a panic, so poison does not matter.
    fn lock(&self) -> MutexGuard<'_, HashMap<KeyName, Fetched>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
