//! Organizations and accounts.

use helvetisafe_proto::endpoint::PrivateKeyAnswer;

use super::tokens::{bind_token, insert_token};
use super::writes::record;
use super::{Postgres, SHARDS, Statement, get, now, only};
use crate::store::token::parse_scopes;
use crate::store::{AccountId, AccountRow, Client, KeyEpoch, OrganizationId, StoreError, TokenRow};

/// Inserts an organization in its first epoch.
macro_rules! organization {
    ($id:literal, $shards:literal) => {
        concat!(
            "organization AS (INSERT INTO organizations (id, key_epoch, created_at) VALUES (",
            $id,
            ", 1, ",
            now!(),
            ")), shards AS (INSERT INTO list_versions (organization, shard, n) SELECT ",
            $id,
            ", shard, 0 FROM generate_series(0, ",
            $shards,
            " - 1) AS shard)"
        )
    };
}

/// Inserts an account with its keys under an epoch. The parameters are those of `bind_account`.
macro_rules! account {
    ($epoch:literal) => {
        concat!(
            "account AS (INSERT INTO accounts \
             (id, organization, client_id, client_secret_hash, scopes, created_at) \
             VALUES ($1, $2, $3, $4, $5, ",
            now!(),
            ")), org_key AS (INSERT INTO account_keys (account, key_epoch, encrypted_org_key) \
             SELECT $1, ",
            $epoch,
            ", $6), private_key AS (INSERT INTO private_keys (account, ciphertext, nonce, salt, auth_tag) \
             VALUES ($1, $7, $8, $9, $10))"
        )
    };
}

fn bind_account(statement: Statement, account: &AccountRow) -> Statement {
    let key = &account.private_key;
    statement
        .bind(account.id.0)
        .bind(account.organization.0)
        .bind(&account.client_id)
        .bind(account.client_secret_hash.as_bytes())
        .bind(account.scopes.to_string())
        .bind(&account.encrypted_org_key)
        .bind(&key.encrypted_private_key)
        .bind(&key.nonce)
        .bind(&key.salt)
        .bind(&key.auth_tag)
}

impl Postgres {
    pub(in crate::store) async fn add_organization(
        &self,
        id: OrganizationId,
    ) -> Result<(), StoreError> {
        let statement = |write: i64| {
            let insert = concat!(
                "WITH ",
                organization!("$1", "$2"),
                ", ",
                record!("$3"),
                " SELECT 1"
            );
            sqlx::query(insert).bind(id.0).bind(SHARDS).bind(write)
        };
        self.write(statement).await.map(drop)
    }

    pub(in crate::store) async fn add_account(
        &self,
        account: AccountRow,
    ) -> Result<(), StoreError> {
        let statement = |write: i64| {
            let insert = concat!(
                "WITH ",
                // Without such an organization the account itself fails.
                account!("coalesce((SELECT key_epoch FROM organizations WHERE id = $2), 1)"),
                ", ",
                record!("$11"),
                " SELECT 1"
            );
            bind_account(sqlx::query(insert), &account).bind(write)
        };
        self.write(statement).await.map(drop)
    }

    pub(in crate::store) async fn add_tenant(
        &self,
        account: AccountRow,
        token: TokenRow,
    ) -> Result<(), StoreError> {
        let statement = |write: i64| {
            let insert = concat!(
                "WITH ",
                organization!("$2", "$11"),
                ", ",
                account!("1"),
                ", ",
                insert_token!("$12", "$13", "$14", "$15", "$16", "$17", "$18"),
                ", ",
                record!("$19"),
                " SELECT 1"
            );
            let insert = bind_account(sqlx::query(insert), &account).bind(SHARDS);
            bind_token(insert, &token).bind(write)
        };
        self.write(statement).await.map(drop)
    }

    pub(in crate::store) async fn has_accounts(&self) -> Result<bool, StoreError> {
        let statement = || sqlx::query("SELECT EXISTS (SELECT 1 FROM accounts)");
        let rows = self.repeatable(statement).await?;
        get(only(&rows)?, 0)
    }

    /// The query takes equally long in both cases, so that timing does not reveal which clients exist:
    /// it always searches two rows (`MATERIALIZED` keeps both searches) and always reads one.
    pub(in crate::store) async fn client(
        &self,
        client_id: &str,
    ) -> Result<Option<Client>, StoreError> {
        let statement = || {
            sqlx::query(
                "WITH found (id, other) AS MATERIALIZED ( \
                 SELECT (SELECT id FROM accounts WHERE client_id = $1), (SELECT min(id) FROM accounts)) \
                 SELECT client_id = $1 AND status = 'active', accounts.id, client_secret_hash, scopes \
                 FROM found JOIN accounts ON accounts.id = coalesce(found.id, other)",
            )
            .bind(client_id)
        };
        let rows = self.repeatable(statement).await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let client = Client {
            account: AccountId(get(row, 1)?),
            client_secret_hash: get(row, 2)?,
            scopes: parse_scopes(get(row, 3)?),
        };
        let is_same: bool = get(row, 0)?;
        Ok(is_same.then_some(client))
    }

    pub(in crate::store) async fn encrypted_org_key(
        &self,
        account: AccountId,
        epoch: KeyEpoch,
    ) -> Result<Option<String>, StoreError> {
        let statement = || {
            sqlx::query(
                "SELECT encrypted_org_key FROM account_keys WHERE account = $1 AND key_epoch = $2",
            )
            .bind(account.0)
            .bind(epoch.0)
        };
        let rows = self.repeatable(statement).await?;
        rows.first().map(|row| get(row, 0)).transpose()
    }

    pub(in crate::store) async fn private_key(
        &self,
        account: AccountId,
    ) -> Result<Option<PrivateKeyAnswer>, StoreError> {
        let statement = || {
            sqlx::query(
                "SELECT ciphertext, nonce, salt, auth_tag FROM private_keys WHERE account = $1",
            )
            .bind(account.0)
        };
        let rows = self.repeatable(statement).await?;
        let key = |row| {
            Ok(PrivateKeyAnswer {
                encrypted_private_key: get(row, 0)?,
                nonce: get(row, 1)?,
                salt: get(row, 2)?,
                auth_tag: get(row, 3)?,
            })
        };
        rows.first().map(key).transpose()
    }
}
