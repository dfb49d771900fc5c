//! The last list of each organization as it was sent, so that programs that look for changes now and
//! then do not have the database read all names each time.
//!
//! Nothing here says whether a list still holds: the database does, by its version.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;

use crate::store::{ListVersion, Moment, OrganizationId};

/// The most bytes of all lists together: some 250 000 names.
const CAPACITY: usize = 32 << 20;

#[derive(Default)]
pub(crate) struct ListCache(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    lists: HashMap<OrganizationId, List>,
    bytes: usize,
}

/// A list that was made.
#[derive(Clone)]
pub(crate) struct List {
    pub(crate) version: ListVersion,
    /// The answer.
    pub(crate) body: Bytes,
    pub(crate) made_at: Moment,
    /// When the first secret in it expires.
    pub(crate) until: Option<Moment>,
}

impl List {
    /// Whether it leaves out what has expired by `now`, and nothing else.
    fn holds_at(&self, now: Moment) -> bool {
        self.made_at <= now && self.until.is_none_or(|until| now < until)
    }
}

impl ListCache {
    /// What was sent last, unless something in it has expired since.
    pub(crate) fn get(&self, organization: OrganizationId, now: Moment) -> Option<List> {
        let inner = self.lock();
        let list = inner.lists.get(&organization)?;
        list.holds_at(now).then(|| list.clone())
    }

    pub(crate) fn insert(&self, organization: OrganizationId, list: List) {
        let mut inner = self.lock();
        if let Some(old) = inner.lists.remove(&organization) {
            inner.bytes -= old.body.len();
        }
        if inner.bytes + list.body.len() > CAPACITY {
            // Those in use come back at the price of one reading each.
            *inner = Inner::default();
        }
        if list.body.len() <= CAPACITY {
            inner.bytes += list.body.len();
            inner.lists.insert(organization, list);
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        *self.lock() = Inner::default();
    }

    // No code panics while it holds the lock, and if it did, the map would still be whole.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const ONE: OrganizationId = OrganizationId(1);

    fn list(length: usize, made_at: Moment, until: Option<Moment>) -> List {
        List {
            version: ListVersion(0),
            body: vec![0; length].into(),
            made_at,
            until,
        }
    }

    #[test]
    fn a_list_ends_with_the_first_secret_in_it() {
        let (cache, now) = (ListCache::default(), Moment::now());
        let end = now.after(Duration::from_secs(1));
        cache.insert(ONE, list(1, now, Some(end)));
        assert!(cache.get(ONE, now).is_some());
        assert!(cache.get(ONE, end).is_none());
        assert!(cache.get(OrganizationId(2), now).is_none());
    }

    /// What had expired when it was made may not have then.
    #[test]
    fn a_list_from_the_future_does_not_count() {
        let (cache, now) = (ListCache::default(), Moment::now());
        cache.insert(ONE, list(1, now.after(Duration::from_secs(1)), None));
        assert!(cache.get(ONE, now).is_none());
    }

    #[test]
    fn it_does_not_grow_without_bound() {
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
