//! The tables, and their rows for copies to another database.
//!
//! The tables of both databases have the same columns. The steps, leases and fences of writes belong to one database, and
//! are not copied. The versions of lists are random, and made anew.

mod definitions;

use sha2::{Digest, Sha256};

pub(crate) use definitions::TABLES;

/// The number of rows of a page.
const PAGE: usize = 64;

/// A table.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// The columns; those of the primary key first.
    pub(super) columns: &'static [Column],
    /// The number of columns of the primary key.
    pub(super) key: usize,
}

pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Integer,
    /// An integer that rows of the first versions lack.
    IntegerOrZero,
    Text,
    Bytes,
}

/// A value of a column.
#[derive(Clone)]
pub(super) enum Value {
    Null,
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

pub(super) type Row = Vec<Value>;

/// The number of rows of a table, and a digest of their contents in the order of the key.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) rows: u64,
    pub(crate) sha256: [u8; 32],
}

impl Table {
    /// Returns the statement for a page, after the key in the parameters if `is_later`.
    pub(super) fn select(&self, is_later: bool) -> String {
        let columns = join(self.columns.iter().map(|column| match column.kind {
            Kind::IntegerOrZero => format!("coalesce({}, 0)", column.name),
            _ => column.name.to_owned(),
        }));
        let (name, keys) = (self.name, self.columns[..self.key].iter());
        let key = join(keys.map(|column| column.name.to_owned()));
        let after = match is_later {
            true => format!(" WHERE ({key}) > ({})", parameters(self.key)),
            false => String::new(),
        };
        format!("SELECT {columns} FROM {name}{after} ORDER BY {key} LIMIT {PAGE}")
    }

    /// Returns the names of the columns.
    pub(super) fn column_names(&self) -> String {
        join(self.columns.iter().map(|column| column.name.to_owned()))
    }
}

/// Returns `$1, $2` and so on.
pub(super) fn parameters(count: usize) -> String {
    join((1..=count).map(|number| format!("${number}")))
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

impl Value {
    /// Adds the kind, the length and the bytes, so that different rows are different inputs.
    pub(super) fn add_to(&self, digest: &mut Sha256) {
        let (kind, bytes): (u8, &[u8]) = match self {
            Self::Null => (0, &[]),
            Self::Integer(number) => (1, &number.to_be_bytes()),
            Self::Text(text) => (2, text.as_bytes()),
            Self::Bytes(bytes) => (3, bytes),
        };
        digest.update([kind]);
        digest.update((bytes.len() as u64).to_be_bytes());
        digest.update(bytes);
    }
}

/// The tables that requests use and that are not copied. SQLite has no `writes`.
const NOT_COPIED: [&str; 2] = ["list_versions", WRITES];
const WRITES: &str = "writes";

/// The tables of migrations and copies. A node that does not migrate reads `migrations`, and does not use `leases`.
pub(super) const MIGRATIONS: &str = "migrations";
pub(super) const LEASES: &str = "leases";

/// Returns the columns of a table of this version.
pub(super) fn columns(name: &str) -> Vec<&'static str> {
    match name {
        "list_versions" => vec!["organization", "shard", "n"],
        WRITES => vec!["id", "at", "happened", "expires_at", "refused"],
        MIGRATIONS => vec!["number", "ran_at", "needs"],
        LEASES => vec!["name", "holder", "valid_until"],
        name => {
            let tables = TABLES.iter().filter(|table| table.name == name);
            let columns = tables.flat_map(|table| table.columns);
            columns.map(|column| column.name).collect()
        }
    }
}

/// Returns the names of the tables that requests use, which a node has to read and write.
pub(super) fn used(is_shared: bool) -> impl Iterator<Item = &'static str> {
    let names = TABLES.iter().map(|table| table.name).chain(NOT_COPIED);
    names.filter(move |name| is_shared || *name != WRITES)
}

/// Returns the names of all tables.
pub(super) fn all(is_shared: bool) -> impl Iterator<Item = &'static str> {
    used(is_shared).chain([MIGRATIONS, LEASES])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Database, Store};

    /// A table or a column that a migration adds has to be copied, and to be missed when it is gone.
    #[tokio::test]
    async fn the_tables_are_those_of_sqlite() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.db");
        let store = Store::open(&Database::file(&path)).await.unwrap();
        store.migrate().await.unwrap();
        store.close().await;
        let connection = rusqlite::Connection::open(path).unwrap();
        let query = "SELECT t.name || '.' || c.name FROM sqlite_master AS t \
                     JOIN pragma_table_info(t.name) AS c WHERE t.type = 'table'";
        let mut statement = connection.prepare(query).unwrap();
        let names = statement.query_map([], |row| row.get(0)).unwrap();
        let names: Vec<_> = names.map(Result::unwrap).collect();
        compare(names, false);
    }

    #[tokio::test]
    async fn the_tables_are_those_of_postgresql() {
        let Some(server) = helvetisafe_test_postgres::database() else {
            return;
        };
        let store = Store::open(&server.url().parse().unwrap()).await.unwrap();
        store.migrate().await.unwrap();
        let Store::Postgres(postgres) = &store else {
            panic!("it is PostgreSQL");
        };
        let names = postgres.column_names().await.unwrap();
        compare(names, true);
    }

    fn compare(mut found: Vec<String>, is_shared: bool) {
        let columns = all(is_shared).flat_map(|table| {
            let columns = columns(table).into_iter();
            columns.map(move |column| format!("{table}.{column}"))
        });
        let mut expected: Vec<_> = columns.collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
    }
}
