use crate::Error;
use crate::log::{self, Limited};
use crate::problem::Problem;

/// A failure of the database. It never contains stored values or credentials.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StoreError {
    /// No connection became free in time, or the vault is stopping.
    #[error("the database is busy")]
    Busy,
    /// No server of the database can be reached, or none of them accepts writes. Nothing was written.
    #[error("the database cannot be reached: {0}")]
    Unavailable(String),
    /// The disk is full. Nothing was written.
    #[error("the disk of the database is full")]
    Full,
    /// The database did not confirm a write: the connection was lost, or no answer came.
    #[error("the database did not confirm a write: {0}")]
    OutcomeUnknown(String),
    /// No synchronous standby confirms commits. Nothing was written.
    #[error("no synchronous standby confirms commits, so nothing was written")]
    NoStandby,
    /// No synchronous standby confirmed a write.
    #[error("no synchronous standby confirmed a write")]
    Unconfirmed,
    /// The token expired or was revoked, or its account disabled, after it was checked. Nothing was written.
    #[error("the token is no longer valid")]
    Revoked,
    /// The org key was rotated after the caller's token was checked. Nothing was written.
    #[error("the org key was rotated during a write")]
    OtherEpoch,
    /// A rotation of the org key holds the writes of the organization. Nothing was written.
    #[error("a rotation holds the writes of the organization")]
    Held,
    /// The organization or the account of a new row does not exist.
    #[error("the organization or the account does not exist")]
    NoParent,
    /// Another request has recorded or fenced the write under the same id. Nothing was written.
    #[error("a write was repeated meanwhile")]
    IdInUse,
    /// The tables of another program are there. Nothing was changed.
    #[error("has tables that are not a vault's, such as {0}")]
    Foreign(String),
    /// Tables that the migrations made are missing. Nothing was changed.
    #[error("lacks tables that its migrations have made: {0}")]
    Incomplete(String),
    /// Columns that the migrations made are missing. Nothing was changed.
    #[error("lacks columns that its migrations have made: {0}")]
    LacksColumns(String),
    /// This process may not use the file. Nothing was changed.
    #[error("{0}")]
    Denied(String),
    #[error("{0}")]
    Failed(String),
}

/// The remedy for a file of a database that this process may not read or write.
pub(crate) const CHECK_OWNER: &str =
    "run this as its owner, or check its owner and mode, and that its disk is not read-only";

/// The messages that every request would repeat.
static BUSY: Limited = Limited::new();
static UNAVAILABLE: Limited = Limited::new();

impl StoreError {
    /// Returns the remedy for a database with which no vault can start.
    pub(crate) fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::Foreign(_) => Some(
                "name an empty database, or a file that does not exist yet, for the vault alone",
            ),
            Self::Incomplete(_) | Self::LacksColumns(_) => Some(
                "if they were renamed, name them as before; else restore a backup that has them",
            ),
            Self::Denied(_) => Some(CHECK_OWNER),
            Self::Full => Some("free space on it, or move the database to a larger one"),
            _ => None,
        }
    }

    /// Converts an error of a database for the operator.
    pub(super) fn of(self, name: String) -> Error {
        match self.remedy() {
            Some(remedy) => Problem::new(format_args!("database {name}"), self, remedy).into(),
            None => Error::Database {
                name,
                reason: Box::new(self),
            },
        }
    }

    /// Logs a failure, unless the database logs it itself, at intervals.
    pub(crate) fn log(&self) {
        match self {
            Self::Full | Self::NoStandby | Self::Unconfirmed => {}
            Self::Busy => BUSY.error(&format_args!("{self}; a request was answered 503")),
            Self::Unavailable(_) => UNAVAILABLE.error(self),
            _ => log::error(self),
        }
    }
}

/// A failure of one of the two databases of a copy.
pub(crate) enum CopyError {
    Source(StoreError),
    Target(StoreError),
}
