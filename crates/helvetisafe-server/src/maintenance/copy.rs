//! A whole vault from one database to another.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::new_file::{Existing, NewFile};
use super::{block_on, check_exists, check_owner, failed};
use crate::plural::counted;
use crate::problem::Problem;
use crate::store::table::{TABLES, Tally};
use crate::store::transfer::CopySide;
use crate::store::{CopyError, Postgres, Schema, Store, StoreError, incompatible, sqlite};
use crate::{Database, Error, private_files};

/// A vault that was copied.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Copied {
    /// The database that was read.
    pub from: String,
    /// The database that was written.
    pub to: String,
    /// The tables, whose contents were compared in both databases.
    pub tables: Vec<CopiedTable>,
}

/// A table that was copied.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct CopiedTable {
    /// The name.
    pub name: &'static str,
    /// The number of rows.
    pub rows: u64,
    /// SHA-256 of the rows, which is the same in both databases, in hexadecimal.
    pub sha256: String,
}

/// The progress of a copy.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Progress {
    /// The name of the table.
    pub table: &'static str,
    /// The number of rows that were copied.
    pub rows: u64,
    /// The number of rows of the table.
    pub total: u64,
}

/// Copies accounts, wrapped keys, tokens, secrets with their versions and everything else of a vault into an empty
/// database. Then both are compared, row by row. At most 64 rows are in memory.
///
/// The target becomes visible as a whole, in one transaction or by the name of its file. Until then, and after an error, it
/// is empty. A SQLite source is locked, so its vault has to be stopped. A PostgreSQL source is read as of one moment, so
/// stop its nodes to lose no later write.
///
/// # Errors
///
/// [`Error::Problem`] if the source has no tables of this version, or the target is not empty; [`Error::Locked`] if a vault
/// uses a SQLite file; [`Error::Database`] and [`Error::File`] if reading or writing fails.
pub fn copy(
    from: &Database,
    to: &Database,
    progress: impl FnMut(Progress),
) -> Result<Copied, Error> {
    block_on(async {
        check_source(from).await?;
        let source = from.postgres();
        let mut source = match (&source, from.sqlite_file()) {
            (Some(postgres), _) => postgres.source().await.map(CopySide::Postgres),
            (None, Some(path)) => Ok(CopySide::Sqlite(sqlite::CopySide::source(path)?)),
            (None, None) => return Err(in_memory(from)),
        }
        .map_err(|error| from.error(error))?;
        let pair = Pair { from, to };
        let tables = match (to.postgres(), to.sqlite_file()) {
            (Some(postgres), _) => pair.fill_postgres(&mut source, &postgres, progress).await?,
            (None, Some(path)) => pair.fill_file(&mut source, path, progress).await?,
            (None, None) => return Err(in_memory(to)),
        };
        Ok(Copied {
            from: from.to_string(),
            to: to.to_string(),
            tables,
        })
    })
}

/// Refuses a source whose tables are not those of this version: columns of others would be lost.
async fn check_source(from: &Database) -> Result<(), Error> {
    if let Some(path) = from.sqlite_file() {
        check_exists(path)?;
    }
    let migrations = from.migrations().await;
    let schema = migrations.map_err(|error| from.error(error))?.schema();
    let subject = format!("database {from}");
    let problem = match schema {
        Schema::Current => return Ok(()),
        Schema::Absent => Problem::new(subject, "has no tables of a vault", "check --from"),
        Schema::Behind(count) => Problem::new(
            subject,
            format_args!("has pending migrations ({count})"),
            from.migrate_remedy(),
        ),
        Schema::Ahead | Schema::Incompatible => incompatible(&from.to_string()),
    };
    Err(problem.into())
}

fn in_memory(database: &Database) -> Error {
    let remedy = "name sqlite:FILE or postgres://HOST/DATABASE";
    Problem::new("database", database, remedy).into()
}

struct Pair<'a> {
    from: &'a Database,
    to: &'a Database,
}

