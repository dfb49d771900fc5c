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
mod hold;
mod idempotency_key;
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
use std::sync::Arc;
use std::time::Duration;

use helvetisafe_proto::KeyName;
use helvetisafe_proto::endpoint::organization::UnstagedAnswer;
use helvetisafe_proto::endpoint::{
    CreatedSecret, ListedSecret, Page, PrivateKeyAnswer, SecretRecord, UpdatedSecret,
};

use crate::Error;
use crate::token::Hash;
use act::{Record, Statement};
use database::Engine;
pub(crate) use postgres::{Host, MAX_CONNECTIONS, Postgres, Primary, Replication, Role};
use sqlite::Sqlite;

pub(crate) use account::{AccountId, AccountRow, Client, KeyEpoch, OrganizationId, Tenant};
pub(crate) use act::{Act, ActError};
pub(crate) use api_token::{CreateApiTokenAct, NewApiTokenRow, RevokeApiTokenAct};
pub(crate) use audit::{AccountReads, Checked, check as check_audit, stored_id};
pub(crate) use counts::{SqlState, StoreCounts};
pub use database::{Database, InvalidDatabase};
pub(crate) use error::{CopyError, StoreError};
pub(crate) use idempotency_key::IdempotencyKey;
pub(crate) use moment::{Moment, skew};
pub(crate) use organization::{
    AbandonRotationAct, BeginRotationAct, BootstrapAct, ChainEntry, CommitRotationAct, ConfirmAct,
    DisableAct, FoundAct, InviteAct, JoinAct, MemberRow, Resealed, Terms, WithdrawAct,
};
pub(crate) use rotation::{Most, Staged, StagedRow, Staging};
pub(crate) use schema::{Migrations, Schema, Step, incompatible};
#[cfg(test)]
pub(crate) use secret::List;
pub use secret::StoredSecret;
pub(crate) use secret::{Ciphertext, Conditional, ListState, ListVersion, Put, SecretWrite};
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
    /// one cannot serve. Returns the names of the steps that this call ran; another node may have run others meanwhile.
    pub(crate) async fn migrate(&self) -> Result<Vec<&'static str>, Error> {
        let migrations = self.migrations().await.map_err(|error| self.error(error))?;
        if migrations.schema() == Schema::Incompatible {
            return Err(incompatible(self.name()).into());
        }
        let migrated = match self {
            Self::Sqlite(sqlite) => sqlite.migrate().await,
            Self::Postgres(postgres) => postgres.migrate().await,
        };
        migrated.map_err(|error| self.error(error))
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
        Error::Database {
            name: self.name().to_owned(),
            reason: Box::new(reason),
        }
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
}

/// Organizations and accounts.
impl Store {
    pub(crate) async fn add_organization(&self, id: OrganizationId) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.add_organization(id).await,
            Self::Postgres(postgres) => postgres.add_organization(id).await,
        }
    }

    /// Adds an account; [`StoreError::NoParent`] if its organization does not exist.
    pub(crate) async fn add_account(&self, account: AccountRow) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.add_account(account).await,
            Self::Postgres(postgres) => postgres.add_account(account).await,
        }
    }

    /// Adds an organization, its first account and an API token.
    pub(crate) async fn add_tenant(
        &self,
        account: AccountRow,
        token: TokenRow,
    ) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.add_tenant(account, token).await,
            Self::Postgres(postgres) => postgres.add_tenant(account, token).await,
        }
    }

    pub(crate) async fn has_accounts(&self) -> Result<bool, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.has_accounts(),
            Self::Postgres(postgres) => postgres.has_accounts().await,
        }
    }

    /// Returns an active account by its client id; `None` if there is none. Takes as long in both cases.
    pub(crate) async fn client(&self, client_id: &str) -> Result<Option<Client>, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.client(client_id),
            Self::Postgres(postgres) => postgres.client(client_id).await,
        }
    }

    /// Returns the org key of an epoch, wrapped for the account.
    pub(crate) async fn encrypted_org_key(
        &self,
        account: AccountId,
        epoch: KeyEpoch,
    ) -> Result<Option<String>, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.encrypted_org_key(account, epoch),
            Self::Postgres(postgres) => postgres.encrypted_org_key(account, epoch).await,
        }
    }

    /// Returns the locked private key of an account; `None` if it has not stored one.
    pub(crate) async fn private_key(
        &self,
        account: AccountId,
    ) -> Result<Option<PrivateKeyAnswer>, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.private_key(account),
            Self::Postgres(postgres) => postgres.private_key(account).await,
        }
    }
}

