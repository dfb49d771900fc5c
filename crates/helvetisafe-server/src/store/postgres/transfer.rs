//! A database as one side of a copy.

use std::time::Duration;

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Postgres as Engine};
use tokio::time::timeout;

use super::failure::text;
use super::pool::Held;
use super::{Postgres, SHARDS, get, now, only};
use crate::store::StoreError;
use crate::store::table::{Kind, Row, Table, Value, parameters};

/// The timeout of the commit, and of a statement, which reads or writes one page of rows.
const STATEMENT: Duration = Duration::from_secs(60);
const COMMIT: Duration = Duration::from_secs(300);

/// The name of the lease whose row is locked by the one copy that may write.
const LEASE: &str = "copy";

/// A database in a transaction, which is rolled back on drop.
pub(crate) struct CopySide<'a> {
    held: Held<'a>,
}

impl Postgres {
    /// Begins to read, as of one moment.
    pub(crate) async fn source(&self) -> Result<CopySide<'_>, StoreError> {
        self.begin("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .await
    }

    /// Begins to write. Another copy into the same database is refused meanwhile, and finds rows afterwards.
    pub(crate) async fn target(&self) -> Result<CopySide<'_>, StoreError> {
        let mut side = self
            .begin("BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED")
            .await?;
        side.run(|| sqlx::query("SET LOCAL lock_timeout = '2s'"))
            .await?;
        let lease = format!(
            "INSERT INTO leases (name, holder, valid_until) VALUES ('{LEASE}', 0, {now}) \
             ON CONFLICT (name) DO UPDATE SET valid_until = excluded.valid_until",
            now = now!(),
        );
        side.run(|| sqlx::query(AssertSqlSafe(lease))).await?;
        side.run(|| sqlx::query("SET LOCAL lock_timeout = 0"))
            .await?;
        Ok(side)
    }

    async fn begin(&self, begin: &'static str) -> Result<CopySide<'_>, StoreError> {
        let held = self.pool.take().await?;
        let mut side = CopySide { held };
        side.run(|| sqlx::query(begin)).await?;
        Ok(side)
    }
}

impl CopySide<'_> {
    /// Runs a statement. None is repeated, since it is a part of a transaction.
    async fn run<'q>(
        &mut self,
        statement: impl FnOnce() -> Query<'q, Engine, PgArguments>,
    ) -> Result<Vec<PgRow>, StoreError> {
        let answer = statement().fetch_all(&mut self.held.connection);
        match timeout(STATEMENT, answer).await {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(error)) => Err(StoreError::Failed(text(&error))),
            Err(_) => Err(silent(STATEMENT)),
        }
    }

    pub(in crate::store) async fn count(&mut self, table: &Table) -> Result<u64, StoreError> {
        let query = format!("SELECT count(*) FROM {}", table.name);
        let rows = self.run(|| sqlx::query(AssertSqlSafe(query))).await?;
        let count: i64 = get(only(&rows)?, 0)?;
        Ok(count.unsigned_abs())
    }

    pub(in crate::store) async fn page(
        &mut self,
        table: &Table,
        after: Option<&[Value]>,
    ) -> Result<Vec<Row>, StoreError> {
        let query = table.select(after.is_some());
        let statement = || {
            let statement = sqlx::query(AssertSqlSafe(query));
            after.unwrap_or_default().iter().fold(statement, bind)
        };
        let rows = self.run(statement).await?;
        rows.iter().map(|row| read(row, table)).collect()
    }

    pub(in crate::store) async fn insert(
        &mut self,
        table: &Table,
        rows: Vec<Row>,
    ) -> Result<(), StoreError> {
        let (name, columns) = (table.name, table.column_names());
        let values = parameters(table.columns.len());
        let insert = format!("INSERT INTO {name} ({columns}) SELECT * FROM unnest({values})");
        let mut statement = sqlx::query(AssertSqlSafe(insert));
        let mut rows: Vec<_> = rows.into_iter().map(Vec::into_iter).collect();
        for column in table.columns {
            let values = rows.iter_mut().map(|row| row.next().unwrap_or(Value::Null));
            statement = match column.kind {
                Kind::Integer | Kind::IntegerOrZero => {
                    statement.bind(values.map(Value::integer).collect::<Vec<_>>())
                }
                Kind::Text => statement.bind(values.map(Value::text).collect::<Vec<_>>()),
                Kind::Bytes => statement.bind(values.map(Value::bytes).collect::<Vec<_>>()),
            };
        }
        self.run(|| statement).await.map(drop)
    }

    pub(in crate::store) async fn make_list_versions(&mut self) -> Result<(), StoreError> {
        let insert = "INSERT INTO list_versions (organization, shard, n) \
                      SELECT id, shard, (random() * 9e18)::bigint FROM organizations, \
                      generate_series(0, $1 - 1) AS shard";
        let statement = || sqlx::query(insert).bind(SHARDS);
        self.run(statement).await.map(drop)
    }

    pub(in crate::store) async fn commit(mut self) -> Result<(), StoreError> {
        let commit = sqlx::query("COMMIT").execute(&mut self.held.connection);
        match timeout(COMMIT, commit).await {
            Ok(Ok(_)) => {
                self.held.give_back();
                Ok(())
            }
            Ok(Err(error @ sqlx::Error::Database(_))) => Err(StoreError::Failed(text(&error))),
            Ok(Err(error)) => Err(StoreError::OutcomeUnknown(text(&error))),
            Err(_) => Err(StoreError::OutcomeUnknown(silent(COMMIT).to_string())),
        }
    }
}

#[cfg(test)]
impl Postgres {
    /// Returns the columns of all tables, as `TABLE.COLUMN`.
    pub(in crate::store) async fn column_names(&self) -> Result<Vec<String>, StoreError> {
        let query = "SELECT table_name || '.' || column_name FROM information_schema.columns \
                     WHERE table_schema = current_schema()";
        let rows = self.repeatable(|| sqlx::query(query)).await?;
        rows.iter().map(|row| get(row, 0)).collect()
    }
}

fn silent(time: Duration) -> StoreError {
    StoreError::Failed(format!("no answer within {} s", time.as_secs()))
}

type Bound<'q> = Query<'q, Engine, PgArguments>;

fn bind<'q>(statement: Bound<'q>, value: &'q Value) -> Bound<'q> {
    match value {
        // A key has no NULL.
        Value::Null => statement,
        Value::Integer(number) => statement.bind(number),
        Value::Text(text) => statement.bind(text),
        Value::Bytes(bytes) => statement.bind(bytes),
    }
}

fn read(row: &PgRow, table: &Table) -> Result<Row, StoreError> {
    let columns = table.columns.iter().enumerate();
    let values = columns.map(|(index, column)| {
        let value = match column.kind {
            Kind::Integer | Kind::IntegerOrZero => {
                get::<Option<_>>(row, index)?.map(Value::Integer)
            }
            Kind::Text => get::<Option<_>>(row, index)?.map(Value::Text),
            Kind::Bytes => get::<Option<_>>(row, index)?.map(Value::Bytes),
        };
        Ok(value.unwrap_or(Value::Null))
    });
    values.collect()
}

impl Value {
    fn integer(self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(number),
            _ => None,
        }
    }

    fn text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    fn bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}
