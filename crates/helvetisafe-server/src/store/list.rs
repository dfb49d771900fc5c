//! The lists of the names and dates of secrets.

use helvetisafe_proto::endpoint::{ListedSecret, Page};

use super::{Moment, Store, StoreError, Tenant};

/// The state of an organization's list. Every change replaces it, and it never returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListVersion(pub(crate) i128);

/// The moment of a list that was read.
pub(crate) struct ListState {
    pub(crate) version: ListVersion,
    pub(crate) read_at: Moment,
}

/// The names and dates of an organization's secrets at one moment, ordered by the bytes of the names.
#[cfg(test)]
pub(crate) struct List {
    pub(crate) version: ListVersion,
    pub(crate) read_at: Moment,
    pub(crate) secrets: Vec<ListedSecret>,
}

impl Store {
    /// Returns the version of a list, and the time.
    pub(crate) async fn list_version(
        &self,
        tenant: Tenant,
    ) -> Result<(ListVersion, Moment), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.list_version(tenant),
            Self::Postgres(postgres) => postgres.list_version(tenant).await,
        }
    }

    /// Reads the whole list, and passes each secret on, ordered by the bytes of the names. It takes milliseconds of its
    /// thread for each thousand names. Stops at the first error of `add`.
    pub(crate) async fn read_list<E: From<StoreError>>(
        &self,
        tenant: Tenant,
        add: impl FnMut(ListedSecret) -> Result<(), E>,
    ) -> Result<ListState, E> {
        match self {
            Self::Sqlite(sqlite) => sqlite.read_list(tenant, add),
            Self::Postgres(postgres) => postgres.read_list(tenant, add).await,
        }
    }

    /// Returns the whole list.
    #[cfg(test)]
    pub(crate) async fn list(&self, tenant: Tenant) -> Result<List, StoreError> {
        let mut secrets = Vec::new();
        let add = |secret| {
            secrets.push(secret);
            Ok::<_, StoreError>(())
        };
        let state = self.read_list(tenant, add).await?;
        Ok(List {
            version: state.version,
            read_at: state.read_at,
            secrets,
        })
    }

    /// Returns a part of the list.
    pub(crate) async fn list_page(
        &self,
        tenant: Tenant,
        page: Page,
    ) -> Result<Vec<ListedSecret>, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.list_page(tenant, page),
            Self::Postgres(postgres) => postgres.list_page(tenant, page).await,
        }
    }
}
