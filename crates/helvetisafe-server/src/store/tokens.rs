//! Access tokens and portal API tokens.
//!
//! A token is found by its SHA-256. The time of the search reveals at most a part of that hash, from which
//! no token can be found.

use helvetisafe_proto::Scopes;
use sqlx::SqliteConnection;

use super::{AccountId, Moment, OrganizationId, Store, StoreError};
use crate::token::Hash;

/// The kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(rename_all = "lowercase")]
pub(crate) enum TokenKind {
    /// An access token from the token endpoint; it always expires.
    Access,
    /// An API token from the portal, which here is the owner of the vault.
    Api,
}

/// The stored data of a token.
pub(crate) struct TokenRow {
    pub(crate) hash: Hash,
    pub(crate) kind: TokenKind,
    pub(crate) account: AccountId,
    pub(crate) scopes: Scopes,
    pub(crate) expires_at: Option<Moment>,
}

/// The account and rights of a token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Principal {
    pub(crate) kind: TokenKind,
    pub(crate) account: AccountId,
    pub(crate) organization: OrganizationId,
    pub(crate) scopes: Scopes,
    pub(crate) expires_at: Option<Moment>,
}

impl Principal {
    pub(crate) fn is_valid_at(&self, now: Moment) -> bool {
        self.expires_at.is_none_or(|end| end > now)
    }
}

impl Store {
    /// Fails with a foreign key violation if the account does not exist.
    pub(crate) async fn add_token(&self, token: &TokenRow) -> Result<(), StoreError> {
        insert_token(&mut *self.writer.acquire().await?, token).await
    }

    /// Returns the principal of a token, expired or not; `None` if the token is unknown.
    pub(crate) async fn principal(&self, hash: &Hash) -> Result<Option<Principal>, StoreError> {
        let row: Option<(TokenKind, AccountId, OrganizationId, String, Option<Moment>)> =
            sqlx::query_as(
                "SELECT kind, account, organization, tokens.scopes, expires_at FROM tokens \
                 JOIN accounts ON accounts.id = account WHERE hash = ?",
            )
            .bind(hash.as_bytes())
            .fetch_optional(&self.readers)
            .await?;
        row.map(|(kind, account, organization, scopes, expires_at)| {
            let scopes = parse_scopes(&scopes)?;
            Ok(Principal {
                kind,
                account,
                organization,
                scopes,
                expires_at,
            })
        })
        .transpose()
    }

    /// Removes all tokens of a kind of an account.
    pub(crate) async fn revoke(
        &self,
        account: AccountId,
        kind: TokenKind,
    ) -> Result<(), StoreError> {
        let revoke = sqlx::query("DELETE FROM tokens WHERE account = ? AND kind = ?");
        self.write(revoke.bind(account).bind(kind)).await.map(drop)
    }

    /// Removes the access tokens of all accounts, and with `api_tokens` their API tokens too.
    #[cfg(feature = "faults")]
    pub(crate) async fn forget_tokens(&self, api_tokens: bool) -> Result<(), StoreError> {
        let forget = sqlx::query("DELETE FROM tokens WHERE kind = ? OR ?");
        let forget = forget.bind(TokenKind::Access).bind(api_tokens);
        self.write(forget).await.map(drop)
    }

    /// Removes expired tokens.
    pub(crate) async fn sweep_tokens(&self, now: Moment) -> Result<u64, StoreError> {
        self.write(sqlx::query("DELETE FROM tokens WHERE expires_at <= ?").bind(now))
            .await
    }
}

pub(super) async fn insert_token(
    connection: &mut SqliteConnection,
    token: &TokenRow,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO tokens (hash, kind, account, scopes, expires_at) VALUES (?, ?, ?, ?, ?)",
    )
    .bind(token.hash.as_bytes())
    .bind(token.kind)
    .bind(token.account)
    .bind(token.scopes.to_string())
    .bind(token.expires_at)
    .execute(connection)
    .await
    .map(drop)
}

pub(super) fn parse_scopes(text: &str) -> Result<Scopes, StoreError> {
    text.parse()
        .map_err(|error| StoreError::Decode(Box::new(error)))
}
