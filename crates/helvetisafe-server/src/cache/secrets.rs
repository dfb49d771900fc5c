//! Secrets that were read lately, as they were sent.
//!
//! This process is the only one that writes to its database, so what it has not written has not
//! changed. What was read is kept only where no write of the same organization was under way when the
//! database was asked, and none has begun since: a write is counted before the database hears of it,
//! and is under way until the database has answered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use helvetisafe_proto::KeyName;

use crate::store::{Moment, OrganizationId};

/// The most bytes of all answers together, with their names and what holds them.
const CAPACITY: usize = 64 << 20;

/// About as many bytes hold one answer.
const OVERHEAD: usize = 200;

/// How many counts of writes there are, one for each byte. Organizations whose numbers are so far apart
/// share one: their writes keep each other's reads from being kept, which costs time and nothing else.
const COUNTS: usize = 1 << u8::BITS;

#[derive(Default)]
pub(crate) struct SecretCache(Arc<Mutex<Inner>>);

struct Inner {
    answers: HashMap<OrganizationId, HashMap<KeyName, Answer>>,
    bytes: usize,
    writes: [Writes; COUNTS],
}

/// The writes of an organization, and of those that share its count.
#[derive(Clone, Copy, Default)]
struct Writes {
    /// How many have begun; a sweep counts too.
    count: u64,
    under_way: usize,
}

/// An answer that was made.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) body: Bytes,
    pub(crate) made_at: Moment,
    pub(crate) expires_at: Option<Moment>,
}

impl Answer {
    fn holds_at(&self, now: Moment) -> bool {
        self.made_at <= now && self.expires_at.is_none_or(|end| now < end)
    }
}

/// Which writes there had been before the database was asked, so that an answer that one may have
/// overtaken is not kept.
#[derive(Clone, Copy)]
pub(crate) struct WritesSeen {
    organization: OrganizationId,
    /// None while a write was under way.
    count: Option<u64>,
}

/// A write that is under way. It has to be held until the write has ended, also where nobody waits for
/// it any more.
pub(crate) struct Writing {
    cache: Arc<Mutex<Inner>>,
    organization: OrganizationId,
}

impl SecretCache {
    pub(crate) fn get(
        &self,
        organization: OrganizationId,
        key: &KeyName,
        now: Moment,
    ) -> Result<Bytes, WritesSeen> {
        let mut inner = lock(&self.0);
        let answer = inner.answers.get(&organization).and_then(|of| of.get(key));
        match answer {
            Some(answer) if answer.holds_at(now) => Ok(answer.body.clone()),
            _ => Err(WritesSeen {
                organization,
                count: inner.writes_of(organization).settled(),
            }),
        }
    }

    /// Keeps what the database answered, unless a write was under way or began meanwhile.
    pub(crate) fn insert(&self, seen: WritesSeen, key: KeyName, answer: Answer) {
        let mut inner = lock(&self.0);
        let size = size_of(&key, &answer);
        let writes = inner.writes_of(seen.organization).count;
        if seen.count != Some(writes) || size > CAPACITY {
            return;
        }
        if inner.bytes + size > CAPACITY {
            // Those in use come back at the price of one reading each.
            inner.forget_all();
        }
        let of = inner.answers.entry(seen.organization).or_default();
        let old = of.insert(key.clone(), answer);
        inner.bytes -= old.map_or(0, |old| size_of(&key, &old));
        inner.bytes += size;
    }

    /// Forgets what a write is about to change.
    pub(crate) fn begin_write(&self, organization: OrganizationId, key: &KeyName) -> Writing {
        let mut inner = lock(&self.0);
        let of = inner.answers.get_mut(&organization);
        if let Some(old) = of.and_then(|of| of.remove(key)) {
            inner.bytes -= size_of(key, &old);
        }
        let writes = inner.writes_of(organization);
        writes.count += 1;
        writes.under_way += 1;
        Writing {
            cache: Arc::clone(&self.0),
            organization,
        }
    }

    /// Forgets all answers, which are still right; for their memory.
    pub(crate) fn forget_answers(&self) {
        lock(&self.0).forget_all();
    }

    /// Forgets everything; for what is removed because it has expired.
    pub(crate) fn clear(&self) {
        let mut inner = lock(&self.0);
        inner.forget_all();
        for writes in &mut inner.writes {
            writes.count += 1;
        }
    }
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            answers: HashMap::new(),
            bytes: 0,
            writes: [Writes::default(); COUNTS],
        }
    }
}

impl Inner {
    fn writes_of(&mut self, organization: OrganizationId) -> &mut Writes {
        // Numbers are given one after the other, so their lowest bytes differ.
        let [lowest, ..] = organization.0.to_le_bytes();
        &mut self.writes[usize::from(lowest)]
    }

    fn forget_all(&mut self) {
        self.answers.clear();
        self.bytes = 0;
    }
}

impl Writes {
    /// The count, unless one of them is under way.
    fn settled(self) -> Option<u64> {
        (self.under_way == 0).then_some(self.count)
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        lock(&self.cache).writes_of(self.organization).under_way -= 1;
    }
}

fn size_of(key: &KeyName, answer: &Answer) -> usize {
    answer.body.len() + key.as_str().len() + OVERHEAD
}

