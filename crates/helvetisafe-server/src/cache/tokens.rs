//! Who a token stands for, remembered, so that most requests ask the database once and not twice.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::store::{Moment, Principal};
use crate::token::Hash;

/// How many tokens are remembered: about 1 MiB of them.
const CAPACITY: usize = 8192;

#[derive(Default)]
pub(crate) struct TokenCache(RwLock<Inner>);

#[derive(Default)]
struct Inner {
    entries: HashMap<Hash, Principal>,
    generation: Generation,
}

/// How often the cache had been cleared before the database was asked, so that an answer from before
/// a revocation is not remembered after it.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Generation(u64);

impl TokenCache {
    /// Who the token stands for, unless it has expired.
    pub(crate) fn get(&self, hash: &Hash, now: Moment) -> Result<Principal, Generation> {
        let inner = self.read();
        match inner.entries.get(hash) {
            Some(principal) if principal.is_alive(now) => Ok(*principal),
            _ => Err(inner.generation),
        }
    }

    /// Remembers what the database answered, unless the cache was cleared in between.
    pub(crate) fn insert(&self, generation: Generation, hash: Hash, principal: Principal) {
        let mut inner = self.write();
        if inner.generation != generation {
            return;
        }
        if inner.entries.len() >= CAPACITY {
            // The ones in use come back at the price of one query each.
            inner.entries.clear();
        }
        inner.entries.insert(hash, principal);
    }

    /// Forgets everything; for revocations.
    pub(crate) fn clear(&self) {
        let mut inner = self.write();
        inner.entries.clear();
        inner.generation.0 += 1;
    }

    // No code panics while it holds the lock, and if it did, the map would still be whole.
    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use helvetisafe_proto::Scopes;

    use super::*;
    use crate::store::{AccountId, OrganizationId, TokenKind};

    fn principal(expires_at: Option<Moment>) -> Principal {
        Principal {
            kind: TokenKind::Access,
            account: AccountId(1),
            organization: OrganizationId(1),
            scopes: Scopes::ALL,
            expires_at,
        }
    }

    fn generation(cache: &TokenCache, hash: &Hash) -> Generation {
        cache.get(hash, Moment::now()).err().unwrap()
    }

    #[test]
    fn an_entry_ends_with_its_token() {
        let (cache, hash, now) = (TokenCache::default(), Hash::of_text("a"), Moment::now());
        let end = now.after(Duration::from_secs(1));
        cache.insert(generation(&cache, &hash), hash, principal(Some(end)));
        assert!(cache.get(&hash, now).is_ok());
        assert!(cache.get(&hash, end).is_err());
    }

    #[test]
    fn an_answer_from_before_a_revocation_is_not_remembered() {
        let (cache, hash) = (TokenCache::default(), Hash::of_text("a"));
        let before = generation(&cache, &hash);
        cache.clear();
        cache.insert(before, hash, principal(None));
        assert!(cache.get(&hash, Moment::now()).is_err());
    }

    #[test]
    fn it_does_not_grow_without_bound() {
        let cache = TokenCache::default();
        for n in 0..=CAPACITY {
            let hash = Hash::of_text(&n.to_string());
            cache.insert(generation(&cache, &hash), hash, principal(None));
        }
        assert_eq!(cache.read().entries.len(), 1);
    }
}
