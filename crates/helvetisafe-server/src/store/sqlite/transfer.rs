//! A database file as one side of a copy.

use std::fs::File;
use std::path::Path;

use rusqlite::types::{ToSqlOutput, Value as SqlValue, ValueRef};
use rusqlite::{Connection, Row as SqlRow, ToSql, params_from_iter};

use super::{connection, migrations};
use crate::store::StoreError;
use crate::store::table::{Row, Table, Value, parameters};
use crate::{Error, private_files};

/// A database in a transaction.
pub(crate) struct CopySide {
    connection: Connection,
    _lock: Option<File>,
}

impl CopySide {
    /// Opens a database to read. The lock prevents a vault from writing meanwhile.
    pub(crate) fn source(database: &Path) -> Result<Self, Error> {
        let lock = private_files::lock(database)?;
        let open = || {
            let connection = connection::reading(database)?;
            connection.execute_batch("BEGIN")?;
            Ok(connection)
        };
        let connection = open().map_err(super::failed(&database.display().to_string()))?;
        Ok(Self {
            connection,
            _lock: Some(lock),
        })
    }

    /// Makes the tables in an existing, empty file that no other process uses, to write.
    pub(crate) fn target(file: &Path) -> Result<Self, StoreError> {
        let mut connection = connection::alone(file)?;
        // The file is discarded unless it is completed.
        connection.pragma_update(None, "journal_mode", "OFF")?;
        migrations::run(&mut connection)?;
        connection.execute_batch("BEGIN")?;
        Ok(Self {
            connection,
            _lock: None,
        })
    }

    pub(in crate::store) fn count(&self, table: &Table) -> Result<u64, StoreError> {
        let query = format!("SELECT count(*) FROM {}", table.name);
        let count: i64 = self.connection.query_row(&query, [], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    pub(in crate::store) fn page(
        &self,
        table: &Table,
        after: Option<&[Value]>,
    ) -> Result<Vec<Row>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached(&table.select(after.is_some()))?;
        let width = table.columns.len();
        let read = |row: &SqlRow| {
            (0..width)
                .map(|index| row.get_ref(index)?.try_into())
                .collect()
        };
        let rows = statement.query_map(params_from_iter(after.unwrap_or_default()), read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    pub(in crate::store) fn insert(&self, table: &Table, rows: Vec<Row>) -> Result<(), StoreError> {
        let (name, columns) = (table.name, table.column_names());
        let values = parameters(table.columns.len());
        let insert = format!("INSERT INTO {name} ({columns}) VALUES ({values})");
        let mut statement = self.connection.prepare_cached(&insert)?;
        for row in rows {
            statement.execute(params_from_iter(row))?;
        }
        Ok(())
    }

    pub(in crate::store) fn make_list_versions(&self) -> Result<(), StoreError> {
        let insert = "INSERT INTO list_versions (organization, shard, n) \
                      SELECT id, 0, random() FROM organizations";
        self.connection.execute(insert, [])?;
        Ok(())
    }

    pub(in crate::store) fn commit(self) -> Result<(), StoreError> {
        Ok(self.connection.execute_batch("COMMIT")?)
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>, rusqlite::Error> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(SqlValue::Null),
            Self::Integer(number) => ToSqlOutput::from(*number),
            Self::Text(text) => ToSqlOutput::from(text.as_str()),
            Self::Bytes(bytes) => ToSqlOutput::from(bytes.as_slice()),
        })
    }
}

impl TryFrom<ValueRef<'_>> for Value {
    type Error = rusqlite::Error;

    fn try_from(value: ValueRef) -> Result<Self, rusqlite::Error> {
        Ok(match value {
            ValueRef::Null => Self::Null,
            ValueRef::Text(_) => Self::Text(value.as_str()?.to_owned()),
            ValueRef::Blob(bytes) => Self::Bytes(bytes.to_vec()),
            // The tables are strict, and have no column of this kind.
            ValueRef::Real(_) => Self::Null,
            ValueRef::Integer(number) => Self::Integer(number),
        })
    }
}
