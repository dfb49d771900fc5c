//! The value of `--database`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A database that a vault is served from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Database {
    /// A SQLite file.
    Sqlite(PathBuf),
}

/// A text is not a database.
#[derive(Debug, thiserror::Error)]
#[error("is not a database")]
pub(crate) struct InvalidDatabase;

impl InvalidDatabase {
    pub(crate) const REMEDY: &str =
        "write sqlite:FILE, such as sqlite:/var/lib/helvetisafe/vault.db";
}

impl FromStr for Database {
    type Err = InvalidDatabase;

    fn from_str(text: &str) -> Result<Self, InvalidDatabase> {
        match text.strip_prefix("sqlite:") {
            None | Some("") => Err(InvalidDatabase),
            Some(path) => Ok(Self::Sqlite(path.into())),
        }
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_read_from_text() {
        let database: Database = "sqlite:/a/b.db".parse().unwrap();
        assert_eq!(database, Database::Sqlite("/a/b.db".into()));
        assert_eq!(database.to_string(), "sqlite:/a/b.db");
        for text in ["", "sqlite:", "/a/b.db", "mysql://a"] {
            assert!(text.parse::<Database>().is_err(), "{text}");
        }
    }
}
