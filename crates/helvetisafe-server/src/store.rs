//! The database. Only this folder has SQL.
//!
//! The methods of [`Store`] are intents: each is one statement or one transaction, so that a caller cannot leave
//! anything half done. Every intent on secrets takes the tenant, and every statement filters by it. No intent takes
//! the time, which is the database's: nodes that share one have clocks of their own.

mod account;
mod act;
mod api_token;
mod audit;
mod caller;
mod counts;
mod database;
mod error;
mod found_tables;
mod hold;
mod idempotency_key;
mod list;
mod moment;
mod organization;
mod postgres;
mod rotation;
mod schema;
mod secret;
pub(crate) mod sqlite;
pub(crate) mod table;
mod token;
pub(crate) mod transfer;
mod version;

use std::path::PathBuf;

use crate::Error;
use act::{Record, Statement};
use database::Engine;
pub(crate) use postgres::{Host, Lacking, MAX_CONNECTIONS, Postgres, Primary, Replication, Role};
use sqlite::Sqlite;

pub(crate) use account::{AccountId, AccountRow, Client, KeyEpoch, OrganizationId, Tenant};
pub(crate) use act::{Act, ActError};
pub(crate) use api_token::{CreateApiTokenAct, NewApiTokenRow, RevokeApiTokenAct};
pub(crate) use audit::{AccountReads, Checked, check as check_audit, stored_id};
pub(crate) use counts::{SqlState, StoreCounts};
pub use database::{Database, InvalidDatabase};
pub(crate) use error::{CHECK_OWNER, CopyError, StoreError};
pub(crate) use idempotency_key::IdempotencyKey;
pub(crate) use list::{ListState, ListVersion};
pub(crate) use moment::{Moment, skew};
pub(crate) use organization::{
    AbandonRotationAct, BeginRotationAct, BootstrapAct, ChainEntry, CommitRotationAct, ConfirmAct,
    DisableAct, FoundAct, InviteAct, JoinAct, MemberRow, Resealed, Terms, WithdrawAct,
};
pub(crate) use rotation::{Most, Staged, StagedRow, Staging};
pub(crate) use schema::{Migrated, Migrations, Schema, Step, incompatible};
pub use secret::StoredSecret;
pub(crate) use secret::{Ciphertext, Conditional, Put, SecretWrite};
pub(crate) use token::{Grant, Principal, TokenExpiry, TokenKind, TokenRow};
pub(crate) use version::SecretVersion;

/// The open database.
pub(crate) enum Store {
    Sqlite(Sqlite),
    Postgres(Box<Postgres>),
}

/// The state of a database that serves.
pub(crate) struct Probe {
    /// Its tables, compared with those of this version.
    pub(crate) schema: Schema,
    /// The time of the database.
    pub(crate) now: Moment,
    /// The wait of commits for a standby; `None` for SQLite, which has no standbys.
    pub(crate) replication: Option<Replication>,
    /// The tables and rights that the vault lacks; nothing for SQLite, whose file has one user.
    pub(crate) lacking: Lacking,
    /// The hosts of the URL that accept writes, as a search at most a few seconds ago has found them.
    pub(crate) primaries: Option<Vec<String>>,
}

/// The disk of a database file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Space {
    pub(crate) file: PathBuf,
    /// The free space, in bytes.
    pub(crate) free: u64,
    /// The size of the file, in bytes.
    pub(crate) database: u64,
    /// The size of its write-ahead log, in bytes.
    pub(crate) log: u64,
    /// The space in reserve, in bytes.
    pub(crate) held: u64,
    /// Set if values are refused.
    pub(crate) is_low: bool,
    /// False if tokens and deletes fail once the disk is full.
    pub(crate) has_reserve: bool,
}

/// Opening and closing.
impl Store {
    /// Opens the database, and makes it if it does not exist.
    pub(crate) async fn open(database: &Database) -> Result<Self, Error> {
        Self::open_counted(database, StoreCounts::default()).await
    }