// No code panics while it holds the lock, and if it did, the maps would still be whole.
fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const ORGANIZATION: OrganizationId = OrganizationId(1);
    const OTHER: OrganizationId = OrganizationId(2);

    fn key(name: &str) -> KeyName {
        KeyName::parse(name).unwrap()
    }

    fn answer(size: usize) -> Answer {
        Answer {
            body: vec![0; size].into(),
            made_at: Moment::now(),
            expires_at: None,
        }
    }

    /// Where a read begins.
    fn seen(cache: &SecretCache, name: &str) -> WritesSeen {
        let found = cache.get(ORGANIZATION, &key(name), Moment::now());
        found.err().unwrap()
    }

    fn keep(cache: &SecretCache, name: &str, answer: Answer) {
        cache.insert(seen(cache, name), key(name), answer);
    }

    fn is_kept(cache: &SecretCache, name: &str, at: Moment) -> bool {
        cache.get(ORGANIZATION, &key(name), at).is_ok()
    }

    #[test]
    fn what_is_written_is_forgotten_and_the_rest_is_not() {
        let (cache, later) = (
            SecretCache::default(),
            Moment::now().after(Duration::from_secs(1)),
        );
        keep(&cache, "a", answer(1));
        keep(&cache, "b", answer(1));
        drop(cache.begin_write(ORGANIZATION, &key("a")));
        assert!(!is_kept(&cache, "a", later));
        assert!(is_kept(&cache, "b", later));
        assert_eq!(lock(&cache.0).bytes, 2 + OVERHEAD);
        cache.clear();
        assert!(!is_kept(&cache, "b", later));
    }

    #[test]
    fn what_a_write_may_have_overtaken_is_not_kept() {
        let (cache, now) = (SecretCache::default(), Moment::now());
        let later = now.after(Duration::from_secs(1));
        let before = seen(&cache, "a");
        let writing = cache.begin_write(ORGANIZATION, &key("a"));
        // That of another organization ends meanwhile, and says nothing of this one.
        drop(cache.begin_write(OTHER, &key("a")));
        let during = seen(&cache, "a");
        cache.insert(before, key("a"), answer(1));
        assert!(!is_kept(&cache, "a", later));
        drop(writing);
        for seen in [before, during] {
            cache.insert(seen, key("a"), answer(1));
            assert!(!is_kept(&cache, "a", later));
        }
        keep(&cache, "a", answer(1));
        assert!(is_kept(&cache, "a", later));
    }

    #[test]
    fn what_was_read_before_a_sweep_is_not_kept() {
        let (cache, now) = (SecretCache::default(), Moment::now());
        let before = seen(&cache, "a");
        cache.clear();
        cache.insert(before, key("a"), answer(1));
        assert!(!is_kept(&cache, "a", now.after(Duration::from_secs(1))));
    }

    #[test]
    fn writes_of_another_organization_do_not_hinder() {
        let (cache, later) = (
            SecretCache::default(),
            Moment::now().after(Duration::from_secs(1)),
        );
        let before = seen(&cache, "a");
        let writing = cache.begin_write(OTHER, &key("a"));
        let during = seen(&cache, "b");
        cache.insert(before, key("a"), answer(1));
        cache.insert(during, key("b"), answer(1));
        drop(writing);
        assert!(is_kept(&cache, "a", later));
        assert!(is_kept(&cache, "b", later));
    }

    /// Also of those that share a count, and of any number.
    #[test]
    fn every_organization_has_a_count() {
        let (cache, later) = (
            SecretCache::default(),
            Moment::now().after(Duration::from_secs(1)),
        );
        for number in [1, 257, -1, i64::MIN, i64::MAX] {
            let organization = OrganizationId(number);
            let read = || cache.get(organization, &key("a"), later);
            let before = read().err().unwrap();
            drop(cache.begin_write(organization, &key("a")));
            cache.insert(before, key("a"), answer(1));
            assert!(read().is_err(), "{number}");
            cache.insert(read().err().unwrap(), key("a"), answer(1));
            assert!(read().is_ok(), "{number}");
        }
    }

    #[test]
    fn it_ends_with_the_secret_and_does_not_come_from_the_future() {
        let (cache, now) = (SecretCache::default(), Moment::now());
        let end = now.after(Duration::from_secs(2));
        let expiring = Answer {
            made_at: now.after(Duration::from_secs(1)),
            expires_at: Some(end),
            ..answer(1)
        };
        keep(&cache, "a", expiring);
        assert!(!is_kept(&cache, "a", now));
        assert!(is_kept(&cache, "a", now.after(Duration::from_secs(1))));
        assert!(!is_kept(&cache, "a", end));
    }

    #[test]
    fn it_does_not_grow_without_bound() {
        let cache = SecretCache::default();
        for name in ["a", "b", "c", "d", "e", "a"] {
            let seen = seen(&cache, "other");
            cache.insert(seen, key(name), answer(CAPACITY / 5));
        }
        assert_eq!(lock(&cache.0).bytes, 2 * (CAPACITY / 5 + 1 + OVERHEAD));
        let again = seen(&cache, "other");
        cache.insert(again, key("e"), answer(1));
        assert_eq!(lock(&cache.0).bytes, CAPACITY / 5 + 3 + 2 * OVERHEAD);
        keep(&cache, "f", answer(CAPACITY + 1));
        assert!(!is_kept(
            &cache,
            "f",
            Moment::now().after(Duration::from_secs(1))
        ));
    }
}
