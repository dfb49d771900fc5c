//! The last list of each organization as JSON, so that clients that poll for changes do not make the
//! database read all names each time.
//!
//! The database decides by the version whether a cached list is current, so several nodes may serve one database.

mod build;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::Bytes;

use crate::lock::lock;
use crate::store::{ListVersion, Moment, Tenant};

pub(crate) use build::Builds;

/// The maximum total size of all lists in bytes: about 250 000 names.
const CAPACITY: usize = 32 << 20;

#[derive(Default)]
pub(crate) struct ListCache(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    lists: HashMap<Tenant, CachedList>,
    builds: HashMap<Tenant, Arc<Builds>>,
    bytes: usize,
}

/// A list that was read from the database.
#[derive(Clone)]
pub(crate) struct CachedList {
    /// The JSON of the response.
    pub(crate) body: Bytes,
    pub(crate) version: ListVersion,
    pub(crate) read_at: Moment,
    /// The first expiry of a secret in the list.
    pub(crate) expires_at: Option<Moment>,
    /// The number of secrets.
    pub(crate) length: usize,
}

impl CachedList {
    /// Returns true if the list is that of a version, and the same secrets have expired as when it was read.
    fn is_valid(&self, version: ListVersion, now: Moment) -> bool {
        self.version == version
            && self.read_at <= now
            && self.expires_at.is_none_or(|end| now < end)
    }
}

impl ListCache {
    /// Returns the last list, if it has the version and no secret in it has expired.
    pub(crate) fn get(&self, tenant: Tenant, version: ListVersion, now: Moment) -> Option<Bytes> {
        self.get_page(tenant, u32::MAX, version, now)
    }

    /// Returns the last list as a page from its start, if it is valid and has at most `limit` secrets.
    pub(crate) fn get_page(
        &self,
        tenant: Tenant,
        limit: u32,
        version: ListVersion,
        now: Moment,
    ) -> Option<Bytes> {
        let inner = self.lock();
        let list = inner.lists.get(&tenant)?;
        let fits = u32::try_from(list.length).is_ok_and(|length| length <= limit);
        (fits && list.is_valid(version, now)).then(|| list.body.clone())
    }

    /// Returns the size of the last list in bytes, of any version.
    pub(crate) fn size(&self, tenant: Tenant) -> Option<usize> {
        Some(self.lock().lists.get(&tenant)?.body.len())
    }

    pub(crate) fn insert(&self, tenant: Tenant, list: CachedList) {
        let mut inner = self.lock();
        if let Some(old) = inner.lists.remove(&tenant) {
            inner.bytes -= old.body.len();
        }
        let size = list.body.len();
        if inner.bytes + size > CAPACITY {
            // A list in use is read again once.
            inner.clear();
        }
        if size <= CAPACITY {
            inner.bytes += size;
            inner.lists.insert(tenant, list);
        }
    }

    /// Returns the builds of a list that are in progress.
    pub(crate) fn builds(&self, tenant: Tenant) -> Arc<Builds> {
        let mut inner = self.lock();
        inner.drop_finished_builds();
        Arc::clone(inner.builds.entry(tenant).or_default())
    }

    /// Removes all lists.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.0)
    }
}

impl Inner {
    fn clear(&mut self) {
        self.lists.clear();
        self.bytes = 0;
        self.drop_finished_builds();
    }

    /// Drops the results of builds for which no request waits.
    fn drop_finished_builds(&mut self) {
        self.builds
            .retain(|_, builds| Arc::strong_count(builds) > 1);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::store::{KeyEpoch, OrganizationId};

    const VERSION: ListVersion = ListVersion(0);

    fn tenant(number: i64) -> Tenant {
        Tenant {
            organization: OrganizationId(number),
            key_epoch: KeyEpoch::FIRST,
        }
    }

    fn list(length: usize, read_at: Moment, expires_at: Option<Moment>) -> CachedList {
        CachedList {
            body: vec![0; length].into(),
            version: VERSION,
            read_at,
            expires_at,
            length: 2,
        }
    }

    #[test]
    fn a_list_is_valid_until_its_first_secret_expires() {
        let (cache, now) = (ListCache::default(), Moment::now());
        let end = now.after(Duration::from_secs(1));
        cache.insert(tenant(1), list(1, now, Some(end)));
        assert!(cache.get(tenant(1), VERSION, now).is_some());
        assert!(cache.get(tenant(1), VERSION, end).is_none());
        assert!(cache.get(tenant(1), ListVersion(1), now).is_none());
        assert!(cache.get(tenant(2), VERSION, now).is_none());
    }

    #[test]
    fn a_list_is_a_page_that_has_room_for_it() {
        let (cache, now) = (ListCache::default(), Moment::now());
        cache.insert(tenant(1), list(1, now, None));
        assert!(cache.get_page(tenant(1), 1, VERSION, now).is_none());
        assert!(cache.get_page(tenant(1), 2, VERSION, now).is_some());
    }

    /// After the clock was set back, a secret that had expired may exist again.
    #[test]
    fn a_list_from_the_future_is_not_returned() {
        let (cache, now) = (ListCache::default(), Moment::now());
        let later = now.after(Duration::from_secs(1));
        cache.insert(tenant(1), list(1, later, None));
        assert!(cache.get(tenant(1), VERSION, now).is_none());
    }

    #[test]
    fn the_size_is_bounded() {
        let (cache, now) = (ListCache::default(), Moment::now());
        for n in 0..9 {
            cache.insert(tenant(n), list(CAPACITY / 4, now, None));
        }
        assert_eq!(cache.lock().bytes, CAPACITY / 4);
        cache.insert(tenant(8), list(1, now, None));
        assert_eq!(cache.lock().bytes, 1);
        cache.insert(tenant(1), list(CAPACITY + 1, now, None));
        assert!(cache.get(tenant(1), VERSION, now).is_none());
    }

    #[test]
    fn the_builds_that_are_over_are_removed() {
        let cache = ListCache::default();
        let first = cache.builds(tenant(1));
        assert!(Arc::ptr_eq(&first, &cache.builds(tenant(1))));
        drop(first);
        cache.builds(tenant(2));
        assert_eq!(cache.lock().builds.len(), 1);
        cache.clear();
        assert_eq!(cache.lock().builds.len(), 0, "their lists use memory");
    }
}
