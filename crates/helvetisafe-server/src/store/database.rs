//! The location of the database, as an operator writes it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::postgres::{Address, Postgres};
use super::{Host, Migrations, StoreError, sqlite};
use crate::Error;

/// The database of a vault: `sqlite:PATH`, or `postgres://[USER@]HOST[:PORT][,HOST[:PORT]…]/DATABASE`.
///
/// Without `USER@`, the user is that of the variable `PGUSER`. A PostgreSQL database has a primary among its hosts, which is found again after a failover. Connections to another
/// machine use TLS and check its certificate, against the system's authorities and those of the parameter
/// `sslrootcert=FILE`; `sslcert=FILE` and `sslkey=FILE` authenticate the vault. `sslmode=disable` is for networks that
/// encrypt themselves. The password is in the file that `password_file=FILE` names, in that of the variable `PGPASSFILE`
/// or in `PGPASSWORD`, never in the URL. `host=FOLDER` is the folder of a Unix socket.
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
    Postgres(Address),
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
            Engine::Memory | Engine::Postgres(_) => None,
        }
    }

    /// Returns PostgreSQL, with connections that the caller closes.
    pub(crate) fn postgres(&self) -> Option<Postgres> {
        match &self.0 {
            Engine::Postgres(address) => Some(Postgres::new(address)),
            Engine::Memory | Engine::Sqlite(_) => None,
        }
    }

    /// Converts an error for the operator.
    pub(crate) fn error(&self, reason: StoreError) -> Error {
        reason.of(self.to_string())
    }

    /// Returns the database as one quoted word of a shell command for PostgreSQL's programs. The user has to replace
    /// `OWNER`, and to add how it logs in.
    pub(crate) fn quoted(&self) -> String {
        self.quoted_with(None)
    }

    fn quoted_with(&self, password_file: Option<&str>) -> String {
        let url = match &self.0 {
            Engine::Postgres(address) => address.owner_url(password_file),
            Engine::Memory | Engine::Sqlite(_) => self.to_string(),
        };
        crate::error::quoted(Path::new(&url))
    }

    /// Returns the advice to migrate the database.
    pub(crate) fn migrate_remedy(&self) -> String {
        let (password_file, owner) = match &self.0 {
            Engine::Postgres(address) if address.has_password_file() => (
                Some("OWNER_PASSWORD_FILE"),
                ", with the role that owns the tables as OWNER, and the file of its password as OWNER_PASSWORD_FILE",
            ),
            Engine::Postgres(_) => (None, ", with the role that owns the tables as OWNER"),
            Engine::Memory | Engine::Sqlite(_) => (None, ""),
        };
        let database = self.quoted_with(password_file);
        format!("run helvetisafe-server migrate --database {database}{owner}")
    }

    /// Returns true if another process uses the file of SQLite, which only one process at a time can open.
    pub(crate) fn is_in_use(&self) -> bool {
        self.sqlite_file().is_some_and(sqlite::is_in_use)
    }

    /// Inspects every host of PostgreSQL; SQLite has none.
    pub(crate) async fn hosts(&self) -> Vec<Host> {
        match &self.0 {
            Engine::Postgres(address) => address.inspect().await,
            Engine::Memory | Engine::Sqlite(_) => Vec::new(),
        }
    }

    /// Compares the migrations of the database with those of this version. Changes nothing.
    pub(crate) async fn migrations(&self) -> Result<Migrations, StoreError> {
        match &self.0 {
            Engine::Sqlite(path) => sqlite::migrations_of_file(path),
            Engine::Memory => Ok(sqlite::no_migrations()),
            Engine::Postgres(address) => {
                let postgres = Postgres::new(address);
                let migrations = postgres.migrations().await;
                postgres.close().await;
                migrations
            }
        }
    }

    /// Returns true if several nodes may serve it.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self.0, Engine::Postgres(_))
    }
}

impl FromStr for Database {
    type Err = InvalidDatabase;

    fn from_str(text: &str) -> Result<Self, InvalidDatabase> {
        if let Some(path) = text.strip_prefix("sqlite:").filter(|path| !path.is_empty()) {
            return match path.contains('?') {
                true => Err(InvalidDatabase(
                    "sqlite:PATH has an unknown parameter: it takes none, so a path has no question mark".to_owned(),
                )),
                false => Ok(Self::file(path)),
            };
        }
        let schemes = ["postgres://", "postgresql://"];
        match schemes.iter().find_map(|scheme| text.strip_prefix(scheme)) {
            Some(rest) => {
                let address = Address::parse(rest).map_err(InvalidDatabase)?;
                let has_user = address.has_user()
                    || std::env::var_os("PGUSER").is_some_and(|user| !user.is_empty());
                match has_user {
                    true => Ok(Self(Engine::Postgres(address))),
                    false => Err(InvalidDatabase(
                        "the URL names no user, and PGUSER is not set: postgres://USER@HOST/DATABASE".to_owned(),
                    )),
                }
            }
            None => Err(InvalidDatabase(
                "the database has to be sqlite:PATH or postgres://HOST/DATABASE".to_owned(),
            )),
        }
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Engine::Memory => f.write_str("in memory"),
            Engine::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Engine::Postgres(address) => write!(f, "{address}"),
        }
    }
}
