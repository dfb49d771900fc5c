use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use helvetisafe_proto::endpoint::{ListedSecret, Page, SecretsAnswer};
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::budget::{Budget, Share};
use crate::cache::{CachedList, ListCache};
use crate::limits::Limits;
use crate::readiness::Readiness;
use crate::settings::Settings;
use crate::store::{Moment, Store, StoreError, Tenant};

/// The number of pages that are read at the same time.
pub(crate) const PAGE_READS: usize = 4;

/// The longest time that a request waits until its page is read.
const MAX_PAGE_WAIT: Duration = Duration::from_secs(2);

/// The most memory of one secret of a page in bytes: its row, and its JSON in a buffer that doubles, each with a name of
/// at most 255 bytes.
const ROW_BOUND: usize = 2048;

/// The state of a running vault, shared by the calls and the handle.
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) lists: ListCache,
    pub(crate) limits: Limits,
    /// The memory of the bodies of requests in flight.
    pub(crate) bodies: Budget,
    /// The memory of the secrets and lists that are being sent, and of cached lists.
    pub(crate) answers: Budget,
    /// The pages of lists that are being read.
    pub(crate) page_reads: Arc<Semaphore>,
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
            let (length, expires_at) = (list.secrets.len(), first_expiry(&list.secrets));
            let answer = SecretsAnswer {
                keys: list.secrets,
                has_more: false,
            };
            let built = CachedList {
                body: shared.answer(&answer)?,
                version: list.version,
                read_at: list.read_at,
                expires_at,
                length,
            };
            shared.lists.insert(tenant, built.clone());
            Ok(built.body)
        });
        built
            .await
            .unwrap_or_else(|error| Err(ended(&error).into()))
    }

    /// Returns the JSON of a page of the list, from the cache if it is the whole list and nothing has changed.
    ///
    /// A page takes milliseconds, so a thread for such work reads it. Few are read at a time, each with its share of the
    /// budget; the others wait without memory, and a request whose client disconnects meanwhile is not begun.
    pub(crate) async fn list_page(
        self: &Arc<Self>,
        tenant: Tenant,
        page: Page,
    ) -> Result<Bytes, ReadError> {
        if page.after.is_none() {
            let (version, now) = self.store.list_version(tenant).await?;
            if let Some(body) = self.lists.get_page(tenant, page.limit, version, now) {
                return Ok(body);
            }
        }
        let turn = timeout(MAX_PAGE_WAIT, Arc::clone(&self.page_reads).acquire_owned());
        let Ok(Ok(turn)) = turn.await else {
            return Err(ReadError::Overloaded);
        };
        let share = self.share(page_bound(page.limit))?;
        let (shared, runtime) = (Arc::clone(self), Handle::current());
        let read = spawn_blocking(move || {
            // Here, since the read continues if the client disconnects.
            let _turn = turn;
            if page.after.is_some() {
                let (keys, has_more) = shared.read_page(&runtime, tenant, page)?;
                return json_with(share, &SecretsAnswer { keys, has_more });
            }
            shared.first_page(&runtime, tenant, page, share)
        });
        read.await.unwrap_or_else(|error| Err(ended(&error).into()))
    }

    /// Returns the JSON of the first page, and caches it if it is the whole list.
    ///
    /// The version is read before the page. If there is a write in between, the cached list is never used.
    fn first_page(
        &self,
        runtime: &Handle,
        tenant: Tenant,
        page: Page,
        share: Share,
    ) -> Result<Bytes, ReadError> {
        let (version, read_at) = runtime.block_on(self.store.list_version(tenant))?;
        // Another request may have read the page during the wait.
        if let Some(body) = self.lists.get_page(tenant, page.limit, version, read_at) {
            return Ok(body);
        }
        let (keys, has_more) = self.read_page(runtime, tenant, page)?;
        let (length, expires_at) = (keys.len(), first_expiry(&keys));
        let body = json_with(share, &SecretsAnswer { keys, has_more })?;
        if !has_more {
            let list = CachedList {
                body: body.clone(),
                version,
                read_at,
                expires_at,
                length,
            };
            self.lists.insert(tenant, list);
        }
        Ok(body)
    }

    /// Reads the secrets of a page. The second value is true if there are more.
    fn read_page(
        &self,
        runtime: &Handle,
        tenant: Tenant,
        page: Page,
    ) -> Result<(Vec<ListedSecret>, bool), StoreError> {
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let one_more = Page {
            limit: page.limit.saturating_add(1),
            ..page
        };
        let mut keys = runtime.block_on(self.store.list_page(tenant, one_more))?;
        let has_more = keys.len() > limit;
        keys.truncate(limit);
        Ok((keys, has_more))
    }

    /// Serializes an answer. Its memory counts against the budget until the last copy is dropped: a slow
    /// client can hold it longer than the cache.
    pub(crate) fn answer(&self, answer: &impl Serialize) -> Result<Bytes, ReadError> {
        let json = json(answer)?;
        Ok(self.share(json.capacity())?.attach_to(json))
    }

    /// Takes a share of the budget of answers, for which cached lists give way.
    fn share(&self, bytes: usize) -> Result<Share, ReadError> {
        let share = self.answers.take(bytes).or_else(|| {
            self.lists.clear();
            self.answers.take(bytes)
        });
        share.ok_or(ReadError::Overloaded)
    }
}

/// Returns the most memory that reading and serializing a page takes.
fn page_bound(limit: u32) -> usize {
    usize::try_from(limit)
        .unwrap_or(usize::MAX)
        .saturating_add(1)
        .saturating_mul(ROW_BOUND)
}

/// Returns the first time at which a secret expires.
fn first_expiry(secrets: &[ListedSecret]) -> Option<Moment> {
    let expiries = secrets.iter().map(|secret| secret.expires_at.known());
    expiries.flatten().min().map(Moment::from)
}

/// Serializes an answer whose share of the budget was taken before.
fn json_with(mut share: Share, answer: &impl Serialize) -> Result<Bytes, ReadError> {
    let json = json(answer)?;
    share.shrink_to(json.capacity());
    Ok(share.attach_to(json))
}

fn json(answer: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    let json = serde_json::to_vec(answer);
    let mut json = json.map_err(|error| StoreError::Failed(error.to_string()))?;
    json.shrink_to_fit();
    Ok(json)
}

/// Returns the error of a task that panicked, or that the runtime dropped when the vault stopped.
fn ended(error: &tokio::task::JoinError) -> StoreError {
    StoreError::Failed(error.to_string())
}
