use std::time::Duration;

use crate::cache::TokenCache;
use crate::store::{Moment, Principal, Store, StoreError};
use crate::token::Hash;

/// What the calls and the process that holds the vault share.
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) tokens: TokenCache,
    pub(crate) settings: Settings,
}

/// What can be set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// How long an access token lives.
    pub(crate) token_life: Duration,
    /// The most bytes of a request body.
    pub(crate) body_limit: usize,
    /// How often what has expired is removed.
    pub(crate) sweep_interval: Duration,
}

impl Shared {
    /// Who a token stands for; `None` when there is no such token or it has expired.
    pub(crate) async fn principal(&self, hash: Hash) -> Result<Option<Principal>, StoreError> {
        let now = Moment::now();
        let ticket = match self.tokens.get(&hash, now) {
            Ok(principal) => return Ok(Some(principal)),
            Err(ticket) => ticket,
        };
        let principal = self
            .store
            .principal(&hash)
            .await?
            .filter(|found| found.is_alive(now));
        if let Some(principal) = principal {
            self.tokens.insert(ticket, hash, principal);
        }
        Ok(principal)
    }

    /// Forgets all access tokens, and all API tokens too where `api_tokens` says so.
    pub(crate) async fn forget_tokens(&self, api_tokens: bool) -> Result<(), StoreError> {
        self.store.forget_tokens(api_tokens).await?;
        self.tokens.clear();
        Ok(())
    }
}
