//! The location of the database, as an operator writes it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::{Schema, StoreError, sqlite};

/// The database of a vault: `sqlite:PATH`.
///
/// ```
/// # use helvetisafe_server::Database;
/// let database: Database = "sqlite:/var/lib/helvetisafe/vault.db".parse()?;
/// assert_eq!(database.to_string(), "sqlite:/var/lib/helvetisafe/vault.db");
/// # Ok::<(), helvetisafe_server::InvalidDatabase>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database(pub(super) Engine);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    Memory,
    Sqlite(PathBuf),
}

/// The text names no database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidDatabase(pub(super) String);

impl Database {
    /// Returns SQLite in memory: all data is lost when the vault stops.
    #[must_use]
    pub fn in_memory() -> Self {
        Self(Engine::Memory)
    }

    /// Returns SQLite in a file.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Engine::Sqlite(path.into()))
    }
}

impl Database {
    /// Returns the file of SQLite.
    pub(crate) fn sqlite_file(&self) -> Option<&Path> {
        match &self.0 {
            Engine::Sqlite(path) => Some(path),
            Engine::Memory => None,
        }
    }

    /// Compares the tables with those of this version, and changes nothing.
    pub(crate) async fn schema(&self) -> Result<Schema, StoreError> {
        match &self.0 {
            Engine::Sqlite(path) => sqlite::schema_of_file(path),
            Engine::Memory => Ok(Schema::Absent),
        }
    }
}

impl FromStr for Database {
    type Err = InvalidDatabase;

    fn from_str(text: &str) -> Result<Self, InvalidDatabase> {
        match text.strip_prefix("sqlite:") {
            Some(path) if !path.is_empty() => Ok(Self::file(path)),
            _ => Err(InvalidDatabase(
                "the database has to be sqlite:PATH".to_owned(),
            )),
        }
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Engine::Memory => f.write_str("in memory"),
            Engine::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
        }
    }
}