/// Tokens.
impl Store {
    /// Adds a token; [`StoreError::NoParent`] if its account does not exist.
    pub(crate) async fn add_token(&self, token: TokenRow) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.add_token(token).await,
            Self::Postgres(postgres) => postgres.add_token(token).await,
        }
    }

    /// Returns the principal of a valid token of an active account.
    pub(crate) async fn principal(&self, hash: &Hash) -> Result<Option<Principal>, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.principal(hash),
            Self::Postgres(postgres) => postgres.principal(hash).await,
        }
    }

    /// Removes all tokens of a kind of an account.
    pub(crate) async fn revoke(
        &self,
        account: AccountId,
        kind: TokenKind,
    ) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.revoke(account, kind).await,
            Self::Postgres(postgres) => postgres.revoke(account, kind).await,
        }
    }

    /// Removes the access tokens of all accounts, and with `api_tokens` their API tokens too.
    #[cfg(feature = "faults")]
    pub(crate) async fn forget_tokens(&self, api_tokens: bool) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.forget_tokens(api_tokens).await,
            Self::Postgres(postgres) => postgres.forget_tokens(api_tokens).await,
        }
    }
}

/// Rotations of the org key. [`act`](Store::act) begins and ends them.
impl Store {
    /// Returns secrets that the rotation in progress has not staged in their present version, in the order of the bytes
    /// of their names. It takes milliseconds of its thread for each thousand secrets.
    pub(crate) async fn unstaged(
        &self,
        organization: OrganizationId,
        rotation: i64,
        most: Most,
    ) -> Result<UnstagedAnswer, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.unstaged(organization, rotation, most),
            Self::Postgres(postgres) => postgres.unstaged(organization, rotation, most).await,
        }
    }

    /// Stages secrets for the next epoch, and extends the lease of their rotation.
    pub(crate) async fn stage(&self, staging: Staging) -> Result<Staged, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.stage(staging).await,
            Self::Postgres(postgres) => postgres.stage(staging).await,
        }
    }

    /// Removes the secrets and keys of each epoch whose replacement was committed before `grace`, and the staged secrets of
    /// rotations that ended otherwise.
    pub(crate) async fn purge(&self, grace: Duration) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.purge(grace).await,
            Self::Postgres(postgres) => postgres.purge(grace).await,
        }
    }
}

