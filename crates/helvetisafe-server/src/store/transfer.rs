//! All rows of a database, table by table, for a copy to another one.

use sha2::{Digest, Sha256};

use super::table::{Row, Table, Tally, Value};
use super::{CopyError, StoreError, postgres, sqlite};

/// One side of a copy: a database in a transaction.
pub(crate) enum CopySide<'a> {
    Sqlite(sqlite::CopySide),
    Postgres(postgres::CopySide<'a>),
}

impl CopySide<'_> {
    /// Returns the number of rows of a table.
    pub(crate) async fn count(&mut self, table: &Table) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(side) => side.count(table),
            Self::Postgres(side) => side.count(table).await,
        }
    }

    /// Copies a table into another database. `copied` gets the number of rows after each page.
    pub(crate) async fn copy(
        &mut self,
        table: &Table,
        to: &mut CopySide<'_>,
        copied: impl FnMut(u64),
    ) -> Result<Tally, CopyError> {
        self.read(table, Some(to), copied).await
    }

    /// Reads a table.
    pub(crate) async fn tally(&mut self, table: &Table) -> Result<Tally, StoreError> {
        let read = self.read(table, None, |_| ()).await;
        read.map_err(|(CopyError::Source(error) | CopyError::Target(error))| error)
    }

    async fn read(
        &mut self,
        table: &Table,
        mut to: Option<&mut CopySide<'_>>,
        mut progress: impl FnMut(u64),
    ) -> Result<Tally, CopyError> {
        let (mut rows, mut digest) = (0, Sha256::new());
        let mut last = None;
        loop {
            let page = self
                .page(table, last.as_deref())
                .await
                .map_err(CopyError::Source)?;
            let Some(row) = page.last() else { break };
            last = Some(row[..table.key].to_vec());
            rows += page.len() as u64;
            page.iter()
                .flatten()
                .for_each(|value| value.add_to(&mut digest));
            if let Some(to) = to.as_deref_mut() {
                to.insert(table, page).await.map_err(CopyError::Target)?;
            }
            progress(rows);
        }
        let sha256 = digest.finalize().into();
        Ok(Tally { rows, sha256 })
    }

    /// Returns the next rows after a key.
    async fn page(
        &mut self,
        table: &Table,
        after: Option<&[Value]>,
    ) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Sqlite(side) => side.page(table, after),
            Self::Postgres(side) => side.page(table, after).await,
        }
    }

    async fn insert(&mut self, table: &Table, rows: Vec<Row>) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(side) => side.insert(table, rows),
            Self::Postgres(side) => side.insert(table, rows).await,
        }
    }

    /// Makes the versions of lists of all organizations.
    pub(crate) async fn make_list_versions(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(side) => side.make_list_versions(),
            Self::Postgres(side) => side.make_list_versions().await,
        }
    }

    /// Makes everything visible.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(side) => side.commit(),
            Self::Postgres(side) => side.commit().await,
        }
    }
}
