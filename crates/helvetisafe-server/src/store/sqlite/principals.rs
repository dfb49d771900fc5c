//! The principals that a connection has found in the state that it keeps.

use std::collections::HashMap;

use crate::store::{Moment, Principal};
use crate::token::Hash;

/// The largest number of principals that a connection keeps.
const MOST: usize = 1000;

/// Principals of one state of the database, by the hashes of their tokens.
#[derive(Default)]
pub(super) struct Principals(HashMap<Hash, Found>);

/// A principal, and the time at which its token expires.
#[derive(Clone, Copy)]
pub(super) struct Found {
    pub(super) principal: Principal,
    pub(super) expires_at: Option<Moment>,
}

impl Principals {
    /// Returns the principal of a token that is still valid.
    pub(super) fn get(&self, token: &Hash, now: Moment) -> Option<Principal> {
        let found = self.0.get(token)?;
        let is_valid = found.expires_at.is_none_or(|time| time > now);
        is_valid.then_some(found.principal)
    }

    pub(super) fn insert(&mut self, token: Hash, found: Found) {
        if self.0.len() >= MOST {
            self.0.clear();
        }
        self.0.insert(token, found);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{AccountId, KeyEpoch, OrganizationId, Tenant, TokenKind};

    fn found(expires_at: Option<Moment>) -> Found {
        let tenant = Tenant {
            organization: OrganizationId(1),
            key_epoch: KeyEpoch::FIRST,
        };
        let principal = Principal {
            kind: TokenKind::Access,
            account: AccountId(1),
            tenant,
            scopes: [].into_iter().collect(),
        };
        Found {
            principal,
            expires_at,
        }
    }

    #[test]
    fn a_token_is_found_until_it_expires() {
        let mut principals = Principals::default();
        let [a, b] = ["a", "b"].map(Hash::of_text);
        principals.insert(a, found(Some(Moment(10))));
        principals.insert(b, found(None));
        for (token, now, is_found) in [(a, 9, true), (a, 10, false), (b, 10, true)] {
            assert_eq!(principals.get(&token, Moment(now)).is_some(), is_found);
        }
        principals.clear();
        assert!(principals.get(&b, Moment(0)).is_none());
    }

    #[test]
    fn the_number_of_principals_is_bounded() {
        let mut principals = Principals::default();
        for n in 0..3 * MOST {
            principals.insert(Hash::of_text(&n.to_string()), found(None));
            assert!(principals.0.len() <= MOST);
        }
    }
}