impl Pair<'_> {
    async fn fill_postgres(
        &self,
        source: &mut CopySide<'_>,
        postgres: &Postgres,
        progress: impl FnMut(Progress),
    ) -> Result<Vec<CopiedTable>, Error> {
        self.make_tables().await?;
        let target = postgres.target().await;
        let mut target = CopySide::Postgres(target.map_err(|error| self.to.error(error))?);
        self.check_empty(&mut target).await?;
        let tables = self.transfer(source, &mut target, progress).await?;
        let committed = target.commit().await;
        committed.map_err(|error| match error {
            StoreError::OutcomeUnknown(reason) => self.unknown(&reason),
            error => self.to.error(error),
        })?;
        Ok(tables)
    }

    async fn fill_file(
        &self,
        source: &mut CopySide<'_>,
        path: &Path,
        progress: impl FnMut(Progress),
    ) -> Result<Vec<CopiedTable>, Error> {
        check_owner(path)?;
        let _lock = private_files::lock(path)?;
        if sqlite::has_log(path) {
            let problem = "has a log beside it, of another database";
            return Err(Problem::new(path.display(), problem, "choose another path").into());
        }
        let file = NewFile::create(path, Existing::NeverReplace)?;
        let target = sqlite::CopySide::target(file.partial()).map_err(failed(path))?;
        let mut target = CopySide::Sqlite(target);
        let tables = self.transfer(source, &mut target, progress).await?;
        target.commit().await.map_err(failed(path))?;
        sqlite::inspect(file.partial()).map_err(failed(path))?;
        file.complete()?;
        Ok(tables)
    }

    /// Makes the tables of the target, without rows.
    async fn make_tables(&self) -> Result<(), Error> {
        let store = Store::open(self.to).await?;
        let migrated = store.migrate().await;
        let migrations = store.migrations().await;
        store.close().await;
        migrated?;
        match migrations.map_err(|error| self.to.error(error))?.schema() {
            Schema::Current => Ok(()),
            _ => Err(incompatible(&self.to.to_string()).into()),
        }
    }

    async fn check_empty(&self, target: &mut CopySide<'_>) -> Result<(), Error> {
        for table in &TABLES {
            let rows = target.count(table).await;
            let rows = rows.map_err(|error| self.to.error(error))?;
            if rows > 0 {
                let subject = format!("database {}", self.to);
                let rows = counted(rows, "row");
                let problem = format!("is not empty: {} has {rows}", table.name);
                let remedy = "copy into a new database; one of an earlier copy may be complete";
                return Err(Problem::new(subject, problem, remedy).into());
            }
        }
        Ok(())
    }

    /// Copies all tables, and reads them again in the target.
    async fn transfer(
        &self,
        source: &mut CopySide<'_>,
        target: &mut CopySide<'_>,
        mut progress: impl FnMut(Progress),
    ) -> Result<Vec<CopiedTable>, Error> {
        let mut tallies = Vec::new();
        for table in &TABLES {
            let total = source.count(table).await;
            let total = total.map_err(|error| self.from.error(error))?;
            let name = table.name;
            let shown = |rows| Progress {
                table: name,
                rows,
                total,
            };
            let copied = source.copy(table, target, |rows| progress(shown(rows)));
            let copied = copied.await.map_err(|error| match error {
                CopyError::Source(error) => self.from.error(error),
                CopyError::Target(error) => self.target_error(error),
            });
            tallies.push(copied?);
        }
        let made = target.make_list_versions().await;
        made.map_err(|error| self.target_error(error))?;
        self.compare(target, tallies).await
    }

    async fn compare(
        &self,
        target: &mut CopySide<'_>,
        expected: Vec<Tally>,
    ) -> Result<Vec<CopiedTable>, Error> {
        let mut tables = Vec::new();
        for (table, expected) in TABLES.iter().zip(expected) {
            let tally = target.tally(table).await;
            let tally = tally.map_err(|error| self.target_error(error))?;
            if tally != expected {
                return Err(self.differs(table.name, &expected, &tally));
            }
            tables.push(CopiedTable::of(table.name, &tally));
        }
        Ok(tables)
    }

    fn differs(&self, table: &str, expected: &Tally, tally: &Tally) -> Error {
        let difference = match tally.rows == expected.rows {
            true => "other contents".to_owned(),
            false => format!(
                "{} in place of {}",
                counted(tally.rows, "row"),
                expected.rows
            ),
        };
        let problem = format!("differs from {} in {table}: {difference}", self.from);
        let remedy = "nothing was copied; stop everything else that writes to it, and copy again";
        Problem::new(format_args!("database {}", self.to), problem, remedy).into()
    }

    /// A failure of the database that is written.
    fn target_error(&self, error: StoreError) -> Error {
        match self.to.sqlite_file() {
            Some(path) => failed(path)(error),
            None => self.to.error(error),
        }
    }

    fn unknown(&self, reason: &str) -> Error {
        let problem = format!("did not confirm the copy: {reason}");
        let remedy = "copy again: it says so if the copy is there already";
        Problem::new(format_args!("database {}", self.to), problem, remedy).into()
    }
}

impl CopiedTable {
    fn of(name: &'static str, tally: &Tally) -> Self {
        use std::fmt::Write;
        let mut sha256 = String::new();
        for byte in tally.sha256 {
            // Writing to a string does not fail.
            let _ = write!(sha256, "{byte:02x}");
        }
        let rows = tally.rows;
        Self { name, rows, sha256 }
    }
}

impl fmt::Display for Copied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "copied {} to {}, and compared them", self.from, self.to)?;
        for table in self.tables.iter().filter(|table| table.rows > 0) {
            write!(f, "\n{}: {}", table.name, table.rows)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_of_the_number_or_of_the_contents() {
        let [from, to] = ["a.db", "b.db"].map(Database::file);
        let pair = Pair {
            from: &from,
            to: &to,
        };
        let tally = |rows, digest| Tally {
            rows,
            sha256: [digest; 32],
        };
        let start = "database sqlite:b.db: differs from sqlite:a.db in secrets: ";
        for (found, difference) in [
            (tally(1, 0), "1 row in place of 2; "),
            (tally(2, 1), "other contents; "),
        ] {
            let error = pair.differs("secrets", &tally(2, 0), &found).to_string();
            let expected = format!("{start}{difference}");
            assert!(error.starts_with(&expected), "{error}");
        }
    }
}
