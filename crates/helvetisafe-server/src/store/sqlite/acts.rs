//! Administrative acts. The writer's thread runs one write at a time, so no row needs a lock.

use rusqlite::types::{ToSqlOutput, Value as SqlValue, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};

use super::Sqlite;
use crate::store::act::{Act, ActError, Context, Parameter, Record, Statement};
use crate::store::{Moment, StoreError};

impl Sqlite {
    pub(in crate::store) async fn act<A: Act>(&self, act: A) -> Result<A::Outcome, ActError> {
        let run = move |connection: &super::Batch<'_>| match run(connection, &act) {
            Err(ActError::Store(error)) => Err(error),
            // Nothing was written, so there is nothing to undo.
            decided => Ok(decided),
        };
        self.write(run).await?
    }

    pub(in crate::store) fn records(
        &self,
        statement: &Statement,
    ) -> Result<Vec<Record>, StoreError> {
        self.read(|connection| select(connection, statement))
    }
}

fn run<A: Act>(connection: &Connection, act: &A) -> Result<A::Outcome, ActError> {
    let now = Moment::now();
    let queries = act.queries(now);
    let found = queries.iter().map(|query| select(connection, query));
    let found: Vec<_> = found.collect::<Result<_, _>>().map_err(StoreError::from)?;
    let context = Context { now, shards: 1 };
    let (changes, outcome) = act.decide(context, &found)?;
    for change in &changes {
        execute(connection, change).map_err(StoreError::from)?;
    }
    Ok(outcome)
}

pub(in crate::store) fn select(
    connection: &Connection,
    query: &Statement,
) -> Result<Vec<Record>, rusqlite::Error> {
    let mut statement = connection.prepare_cached(&numbered(query))?;
    let width = statement.column_count();
    let rows = statement.query_map(params_from_iter(&query.parameters), |row| {
        let values = (0..width).map(|index| row.get_ref(index)?.try_into());
        values.collect::<Result<_, _>>().map(Record)
    })?;
    rows.collect()
}

fn execute(connection: &Connection, change: &Statement) -> Result<(), rusqlite::Error> {
    let mut statement = connection.prepare_cached(&numbered(change))?;
    statement.execute(params_from_iter(&change.parameters))?;
    Ok(())
}

/// Returns the SQL with the parameters `?1` and so on. SQLite would number `$1` by its first place.
fn numbered(statement: &Statement) -> String {
    statement.sql.replace('$', "?")
}

impl ToSql for Parameter {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>, rusqlite::Error> {
        Ok(match self {
            Self::Integer(number) => ToSqlOutput::Owned((*number).into()),
            Self::Text(Some(text)) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Bytes(Some(bytes)) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            Self::Text(None) | Self::Bytes(None) => ToSqlOutput::Owned(SqlValue::Null),
        })
    }
}
