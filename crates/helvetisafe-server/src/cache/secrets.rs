//! Secrets that were read lately, as they were sent.
//!
//! This process is the only one that writes to its database, so what it has not written has not
//! changed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use helvetisafe_proto::KeyName;

use crate::store::{Moment, OrganizationId};

/// The most bytes of all answers together, with their names and what holds them.
const CAPACITY: usize = 64 << 20;

/// About as many bytes hold one answer.
const OVERHEAD: usize = 200;

#[derive(Default)]
pub(crate) struct SecretCache(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    answers: HashMap<OrganizationId, HashMap<KeyName, Answer>>,
    bytes: usize,
    /// Counts the beginnings and the ends of all writes.
    writes: u64,
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

/// Taken before the database is asked, so that an answer that a write may have overtaken is not kept.
/// None while a write is under way.
#[derive(Clone, Copy)]
pub(crate) struct Ticket(Option<u64>);

/// A write that is under way. It has to be held until the write has ended, also where nobody waits for
/// it any more.
pub(crate) struct Writing(Arc<Mutex<Inner>>);

impl SecretCache {
    pub(crate) fn get(
        &self,
        organization: OrganizationId,
        key: &KeyName,
        now: Moment,
    ) -> Result<Bytes, Ticket> {
        let inner = lock(&self.0);
        let answer = inner.answers.get(&organization).and_then(|of| of.get(key));
        match answer {
            Some(answer) if answer.holds_at(now) => Ok(answer.body.clone()),
            _ => Err(Ticket((inner.under_way == 0).then_some(inner.writes))),
        }
    }

    /// Keeps what the database answered, unless a write began meanwhile.
    pub(crate) fn insert(
        &self,
        ticket: Ticket,
        organization: OrganizationId,
        key: KeyName,
        answer: Answer,
    ) {
        let mut inner = lock(&self.0);
        let size = size_of(&key, &answer);
        if ticket.0 != Some(inner.writes) || size > CAPACITY {
            return;
        }
        if inner.bytes + size > CAPACITY {
            // Those in use come back at the price of one reading each.
            inner.forget_all();
        }
        let of = inner.answers.entry(organization).or_default();
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
        inner.writes += 1;
        inner.under_way += 1;
        Writing(Arc::clone(&self.0))
    }

    /// Forgets everything; for what is removed because it has expired.
    pub(crate) fn clear(&self) {
        let mut inner = lock(&self.0);
        inner.forget_all();
        inner.writes += 1;
    }
}

impl Inner {
    fn forget_all(&mut self) {
        self.answers.clear();
        self.bytes = 0;
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        let mut inner = lock(&self.0);
        inner.writes += 1;
        inner.under_way -= 1;
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

    fn ticket(cache: &SecretCache, name: &str) -> Ticket {
        let found = cache.get(ORGANIZATION, &key(name), Moment::now());
        found.err().unwrap()
    }

    fn keep(cache: &SecretCache, name: &str, answer: Answer) {
        cache.insert(ticket(cache, name), ORGANIZATION, key(name), answer);
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
        let before = ticket(&cache, "a");
        let writing = cache.begin_write(ORGANIZATION, &key("a"));
        let during = ticket(&cache, "a");
        drop(writing);
        for ticket in [before, during] {
            cache.insert(ticket, ORGANIZATION, key("a"), answer(1));
            assert!(!is_kept(&cache, "a", now.after(Duration::from_secs(1))));
        }
        keep(&cache, "a", answer(1));
        assert!(is_kept(&cache, "a", now.after(Duration::from_secs(1))));
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
            let ticket = ticket(&cache, "other");
            cache.insert(ticket, ORGANIZATION, key(name), answer(CAPACITY / 5));
        }
        assert_eq!(lock(&cache.0).bytes, 2 * (CAPACITY / 5 + 1 + OVERHEAD));
        let again = ticket(&cache, "other");
        cache.insert(again, ORGANIZATION, key("e"), answer(1));
        assert_eq!(lock(&cache.0).bytes, CAPACITY / 5 + 3 + 2 * OVERHEAD);
        keep(&cache, "f", answer(CAPACITY + 1));
        assert!(!is_kept(
            &cache,
            "f",
            Moment::now().after(Duration::from_secs(1))
        ));
    }
}
