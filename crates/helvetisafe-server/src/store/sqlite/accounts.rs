use helvetisafe_proto::endpoint::PrivateKeyAnswer;
use rusqlite::{Connection, OptionalExtension, params};

use super::Sqlite;
use super::tokens::insert_token;
use crate::store::token::parse_scopes;
use crate::store::{
    AccountId, AccountRow, Client, KeyEpoch, Moment, OrganizationId, StoreError, TokenRow,
};

impl Sqlite {
    pub(in crate::store) async fn add_organization(
        &self,
        id: OrganizationId,
    ) -> Result<(), StoreError> {
        self.write(move |connection| Ok(insert_organization(connection, id)?))
            .await
    }

    pub(in crate::store) async fn add_account(
        &self,
        account: AccountRow,
    ) -> Result<(), StoreError> {
        self.write(move |connection| Ok(insert_account(connection, &account)?))
            .await
    }

    pub(in crate::store) async fn add_tenant(
        &self,
        account: AccountRow,
        token: TokenRow,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            insert_organization(connection, account.organization)?;
            insert_account(connection, &account)?;
            Ok(insert_token(connection, &token)?)
        })
        .await
    }

    pub(in crate::store) fn has_accounts(&self) -> Result<bool, StoreError> {
        self.read(|connection| {
            connection.query_row("SELECT EXISTS (SELECT 1 FROM accounts)", [], |row| {
                row.get(0)
            })
        })
    }

    /// The query takes equally long in both cases, so that timing does not reveal which clients exist:
    /// it always searches two rows (`MATERIALIZED` keeps both searches) and always reads one.
    pub(in crate::store) fn client(&self, client_id: &str) -> Result<Option<Client>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "WITH found (id, other) AS MATERIALIZED ( \
                 SELECT (SELECT id FROM accounts WHERE client_id = ?1), (SELECT min(id) FROM accounts)) \
                 SELECT client_id = ?1 AND status = 'active', accounts.id, client_secret_hash, scopes \
                 FROM found JOIN accounts ON accounts.id = coalesce(found.id, other)",
            )?;
            let found = statement.query_row([client_id], |row| {
                let client = Client {
                    account: AccountId(row.get(1)?),
                    client_secret_hash: row.get(2)?,
                    scopes: parse_scopes(row.get_ref(3)?.as_str()?),
                };
                Ok((row.get(0)?, client))
            });
            let found: Option<(bool, Client)> = found.optional()?;
            Ok(found.and_then(|(is_same, client)| is_same.then_some(client)))
        })
    }

    pub(in crate::store) fn encrypted_org_key(
        &self,
        account: AccountId,
        epoch: KeyEpoch,
    ) -> Result<Option<String>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT encrypted_org_key FROM account_keys WHERE account = ? AND key_epoch = ?",
            )?;
            let found = statement.query_row((account.0, epoch.0), |row| row.get(0));
            found.optional()
        })
    }

    pub(in crate::store) fn private_key(
        &self,
        account: AccountId,
    ) -> Result<Option<PrivateKeyAnswer>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT ciphertext, nonce, salt, auth_tag FROM private_keys WHERE account = ?",
            )?;
            let found = statement.query_row([account.0], |row| {
                Ok(PrivateKeyAnswer {
                    encrypted_private_key: row.get(0)?,
                    nonce: row.get(1)?,
                    salt: row.get(2)?,
                    auth_tag: row.get(3)?,
                })
            });
            found.optional()
        })
    }
}

fn insert_organization(connection: &Connection, id: OrganizationId) -> Result<(), rusqlite::Error> {
    connection.execute(
        "INSERT INTO organizations (id, key_epoch, created_at) VALUES (?, ?, ?)",
        (id.0, KeyEpoch::FIRST.0, Moment::now().0),
    )?;
    connection.execute(
        "INSERT INTO list_versions (organization, shard, n) VALUES (?, 0, random())",
        [id.0],
    )?;
    Ok(())
}

fn insert_account(connection: &Connection, account: &AccountRow) -> Result<(), rusqlite::Error> {
    connection.execute(
        "INSERT INTO accounts (id, organization, client_id, client_secret_hash, scopes, created_at) \
         VALUES (?, ?, ?, ?, ?, ?)",
        params![
            account.id.0,
            account.organization.0,
            account.client_id,
            account.client_secret_hash.as_bytes(),
            account.scopes.to_string(),
            Moment::now().0,
        ],
    )?;
    connection.execute(
        "INSERT INTO account_keys (account, key_epoch, encrypted_org_key) \
         SELECT ?, key_epoch, ? FROM organizations WHERE id = ?",
        (
            account.id.0,
            &account.encrypted_org_key,
            account.organization.0,
        ),
    )?;
    let key = &account.private_key;
    connection.execute(
        "INSERT INTO private_keys (account, ciphertext, nonce, salt, auth_tag) VALUES (?, ?, ?, ?, ?)",
        params![
            account.id.0,
            key.encrypted_private_key,
            key.nonce,
            key.salt,
            key.auth_tag,
        ],
    )?;
    Ok(())
}
