//! Administrative acts, written once for both databases.
//!
//! An act locks a row, reads, decides and writes, in one transaction. Its statements are SQL that both databases
//! understand. No act is on the path of a secret, so the round trips of several statements do not matter.

use helvetisafe_proto::ErrorCode;

use super::table::{Row, Value};
use super::{Moment, OrganizationId, StoreError};
use crate::token::Hash;

/// An administrative act. It may run twice, the first time without effect.
pub(crate) trait Act: Send + Sync + 'static {
    /// The result of a success.
    type Outcome: Send + 'static;

    /// Returns the row that excludes other acts until the end of the transaction.
    fn lock(&self) -> Lock;

    /// Returns the reads that the decision needs.
    fn queries(&self, now: Moment) -> Vec<Statement>;

    /// Decides from the rows of each query. An act that was done before has no writes.
    fn decide(&self, context: Context, found: &[Vec<Record>]) -> Decision<Self::Outcome>;
}

/// The writes of an act and its result.
pub(crate) type Decision<T> = Result<(Vec<Statement>, T), ActError>;

/// The data of the database that a decision needs besides rows.
#[derive(Clone, Copy)]
pub(crate) struct Context {
    /// The time of the database.
    pub(super) now: Moment,
    /// The number of list versions of an organization.
    pub(super) shards: i64,
}

/// The locked row of an act. It need not exist.
#[derive(Clone, Copy)]
pub(crate) enum Lock {
    Organization(OrganizationId),
    Bootstrap(Hash),
}

/// The reason for which an act did not happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ActError {
    /// The state of the organization does not allow it.
    #[error("refused: {0}")]
    Refused(ErrorCode),
    /// This member of the request does not fit the state of the organization.
    #[error("invalid: {0}")]
    Invalid(&'static str),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ErrorCode> for ActError {
    fn from(code: ErrorCode) -> Self {
        Self::Refused(code)
    }
}

impl ActError {
    /// Returns the error of an act that is never refused.
    pub(crate) fn into_store(self) -> StoreError {
        match self {
            Self::Store(error) => error,
            refused => StoreError::Failed(refused.to_string()),
        }
    }
}

/// A statement with its parameters, `$1` and so on. It selects no booleans, which the databases represent differently.
#[derive(Clone)]
pub(crate) struct Statement {
    pub(super) sql: &'static str,
    pub(super) parameters: Vec<Parameter>,
}

/// A parameter. NULL has a type too, which PostgreSQL needs.
#[derive(Clone)]
pub(crate) enum Parameter {
    Integer(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

impl Statement {
    pub(super) fn new(sql: &'static str) -> Self {
        Self {
            sql,
            parameters: Vec::new(),
        }
    }

    /// Adds the next parameter.
    pub(super) fn bind(mut self, parameter: impl Into<Parameter>) -> Self {
        self.parameters.push(parameter.into());
        self
    }
}

impl Lock {
    /// Returns the key of the row.
    pub(super) fn parameters(self) -> Vec<Parameter> {
        vec![match self {
            Self::Organization(id) => id.0.into(),
            Self::Bootstrap(hash) => hash.into(),
        }]
    }
}

impl From<i64> for Parameter {
    fn from(number: i64) -> Self {
        Self::Integer(Some(number))
    }
}

impl From<Moment> for Parameter {
    fn from(moment: Moment) -> Self {
        moment.0.into()
    }
}

impl From<&str> for Parameter {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<String> for Parameter {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<Option<i64>> for Parameter {
    fn from(number: Option<i64>) -> Self {
        Self::Integer(number)
    }
}

impl From<Option<String>> for Parameter {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

impl From<&[u8]> for Parameter {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(Some(bytes.to_vec()))
    }
}

impl From<Option<Vec<u8>>> for Parameter {
    fn from(bytes: Option<Vec<u8>>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Hash> for Parameter {
    fn from(hash: Hash) -> Self {
        hash.as_bytes().into()
    }
}

/// A row of a query.
#[derive(Clone)]
pub(crate) struct Record(pub(super) Row);

impl Record {
    pub(super) fn integer(&self, column: usize) -> Result<i64, StoreError> {
        self.optional_integer(column)?
            .ok_or_else(|| unreadable(column))
    }

    pub(super) fn text(&self, column: usize) -> Result<&str, StoreError> {
        self.optional_text(column)?
            .ok_or_else(|| unreadable(column))
    }

    pub(super) fn bytes(&self, column: usize) -> Result<&[u8], StoreError> {
        self.optional_bytes(column)?
            .ok_or_else(|| unreadable(column))
    }

    pub(super) fn optional_integer(&self, column: usize) -> Result<Option<i64>, StoreError> {
        match self.0.get(column) {
            Some(Value::Integer(number)) => Ok(Some(*number)),
            Some(Value::Null) => Ok(None),
            _ => Err(unreadable(column)),
        }
    }

    pub(super) fn optional_text(&self, column: usize) -> Result<Option<&str>, StoreError> {
        match self.0.get(column) {
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Null) => Ok(None),
            _ => Err(unreadable(column)),
        }
    }

    pub(super) fn optional_bytes(&self, column: usize) -> Result<Option<&[u8]>, StoreError> {
        match self.0.get(column) {
            Some(Value::Bytes(bytes)) => Ok(Some(bytes)),
            Some(Value::Null) => Ok(None),
            _ => Err(unreadable(column)),
        }
    }

    /// Returns a column with an id or a hash.
    pub(super) fn array<const N: usize>(&self, column: usize) -> Result<[u8; N], StoreError> {
        let bytes = self.bytes(column)?;
        bytes.try_into().map_err(|_| unreadable(column))
    }
}

/// Returns the number of a query that counts.
pub(super) fn count(rows: &[Record]) -> Result<i64, StoreError> {
    rows.first().map_or(Ok(0), |row| row.integer(0))
}

fn unreadable(column: usize) -> StoreError {
    StoreError::Failed(format!("column {column} of a row has another type"))
}
