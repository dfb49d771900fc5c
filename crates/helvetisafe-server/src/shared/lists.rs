//! The lists and pages of secrets: from the cache, or built in threads of their own, since that takes long.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use helvetisafe_proto::endpoint::{ListedSecret, Page, SecretsAnswer};
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::{Shared, ended};
use crate::answer::{Answer, ReadError};
use crate::cache::CachedList;
use crate::store::{Moment, Most, OrganizationId, StoreError, Tenant};

/// The number of lists and pages that are read at the same time.
pub(crate) const LIST_READS: usize = 4;

/// The timeout of a request that waits for its turn to read a list or a page.
const MAX_LIST_WAIT: Duration = Duration::from_secs(2);

/// The upper bound of the memory of one secret of a page, in bytes: its row, and its JSON in a buffer that doubles, each
/// with a name of at most 255 bytes.
const ROW_BOUND: usize = 2048;

impl Shared {
    /// Returns the JSON of the list of secrets, from the cache if nothing has changed.
    pub(crate) async fn list(self: &Arc<Self>, tenant: Tenant) -> Result<Bytes, ReadError> {
        let (version, now) = self.store.list_version(tenant).await?;
        if let Some(body) = self.lists.get(tenant, version, now) {
            return Ok(body);
        }
        let builds = self.lists.builds(tenant);
        builds.run(Arc::clone(self).build_list(tenant)).await
    }

    /// Reads a list and makes its JSON in a thread for such work, since it takes long.
    async fn build_list(self: Arc<Self>, tenant: Tenant) -> Result<Bytes, ReadError> {
        let turn = self.list_turn().await?;
        let runtime = Handle::current();
        let built = spawn_blocking(move || {
            let _turn = turn;
            runtime.block_on(self.read_list(tenant))
        });
        built
            .await
            .unwrap_or_else(|error| Err(ended(&error).into()))
    }

    /// Reads a list, writes each secret as JSON when it arrives, and caches the result.
    async fn read_list(&self, tenant: Tenant) -> Result<Bytes, ReadError> {
        let evict = || self.lists.clear();
        // A list is about as long as the last one.
        let size = self.lists.size(tenant);
        let mut answer = Answer::begin(&self.answers, &evict, size)?;
        let (mut separator, mut expires_at, mut length) = ("", None, 0);
        answer.add_text(r#"{"keys":["#)?;
        let add = |secret: ListedSecret| {
            #[cfg(test)]
            if length == 0 {
                self.hold.pass();
            }
            let expiry = secret.expires_at.known().map(Moment::from);
            expires_at = expires_at.into_iter().chain(expiry).min();
            answer.add_text(separator)?;
            separator = ",";
            length += 1;
            answer.add(&secret)
        };
        let state = self.store.read_list(tenant, add).await?;
        answer.add_text("]}")?;
        let built = CachedList {
            body: answer.finish(),
            version: state.version,
            read_at: state.read_at,
            expires_at,
            length,
        };
        self.lists.insert(tenant, built.clone());
        Ok(built.body)
    }

    /// Returns the JSON of a page of the list, from the cache if it is the whole list and nothing has changed.
    ///
    /// A page takes milliseconds, so a blocking thread reads it. Few pages are read at a time, each with its share of the
    /// budget. The others wait without memory, and a waiting request is dropped when its client disconnects.
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
        let turn = self.list_turn().await?;
        let (shared, runtime) = (Arc::clone(self), Handle::current());
        let read = spawn_blocking(move || {
            // Held by the thread, since the read continues if the client disconnects.
            let _turn = turn;
            runtime.block_on(shared.build_page(tenant, page))
        });
        read.await.unwrap_or_else(|error| Err(ended(&error).into()))
    }

