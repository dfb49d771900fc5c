use std::sync::Arc;

use axum::body::Bytes;
use helvetisafe_proto::endpoint::{Page, SecretsAnswer};
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use crate::budget::Budget;
use crate::cache::{CachedList, ListCache};
use crate::limits::Limits;
use crate::readiness::Readiness;
use crate::settings::Settings;
use crate::store::{Moment, Store, StoreError, Tenant};

/// The state of a running vault, shared by the calls and the handle.
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) lists: ListCache,
    pub(crate) limits: Limits,
    /// The memory of the bodies of requests in flight.
    pub(crate) bodies: Budget,
    /// The memory of the secrets and lists that are being sent, and of cached lists.
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
    /// Runs a write, which continues if the client disconnects.
    pub(crate) async fn write<T: Send + 'static, F>(
        self: &Arc<Self>,
        write: impl FnOnce(Arc<Self>) -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let task = tokio::spawn(write(Arc::clone(self)));
        task.await.unwrap_or_else(|error| Err(ended(&error)))
    }

    /// Returns the JSON of the list of secrets, from the cache if nothing has changed.
    pub(crate) async fn list(self: &Arc<Self>, tenant: Tenant) -> Result<Bytes, ReadError> {
        let (version, now) = self.store.list_version(tenant).await?;
        if let Some(body) = self.lists.get(tenant, version, now) {
            return Ok(body);
        }
        let builds = self.lists.builds(tenant);
        builds.run(self.build_list(tenant)).await
    }

    /// Reads a list and makes its JSON in a thread for such work, since it takes long.
    async fn build_list(self: &Arc<Self>, tenant: Tenant) -> Result<Bytes, ReadError> {
        let (shared, runtime) = (Arc::clone(self), Handle::current());
        let built = spawn_blocking(move || {
            let list = runtime.block_on(shared.store.list(tenant))?;
            let expiries = list.secrets.iter().map(|secret| secret.expires_at.known());
            let expires_at = expiries.flatten().min().map(Moment::from);
            let answer = SecretsAnswer {
                keys: list.secrets,
                has_more: false,
            };
            let built = CachedList {
                body: shared.answer(&answer)?,
                version: list.version,
                read_at: list.read_at,
                expires_at,
            };
            shared.lists.insert(tenant, built.clone());
            Ok(built.body)
        });
        built
            .await
            .unwrap_or_else(|error| Err(ended(&error).into()))
    }

    /// Returns the JSON of a page of the list. A page takes milliseconds, so a thread for such work reads it.
    pub(crate) async fn list_page(
        self: &Arc<Self>,
        tenant: Tenant,
        page: Page,
    ) -> Result<Bytes, ReadError> {
        let (shared, runtime) = (Arc::clone(self), Handle::current());
        let read = spawn_blocking(move || {
            let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
            let one_more = Page {
                limit: page.limit.saturating_add(1),
                ..page
            };
            let mut keys = runtime.block_on(shared.store.list_page(tenant, one_more))?;
            let has_more = keys.len() > limit;
            keys.truncate(limit);
            shared.answer(&SecretsAnswer { keys, has_more })
        });
        read.await.unwrap_or_else(|error| Err(ended(&error).into()))
    }

    /// Serializes an answer. Its memory counts against the budget until the last copy is dropped: a slow
    /// client can hold it longer than the cache.
    pub(crate) fn answer(&self, answer: &impl Serialize) -> Result<Bytes, ReadError> {
        let mut json =
            serde_json::to_vec(answer).map_err(|error| StoreError::Failed(error.to_string()))?;
        json.shrink_to_fit();
        let share = self.answers.take(json.capacity()).or_else(|| {
            self.lists.clear();
            self.answers.take(json.capacity())
        });
        Ok(share.ok_or(ReadError::Overloaded)?.attach_to(json))
    }
}

/// Returns the error of a task that panicked, or that the runtime dropped when the vault stopped.
fn ended(error: &tokio::task::JoinError) -> StoreError {
    StoreError::Failed(error.to_string())
}
