//! The last list of each organization as JSON, so that clients that poll for changes do not make the
//! database read all names each time.
//!
//! The database decides by the version whether a cached list is current.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use super::CachedAnswer;
use crate::lock::lock;
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
    pub(crate) answer: CachedAnswer,
}

impl ListCache {
    /// Returns the last list, unless a secret in it has expired.
    pub(crate) fn get(&self, organization: OrganizationId, now: Moment) -> Option<CachedList> {
        let inner = self.lock();
        let list = inner.lists.get(&organization)?;
        list.answer.is_valid_at(now).then(|| list.clone())
    }

    pub(crate) fn insert(&self, organization: OrganizationId, list: CachedList) {
        let mut inner = self.lock();
        if let Some(old) = inner.lists.remove(&organization) {
            inner.bytes -= old.answer.body.len();
        }
        let size = list.answer.body.len();
        if inner.bytes + size > CAPACITY {
            // A list in use is read again once.
            *inner = Inner::default();
        }
        if size <= CAPACITY {
            inner.bytes += size;
            inner.lists.insert(organization, list);
        }
    }

    /// Removes all lists.
    pub(crate) fn clear(&self) {
        *self.lock() = Inner::default();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.0)
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
            answer: CachedAnswer {
                body: vec![0; length].into(),
                read_at,
                expires_at,
                version: None,
            },
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
