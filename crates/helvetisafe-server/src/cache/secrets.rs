//! The JSON of recently read secrets.
//!
//! Only this process writes to its database, so a value changes only by a write here. A value is cached only
//! if no write of its organization was in flight when its query started, and none has started since. A
//! write is counted before its statement starts, and is in flight until the database has answered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use helvetisafe_proto::KeyName;

use super::CachedAnswer;
use crate::lock::lock;
use crate::store::{Moment, OrganizationId};

/// The largest total of all entries in bytes, with their names and overhead.
const CAPACITY: usize = 64 << 20;

/// The approximate memory of an entry besides its name and value, in bytes.
const OVERHEAD: usize = 200;

/// The number of write counters. Organizations with the same lowest byte share one: a write of one of them
/// keeps reads of the others out of the cache, which costs only time.
const COUNTERS: usize = 1 << u8::BITS;

#[derive(Default)]
pub(crate) struct SecretCache(Arc<Mutex<Inner>>);

struct Inner {
    secrets: HashMap<OrganizationId, HashMap<KeyName, CachedAnswer>>,
    bytes: usize,
    writes: [Writes; COUNTERS],
}

/// The writes of the organizations that share a counter.
#[derive(Clone, Copy, Default)]
struct Writes {
    /// The number of writes and sweeps that have started.
    started: u64,
    in_flight: usize,
}

/// The start of a read, which shows afterwards whether a write could have overtaken it.
#[derive(Clone, Copy)]
pub(crate) struct ReadStart {
    organization: OrganizationId,
    /// The writes started before; `None` if one of them was in flight.
    writes: Option<u64>,
}

/// A write in flight. It must live until the write has ended, even if its client has disconnected.
pub(crate) struct WriteGuard {
    cache: Arc<Mutex<Inner>>,
    organization: OrganizationId,
}

impl SecretCache {
    /// Returns a cached secret, or the start of the read that is necessary.
    pub(crate) fn get(
        &self,
        organization: OrganizationId,
        key: &KeyName,
        now: Moment,
    ) -> Result<CachedAnswer, ReadStart> {
        let mut inner = lock(&self.0);
        let secrets = inner.secrets.get(&organization);
        match secrets.and_then(|secrets| secrets.get(key)) {
            Some(secret) if secret.is_valid_at(now) => Ok(secret.clone()),
            _ => Err(ReadStart {
                organization,
                writes: inner.writes_of(organization).settled(),
            }),
        }
    }

    /// Adds a secret, unless a write was in flight or has started since the read started.
    pub(crate) fn insert(&self, read: ReadStart, key: KeyName, secret: CachedAnswer) {
        let mut inner = lock(&self.0);
        let size = size_of(&key, &secret);
        let started = inner.writes_of(read.organization).started;
        if read.writes != Some(started) || size > CAPACITY {
            return;
        }
        if inner.bytes + size > CAPACITY {
            // A secret in use is read again once.
            inner.evict_all();
        }
        let secrets = inner.secrets.entry(read.organization).or_default();
        let old = secrets.insert(key.clone(), secret);
        inner.bytes -= old.map_or(0, |old| size_of(&key, &old));
        inner.bytes += size;
    }

    /// Removes the secret that a write is about to change.
    pub(crate) fn begin_write(&self, organization: OrganizationId, key: &KeyName) -> WriteGuard {
        let mut inner = lock(&self.0);
        let secrets = inner.secrets.get_mut(&organization);
        if let Some(old) = secrets.and_then(|secrets| secrets.remove(key)) {
            inner.bytes -= size_of(key, &old);
        }
        let writes = inner.writes_of(organization);
        writes.started += 1;
        writes.in_flight += 1;
        WriteGuard {
            cache: Arc::clone(&self.0),
            organization,
        }
    }

    /// Removes all secrets to free their memory. Reads in flight can still be cached.
    pub(crate) fn evict_all(&self) {
        lock(&self.0).evict_all();
    }

    /// Removes all secrets after expired ones were deleted. Reads in flight are not cached.
    pub(crate) fn clear(&self) {
        let mut inner = lock(&self.0);
        inner.evict_all();
        for writes in &mut inner.writes {
            writes.started += 1;
        }
    }
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            secrets: HashMap::new(),
            bytes: 0,
            writes: [Writes::default(); COUNTERS],
        }
    }
}

impl Inner {
    fn writes_of(&mut self, organization: OrganizationId) -> &mut Writes {
        let [lowest, ..] = organization.0.to_le_bytes();
        &mut self.writes[usize::from(lowest)]
    }

    fn evict_all(&mut self) {
        self.secrets.clear();
        self.bytes = 0;
    }
}

impl Writes {
    /// Returns the number of started writes, unless one is in flight.
    fn settled(self) -> Option<u64> {
        (self.in_flight == 0).then_some(self.started)
    }
}

impl Drop for WriteGuard {
    fn drop(&mut self) {
        lock(&self.cache).writes_of(self.organization).in_flight -= 1;
    }
}

fn size_of(key: &KeyName, secret: &CachedAnswer) -> usize {
    secret.body.len() + key.as_str().len() + OVERHEAD
}

#[cfg(test)]
mod tests;