    /// Reads a page and makes its JSON, in the memory that both need at most.
    async fn build_page(&self, tenant: Tenant, page: Page) -> Result<Bytes, ReadError> {
        #[cfg(test)]
        self.hold.pass();
        let evict = || self.lists.clear();
        let size = Some(page_bound(page.limit));
        let mut answer = Answer::begin(&self.answers, &evict, size)?;
        if page.after.is_none() {
            return self.build_first_page(tenant, page, answer).await;
        }
        let (page, _) = self.read_page(tenant, page).await?;
        answer.add(&page)?;
        Ok(answer.finish())
    }

    /// Reads the first page, and caches it if it is the whole list.
    ///
    /// The version is read before the page. If there is a write in between, the cached list is never used.
    async fn build_first_page(
        &self,
        tenant: Tenant,
        page: Page,
        mut answer: Answer<'_>,
    ) -> Result<Bytes, ReadError> {
        let (version, read_at) = self.store.list_version(tenant).await?;
        // Another request may have read the page during the wait.
        if let Some(body) = self.lists.get_page(tenant, page.limit, version, read_at) {
            return Ok(body);
        }
        let (page, expires_at) = self.read_page(tenant, page).await?;
        answer.add(&page)?;
        let body = answer.finish();
        if !page.has_more {
            let list = CachedList {
                body: body.clone(),
                version,
                read_at,
                expires_at,
                length: page.keys.len(),
            };
            self.lists.insert(tenant, list);
        }
        Ok(body)
    }

    /// Reads a page, and returns the first expiry of a secret in it.
    async fn read_page(
        &self,
        tenant: Tenant,
        page: Page,
    ) -> Result<(SecretsAnswer, Option<Moment>), StoreError> {
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let one_more = Page {
            limit: page.limit.saturating_add(1),
            ..page
        };
        let mut keys = self.store.list_page(tenant, one_more).await?;
        let has_more = keys.len() > limit;
        keys.truncate(limit);
        let expiries = keys.iter().filter_map(|secret| secret.expires_at.known());
        let expires_at = expiries.min().map(Moment::from);
        Ok((SecretsAnswer { keys, has_more }, expires_at))
    }

    /// Returns the JSON of secrets that a rotation has not staged. It is read like a page.
    pub(crate) async fn unstaged(
        self: &Arc<Self>,
        organization: OrganizationId,
        rotation: i64,
        most: Most,
    ) -> Result<Bytes, ReadError> {
        let turn = self.list_turn().await?;
        let (shared, runtime) = (Arc::clone(self), Handle::current());
        let read = spawn_blocking(move || {
            let _turn = turn;
            runtime.block_on(shared.build_unstaged(organization, rotation, most))
        });
        read.await.unwrap_or_else(|error| Err(ended(&error).into()))
    }

    async fn build_unstaged(
        &self,
        organization: OrganizationId,
        rotation: i64,
        most: Most,
    ) -> Result<Bytes, ReadError> {
        #[cfg(test)]
        self.hold.pass();
        let evict = || self.lists.clear();
        let values = usize::try_from(most.bytes).unwrap_or(usize::MAX);
        // The values are in the rows and in the JSON.
        let size = Some(page_bound(most.secrets).saturating_add(2 * values));
        let mut answer = Answer::begin(&self.answers, &evict, size)?;
        let unstaged = self.store.unstaged(organization, rotation, most).await?;
        answer.add(&unstaged)?;
        Ok(answer.finish())
    }

    /// Waits until a list or page may be read.
    async fn list_turn(&self) -> Result<OwnedSemaphorePermit, ReadError> {
        let turn = timeout(MAX_LIST_WAIT, Arc::clone(&self.list_reads).acquire_owned());
        match turn.await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(ReadError::Overloaded),
        }
    }
}

/// Returns the most memory that reading and serializing a page takes.
fn page_bound(limit: u32) -> usize {
    usize::try_from(limit)
        .unwrap_or(usize::MAX)
        .saturating_add(1)
        .saturating_mul(ROW_BOUND)
}
