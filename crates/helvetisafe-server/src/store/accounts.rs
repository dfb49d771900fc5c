//! Organizations and service accounts.

use helvetisafe_proto::Scopes;
use helvetisafe_proto::endpoint::PrivateKeyAnswer;
use sqlx::SqliteConnection;

use super::tokens::{insert_token, parse_scopes};
use super::{Moment, Store, StoreError, TokenRow};
use crate::token::Hash;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub(crate) struct OrganizationId(pub(crate) i64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub(crate) struct AccountId(pub(crate) i64);

/// The stored data of a service account.
pub(crate) struct AccountRow {
    pub(crate) id: AccountId,
    pub(crate) organization: OrganizationId,
    pub(crate) client_id: String,
    pub(crate) client_secret_hash: Hash,
    pub(crate) scopes: Scopes,
    pub(crate) encrypted_org_key: String,
    pub(crate) private_key: PrivateKeyAnswer,
}

/// The data of a service account that the token endpoint needs.
pub(crate) struct Client {
    pub(crate) account: AccountId,
    pub(crate) client_secret_hash: Vec<u8>,
    pub(crate) scopes: Scopes,
}

impl Store {
    pub(crate) async fn add_organization(&self, id: OrganizationId) -> Result<(), StoreError> {
        insert_organization(&mut *self.writer.acquire().await?, id).await
    }

    /// Fails with a foreign key violation if the organization does not exist.
    pub(crate) async fn add_account(&self, account: &AccountRow) -> Result<(), StoreError> {
        insert_account(&mut *self.writer.acquire().await?, account).await
    }

    /// Adds an organization, its first account and an API token in one transaction.
    pub(crate) async fn add_tenant(
        &self,
        account: &AccountRow,
        token: &TokenRow,
    ) -> Result<(), StoreError> {
        let mut transaction = self.writer.begin().await?;
        insert_organization(&mut transaction, account.organization).await?;
        insert_account(&mut transaction, account).await?;
        insert_token(&mut transaction, token).await?;
        transaction.commit().await
    }

    pub(crate) async fn has_accounts(&self) -> Result<bool, StoreError> {
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM accounts)")
            .fetch_one(&self.readers)
            .await
    }

    /// Returns the client; `None` if it does not exist.
    ///
    /// The query takes equally long in both cases, so that timing does not reveal which clients exist:
    /// it always searches two rows (`MATERIALIZED` keeps both searches) and always reads one.
    pub(crate) async fn client(&self, client_id: &str) -> Result<Option<Client>, StoreError> {
        let row: Option<(bool, AccountId, Vec<u8>, String)> = sqlx::query_as(
            "WITH found (id, other) AS MATERIALIZED ( \
             SELECT (SELECT id FROM accounts WHERE client_id = ?1), (SELECT min(id) FROM accounts)) \
             SELECT client_id = ?1, accounts.id, client_secret_hash, scopes \
             FROM found JOIN accounts ON accounts.id = coalesce(found.id, other)",
        )
        .bind(client_id)
        .fetch_optional(&self.readers)
        .await?;
        let Some((is_same, account, client_secret_hash, scopes)) = row else {
            return Ok(None);
        };
        let client = Client {
            account,
            client_secret_hash,
            scopes: parse_scopes(&scopes)?,
        };
        Ok(is_same.then_some(client))
    }

    pub(crate) async fn encrypted_org_key(&self, account: AccountId) -> Result<String, StoreError> {
        sqlx::query_scalar("SELECT encrypted_org_key FROM accounts WHERE id = ?")
            .bind(account)
            .fetch_one(&self.readers)
            .await
    }

    pub(crate) async fn private_key(
        &self,
        account: AccountId,
    ) -> Result<PrivateKeyAnswer, StoreError> {
        let (encrypted_private_key, nonce, salt, auth_tag) = sqlx::query_as(
            "SELECT encrypted_private_key, private_key_nonce, private_key_salt, \
             private_key_auth_tag FROM accounts WHERE id = ?",
        )
        .bind(account)
        .fetch_one(&self.readers)
        .await?;
        Ok(PrivateKeyAnswer {
            encrypted_private_key,
            nonce,
            salt,
            auth_tag,
        })
    }
}

async fn insert_organization(
    connection: &mut SqliteConnection,
    id: OrganizationId,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO organizations (id, created_at) VALUES (?, ?)")
        .bind(id)
        .bind(Moment::now())
        .execute(connection)
        .await
        .map(drop)
}

async fn insert_account(
    connection: &mut SqliteConnection,
    account: &AccountRow,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO accounts (id, organization, client_id, client_secret_hash, scopes, \
         encrypted_org_key, encrypted_private_key, private_key_nonce, private_key_salt, \
         private_key_auth_tag, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(account.id)
    .bind(account.organization)
    .bind(&account.client_id)
    .bind(account.client_secret_hash.as_bytes())
    .bind(account.scopes.to_string())
    .bind(&account.encrypted_org_key)
    .bind(&account.private_key.encrypted_private_key)
    .bind(&account.private_key.nonce)
    .bind(&account.private_key.salt)
    .bind(&account.private_key.auth_tag)
    .bind(Moment::now())
    .execute(connection)
    .await
    .map(drop)
}
