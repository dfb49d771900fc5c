//! The principals of tokens, so that most requests need one query and not two.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::store::{Moment, Principal};
use crate::token::Hash;

/// The largest number of tokens: about 1 MiB.
const CAPACITY: usize = 8192;

#[derive(Default)]
pub(crate) struct TokenCache(RwLock<Inner>);

#[derive(Default)]
struct Inner {
    entries: HashMap<Hash, Principal>,
    generation: Generation,
}

/// The number of clears before a query started. It keeps a result from before a revocation out of the
/// cache.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Generation(u64);

impl TokenCache {
    /// Returns the principal of a token, unless it has expired.
    pub(crate) fn get(&self, hash: &Hash, now: Moment) -> Result<Principal, Generation> {
        let inner = self.read();
        match inner.entries.get(hash) {
            Some(principal) if principal.is_valid_at(now) => Ok(*principal),
            _ => Err(inner.generation),
        }
    }

    /// Adds a result of the database, unless the cache was cleared since the query started.
    pub(crate) fn insert(&self, generation: Generation, hash: Hash, principal: Principal) {
        let mut inner = self.write();
        if inner.generation != generation {
            return;
        }
        if inner.entries.len() >= CAPACITY {
            // A token in use is read again once.
            inner.entries.clear();
        }
        inner.entries.insert(hash, principal);
    }

    /// Removes all tokens after a revocation.
    pub(crate) fn clear(&self) {
        let mut inner = self.write();
        inner.entries.clear();
        inner.generation.0 += 1;
    }

    // No code panics while it holds the lock; if it did, the map would still be consistent.
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
    fn an_entry_expires_with_its_token() {
        let (cache, hash, now) = (TokenCache::default(), Hash::of_text("a"), Moment::now());
        let end = now.after(Duration::from_secs(1));
        cache.insert(generation(&cache, &hash), hash, principal(Some(end)));
        assert!(cache.get(&hash, now).is_ok());
        assert!(cache.get(&hash, end).is_err());
    }

    #[test]
    fn a_result_from_before_a_revocation_is_not_cached() {
        let (cache, hash) = (TokenCache::default(), Hash::of_text("a"));
        let before = generation(&cache, &hash);
        cache.clear();
        cache.insert(before, hash, principal(None));
        assert!(cache.get(&hash, Moment::now()).is_err());
    }

    #[test]
    fn the_number_of_entries_is_bounded() {
        let cache = TokenCache::default();
        for n in 0..=CAPACITY {
            let hash = Hash::of_text(&n.to_string());
            cache.insert(generation(&cache, &hash), hash, principal(None));
        }
        assert_eq!(cache.read().entries.len(), 1);
    }
}
