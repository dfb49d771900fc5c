use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use helvetisafe_proto::KeyName;
use helvetisafe_proto::endpoint::SecretsAnswer;
use serde::Serialize;

use crate::budget::Budget;
use crate::cache::{Answer, List, ListCache, SecretCache, TokenCache};
use crate::limits::{LimitClock, Limits, RateLimits};
use crate::store::{Moment, OrganizationId, Principal, Store, StoreError};
use crate::token::Hash;
use crate::vault::Bounds;

/// What the calls and the process that holds the vault share.
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) tokens: TokenCache,
    pub(crate) lists: ListCache,
    pub(crate) secrets: SecretCache,
    pub(crate) limits: Limits,
    /// The memory for the bodies of requests in flight.
    pub(crate) bodies: Budget,
    /// The memory for the secrets and lists that are cached or being sent.
    pub(crate) answers: Budget,
    pub(crate) settings: Settings,
}

/// What can be set.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// How long an access token lives.
    pub(crate) token_life: Duration,
    /// The most bytes of a request body.
    pub(crate) body_limit: usize,
    /// The most bytes of all request bodies in flight.
    pub(crate) body_budget: usize,
    /// The most bytes of all secrets and lists that are cached or being sent.
    pub(crate) answer_budget: usize,
    /// How often what has expired is removed.
    pub(crate) sweep_interval: Duration,
    /// What a slow client may take.
    pub(crate) bounds: Bounds,
    /// What each account may ask.
    pub(crate) rate_limits: RateLimits,
    /// What the rates run on.
    pub(crate) limit_clock: LimitClock,
}

/// Why there is no answer to a read.
pub(crate) enum NotRead {
    Store(StoreError),
    /// The answers that are being sent need all the memory for answers.
    Overloaded,
}

impl From<StoreError> for NotRead {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Shared {
    /// Who a token stands for; `None` when there is no such token or it has expired.
    pub(crate) async fn principal(&self, hash: Hash) -> Result<Option<Principal>, StoreError> {
        let now = Moment::now();
        let generation = match self.tokens.get(&hash, now) {
            Ok(principal) => return Ok(Some(principal)),
            Err(generation) => generation,
        };
        let principal = self
            .store
            .principal(&hash)
            .await?
            .filter(|found| found.is_alive(now));
        if let Some(principal) = principal {
            self.tokens.insert(generation, hash, principal);
        }
        Ok(principal)
    }

    /// The answer to a read; `None` when there is no such secret.
    pub(crate) async fn secret(
        &self,
        organization: OrganizationId,
        key: KeyName,
    ) -> Result<Option<Bytes>, NotRead> {
        let now = Moment::now();
        let seen = match self.secrets.get(organization, &key, now) {
            Ok(body) => return Ok(Some(body)),
            Err(seen) => seen,
        };
        let found = self.store.secret(organization, key.clone(), now).await?;
        let Some(record) = found else {
            return Ok(None);
        };
        let answer = Answer {
            body: self.json(&record)?,
            made_at: now,
            expires_at: record.expires_at.map(Moment::from),
        };
        let body = answer.body.clone();
        self.secrets.insert(seen, key, answer);
        Ok(Some(body))
    }

    /// Changes one secret. What was read of it before is forgotten. The write goes on where the client
    /// is gone, so that its end is known.
    pub(crate) async fn write<T: Send + 'static, F>(
        self: &Arc<Self>,
        organization: OrganizationId,
        key: &KeyName,
        write: impl FnOnce(Arc<Self>) -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let writing = self.secrets.begin_write(organization, key);
        let write = write(Arc::clone(self));
        let ended = tokio::spawn(async move {
            let outcome = write.await;
            drop(writing);
            outcome
        });
        ended.await.unwrap_or(Err(StoreError::WorkerCrashed))
    }

    /// The answer to a list: the one that was sent last, as long as it holds.
    pub(crate) async fn list(&self, organization: OrganizationId) -> Result<Bytes, NotRead> {
        let now = Moment::now();
        let last = self.lists.get(organization, now);
        let known = last.as_ref().map(|last| last.version);
        let (version, keys) = self.store.list_secrets(organization, known, now).await?;
        if let (None, Some(last)) = (&keys, last) {
            return Ok(last.body);
        }
        // There are always some where none were known.
        let keys = keys.unwrap_or_default();
        let until = keys.iter().filter_map(|secret| secret.expires_at).min();
        let list = List {
            version,
            body: self.json(&SecretsAnswer { keys })?,
            made_at: now,
            until: until.map(Moment::from),
        };
        self.lists.insert(organization, list.clone());
        Ok(list.body)
    }

    /// Forgets all access tokens, and all API tokens too where `api_tokens` says so.
    pub(crate) async fn forget_tokens(&self, api_tokens: bool) -> Result<(), StoreError> {
        self.store.forget_tokens(api_tokens).await?;
        self.tokens.clear();
        Ok(())
    }

    /// An answer whose memory counts until its last copy is dropped: a slow reader holds it when the
    /// cache has long forgotten it.
    fn json(&self, answer: &impl Serialize) -> Result<Bytes, NotRead> {
        let mut json =
            serde_json::to_vec(answer).map_err(|error| StoreError::Encode(error.into()))?;
        json.shrink_to_fit();
        let share = self.answers.take(json.capacity()).or_else(|| {
            self.secrets.forget_answers();
            self.lists.clear();
            self.answers.take(json.capacity())
        });
        Ok(share.ok_or(NotRead::Overloaded)?.bind(json))
    }
}
