use std::sync::Arc;

use axum::body::Bytes;
use helvetisafe_proto::KeyName;
use helvetisafe_proto::endpoint::SecretsAnswer;
use jiff::Timestamp;
use serde::Serialize;

use crate::budget::Budget;
use crate::cache::{CachedAnswer, CachedList, ListCache, SecretCache, TokenCache};
use crate::limits::Limits;
use crate::readiness::Readiness;
use crate::settings::Settings;
use crate::store::{Moment, OrganizationId, Principal, Store, StoreError};
use crate::token::Hash;

/// The state of a running vault, shared by the calls and the handle.
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) tokens: TokenCache,
    pub(crate) lists: ListCache,
    pub(crate) secrets: SecretCache,
    pub(crate) limits: Limits,
    /// The memory of the bodies of requests in flight.
    pub(crate) bodies: Budget,
    /// The memory of the secrets and lists that are cached or being sent.
    pub(crate) answers: Budget,
    pub(crate) settings: Settings,
    pub(crate) readiness: Readiness,
}

/// The failure of a read.
pub(crate) enum ReadError {
    Store(StoreError),
    /// The answers that are being sent use the whole budget.
    Overloaded,
}

impl From<StoreError> for ReadError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Shared {
    /// Returns the principal of a token; `None` if the token is unknown or has expired.
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
            .filter(|found| found.is_valid_at(now));
        if let Some(principal) = principal {
            self.tokens.insert(generation, hash, principal);
        }
        Ok(principal)
    }

    /// Returns a secret as JSON, with its version; `None` if there is no such secret.
    pub(crate) async fn secret(
        &self,
        organization: OrganizationId,
        key: KeyName,
    ) -> Result<Option<CachedAnswer>, ReadError> {
        let now = Moment::now();
        let read = match self.secrets.get(organization, &key, now) {
            Ok(answer) => return Ok(Some(answer)),
            Err(read) => read,
        };
        let found = self.store.secret(organization, key.clone(), now).await?;
        let Some(record) = found else {
            return Ok(None);
        };
        let mut answer = self.answer(&record, now, record.expires_at.known())?;
        answer.version = record.version;
        self.secrets.insert(read, key, answer.clone());
        Ok(Some(answer))
    }

    /// Writes one secret and removes it from the cache. The write continues if the client disconnects, so
    /// that the cache knows when it ends.
    pub(crate) async fn write<T: Send + 'static, F>(
        self: &Arc<Self>,
        organization: OrganizationId,
        key: &KeyName,
        write: impl FnOnce(Arc<Self>) -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let guard = self.secrets.begin_write(organization, key);
        let write = write(Arc::clone(self));
        let task = tokio::spawn(async move {
            let outcome = write.await;
            drop(guard);
            outcome
        });
        task.await.unwrap_or(Err(StoreError::WorkerCrashed))
    }

    /// Returns the JSON of the list of secrets, from the cache if nothing has changed.
    pub(crate) async fn list(&self, organization: OrganizationId) -> Result<Bytes, ReadError> {
        let now = Moment::now();
        let cached = self.lists.get(organization, now);
        let known = cached.as_ref().map(|cached| cached.version);
        let (version, keys) = self.store.list_secrets(organization, known, now).await?;
        if let (None, Some(cached)) = (&keys, cached) {
            return Ok(cached.answer.body);
        }
        // Always present if no version was known.
        let keys = keys.unwrap_or_default();
        let expires_at = keys
            .iter()
            .filter_map(|secret| secret.expires_at.known())
            .min();
        let answer = self.answer(&SecretsAnswer { keys }, now, expires_at)?;
        let body = answer.body.clone();
        let list = CachedList { version, answer };
        self.lists.insert(organization, list);
        Ok(body)
    }

    /// Serializes an answer. Its memory counts against the budget until the last copy is dropped: a slow
    /// client can hold it longer than the cache.
    fn answer(
        &self,
        answer: &impl Serialize,
        read_at: Moment,
        expires_at: Option<Timestamp>,
    ) -> Result<CachedAnswer, ReadError> {
        let mut json =
            serde_json::to_vec(answer).map_err(|error| StoreError::Encode(error.into()))?;
        json.shrink_to_fit();
        let share = self.answers.take(json.capacity()).or_else(|| {
            self.secrets.evict_all();
            self.lists.clear();
            self.answers.take(json.capacity())
        });
        Ok(CachedAnswer {
            body: share.ok_or(ReadError::Overloaded)?.attach_to(json),
            read_at,
            expires_at: expires_at.map(Moment::from),
            version: None,
        })
    }
}