/// Secrets.
impl Store {
    /// Returns the principal of a valid token and, with the name of a secret, that secret.
    pub(crate) async fn read_secret(
        &self,
        hash: &Hash,
        key: Option<KeyName>,
    ) -> Result<Option<(Principal, Option<SecretRecord>)>, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.read_secret(hash, key),
            Self::Postgres(postgres) => postgres.read_secret(hash, key).await,
        }
    }

    /// Creates a secret; returns `None` if the name exists. Waits, like the other writes of secrets, while a rotation holds
    /// the writes of the organization.
    pub(crate) async fn create_secret(
        &self,
        write: SecretWrite,
    ) -> Result<Option<CreatedSecret>, StoreError> {
        let write = &Arc::new(write);
        hold::wait(|| async move {
            match self {
                Self::Sqlite(sqlite) => sqlite.create_secret(write).await,
                Self::Postgres(postgres) => postgres.create_secret(write).await,
            }
        })
        .await
    }

    pub(crate) async fn update_secret(
        &self,
        write: SecretWrite,
    ) -> Result<Conditional<UpdatedSecret>, StoreError> {
        let write = &Arc::new(write);
        hold::wait(|| async move {
            match self {
                Self::Sqlite(sqlite) => sqlite.update_secret(write).await,
                Self::Postgres(postgres) => postgres.update_secret(write).await,
            }
        })
        .await
    }

    /// Creates a secret, or updates the one of this name. Its versions do not matter.
    pub(crate) async fn put_secret(&self, write: SecretWrite) -> Result<Put, StoreError> {
        let write = &Arc::new(write);
        hold::wait(|| async move {
            match self {
                Self::Sqlite(sqlite) => sqlite.put_secret(write).await,
                Self::Postgres(postgres) => postgres.put_secret(write).await,
            }
        })
        .await
    }

    /// Deletes a secret. With `versions`, it must have one of them.
    pub(crate) async fn delete_secret(
        &self,
        grant: Grant,
        key: KeyName,
        versions: Option<Vec<SecretVersion>>,
        idempotency_key: Option<IdempotencyKey>,
    ) -> Result<Conditional<()>, StoreError> {
        let (key, versions) = (&key, versions.as_deref());
        hold::wait(|| async move {
            match self {
                Self::Sqlite(sqlite) => sqlite.delete_secret(grant, key, versions).await,
                Self::Postgres(postgres) => {
                    let deleted = postgres.delete_secret(grant, key, versions, idempotency_key);
                    deleted.await
                }
            }
        })
        .await
    }

    /// Returns a secret, without a check of rights.
    #[cfg(feature = "faults")]
    pub(crate) async fn secret(
        &self,
        tenant: Tenant,
        key: KeyName,
    ) -> Result<Option<SecretRecord>, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.secret(tenant, key),
            Self::Postgres(postgres) => postgres.secret(tenant, key).await,
        }
    }

    /// Returns the version of a list, and the time.
    pub(crate) async fn list_version(
        &self,
        tenant: Tenant,
    ) -> Result<(ListVersion, Moment), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.list_version(tenant),
            Self::Postgres(postgres) => postgres.list_version(tenant).await,
        }
    }

    /// Reads the whole list, and passes each secret on, ordered by the bytes of the names. It takes milliseconds of its
    /// thread for each thousand names. Stops at the first error of `add`.
    pub(crate) async fn read_list<E: From<StoreError>>(
        &self,
        tenant: Tenant,
        add: impl FnMut(ListedSecret) -> Result<(), E>,
    ) -> Result<ListState, E> {
        match self {
            Self::Sqlite(sqlite) => sqlite.read_list(tenant, add),
            Self::Postgres(postgres) => postgres.read_list(tenant, add).await,
        }
    }

    /// Returns the whole list.
    #[cfg(test)]
    pub(crate) async fn list(&self, tenant: Tenant) -> Result<List, StoreError> {
        let mut secrets = Vec::new();
        let add = |secret| {
            secrets.push(secret);
            Ok::<_, StoreError>(())
        };
        let state = self.read_list(tenant, add).await?;
        Ok(List {
            version: state.version,
            read_at: state.read_at,
            secrets,
        })
    }

    /// Returns a part of the list.
    pub(crate) async fn list_page(
        &self,
        tenant: Tenant,
        page: Page,
    ) -> Result<Vec<ListedSecret>, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.list_page(tenant, page),
            Self::Postgres(postgres) => postgres.list_page(tenant, page).await,
        }
    }

    /// Returns every row, including expired ones that are not removed yet.
    pub(crate) async fn stored_secrets(
        &self,
        tenant: Tenant,
    ) -> Result<Vec<StoredSecret>, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.stored_secrets(tenant),
            Self::Postgres(postgres) => postgres.stored_secrets(tenant).await,
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