    /// Opens the database like [`open`](Self::open), and counts the use of PostgreSQL.
    pub(crate) async fn open_counted(
        database: &Database,
        counts: StoreCounts,
    ) -> Result<Self, Error> {
        Ok(match &database.0 {
            Engine::Memory => Self::Sqlite(Sqlite::in_memory()?),
            Engine::Sqlite(path) => Self::Sqlite(Sqlite::in_file(path.clone())?),
            Engine::Postgres(address) => {
                Self::Postgres(Box::new(Postgres::counted(address, counts)))
            }
        })
    }

    /// Returns true if other nodes may serve the same database.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Makes the tables, or brings those of an earlier version up to date. Refuses those of a newer version which this
    /// one cannot serve.
    pub(crate) async fn migrate(&self) -> Result<Migrated, Error> {
        let migrations = self.migrations().await.map_err(|error| self.error(error))?;
        if migrations.schema() == Schema::Incompatible {
            return Err(incompatible(self.name()).into());
        }
        let migrated = match self {
            Self::Sqlite(sqlite) => sqlite.migrate().await,
            Self::Postgres(postgres) => postgres.migrate().await,
        };
        Ok(Migrated {
            from: migrations.seen,
            to: migrations.steps.len(),
            applied: migrated.map_err(|error| self.error(error))?,
        })
    }

    /// Compares the migrations of the database with those of this version.
    pub(crate) async fn migrations(&self) -> Result<Migrations, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.migrations().await,
            Self::Postgres(postgres) => postgres.migrations().await,
        }
    }

    /// Checks that the database answers and takes writes.
    pub(crate) async fn probe(&self) -> Result<Probe, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.probe().await,
            Self::Postgres(postgres) => postgres.probe().await,
        }
    }

    /// Returns the error of a probe that had no answer in time.
    pub(crate) fn unanswered(&self) -> StoreError {
        match self {
            Self::Sqlite(_) => StoreError::Failed("no answer in 2 s".to_owned()),
            Self::Postgres(postgres) => postgres.unanswered(),
        }
    }

    /// Returns the state of the disk of a database file; `None` for others.
    pub(crate) fn space(&self) -> Option<Space> {
        match self {
            Self::Sqlite(sqlite) => sqlite.space(),
            Self::Postgres(_) => None,
        }
    }

    /// Waits for running statements, and closes all connections.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(sqlite) => sqlite.close().await,
            Self::Postgres(postgres) => postgres.close().await,
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Sqlite(sqlite) => sqlite.name(),
            Self::Postgres(postgres) => postgres.name(),
        }
    }

    /// Converts an error for the owner of the vault.
    pub(crate) fn error(&self, reason: StoreError) -> Error {
        reason.of(self.name().to_owned())
    }
}

/// Administration.
impl Store {
    /// Runs an administrative act in a transaction.
    pub(crate) async fn act<A: Act>(&self, act: A) -> Result<A::Outcome, ActError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.act(act).await,
            Self::Postgres(postgres) => postgres.act(act).await,
        }
    }

    /// Runs a read of few rows, whose SQL both databases understand.
    async fn records(&self, statement: Statement) -> Result<Vec<Record>, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.records(&statement),
            Self::Postgres(postgres) => postgres.records(&statement).await,
        }
    }

    /// Returns the time of the database, which all nodes share.
    pub(crate) async fn now(&self) -> Result<Moment, StoreError> {
        match self {
            Self::Sqlite(_) => Ok(Moment::now()),
            Self::Postgres(postgres) => postgres.now().await,
        }
    }

    /// Removes expired secrets and tokens, and the rows that rotations left, and seals the audit record.
    pub(crate) async fn sweep(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.sweep().await,
            Self::Postgres(postgres) => postgres.sweep().await,
        }?;
        self.purge(rotation::GRACE).await?;
        self.seal_audit().await
    }
}

#[cfg(test)]
mod tests;
