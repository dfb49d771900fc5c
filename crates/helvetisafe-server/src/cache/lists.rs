//! The last list of each organization as JSON, so that clients that poll for changes do not make the
//! database read all names each time.
//!
//! The database decides by the version whether a cached list is current.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;

use crate::store::{ListVersion, Moment, OrganizationId};

/// The largest total of all lists in bytes: about 250 000 names.
const CAPACITY: usize = 32 << 20;

#[derive(Default)]
pub(crate) struct ListCache(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    lists: HashMap<OrganizationId, CachedList>,
    bytes: usize,
}

/// A list that was read from the database.
#[derive(Clone)]
pub(crate) struct CachedList {
    pub(crate) version: ListVersion,
    /// The JSON of the response.
    pub(crate) body: Bytes,
    pub(crate) read_at: Moment,
    /// The first expiry of a secret in the list.
    pub(crate) expires_at: Option<Moment>,
}

impl CachedList {
    /// Returns whether the same secrets have expired at `now` as when the list was read.
    fn is_valid_at(&self, now: Moment) -> bool {
        self.read_at <= now && self.expires_at.is_none_or(|end| now < end)
    }
}

impl ListCache {
    /// Returns the last list, unless a secret in it has expired.
    pub(crate) fn get(&self, organization: OrganizationId, now: Moment) -> Option<CachedList> {
        let inner = self.lock();
        let list = inner.lists.get(&organization)?;
        list.is_valid_at(now).then(|| list.clone())
    }

    pub(crate) fn insert(&self, organization: OrganizationId, list: CachedList) {
        let mut inner = self.lock();
        if let Some(old) = inner.lists.remove(&organization) {
            inner.bytes -= old.body.len();
        }
        if inner.bytes + list.body.len() > CAPACITY {
            // A list in use is read again once.
            *inner = Inner::default();
        }
        if list.body.len() <= CAPACITY {
            inner.bytes += list.body.len();
            inner.lists.insert(organization, list);
        }
    }

    /// Removes all lists.
    pub(crate) fn clear(&self) {
        *self.lock() = Inner::default();
    }

    // No code panics while it holds the lock; if it did, the map would still be consistent.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const ONE: OrganizationId = OrganizationId(1);

    fn list(length: usize, read_at: Moment, expires_at: Option<Moment>) -> CachedList {
        CachedList {
            version: ListVersion(0),
            body: vec![0; length].into(),
            read_at,
            expires_at,
        }
    }

    #[test]
    fn a_list_is_valid_until_its_first_secret_expires() {
        let (cache, now) = (ListCache::default(), Moment::now());
        let end = now.after(Duration::from_secs(1));
        cache.insert(ONE, list(1, now, Some(end)));
        assert!(cache.get(ONE, now).is_some());
        assert!(cache.get(ONE, end).is_none());
        assert!(cache.get(OrganizationId(2), now).is_none());
    }

    /// After the clock was set back, a secret that had expired may exist again.
    #[test]
    fn a_list_from_the_future_is_not_returned() {
        let (cache, now) = (ListCache::default(), Moment::now());
        cache.insert(ONE, list(1, now.after(Duration::from_secs(1)), None));
        assert!(cache.get(ONE, now).is_none());
    }

    #[test]
    fn the_size_is_bounded() {
        let (cache, now) = (ListCache::default(), Moment::now());
        for n in 0..9 {
            cache.insert(OrganizationId(n), list(CAPACITY / 4, now, None));
        }
        assert_eq!(cache.lock().bytes, CAPACITY / 4);
        cache.insert(OrganizationId(8), list(1, now, None));
        assert_eq!(cache.lock().bytes, 1);
        cache.insert(ONE, list(CAPACITY + 1, now, None));
        assert!(cache.get(ONE, now).is_none());
    }
}
