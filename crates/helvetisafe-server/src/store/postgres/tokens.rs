//! Tokens, and the read of a secret together with the token that allows it.

use helvetisafe_proto::KeyName;
use helvetisafe_proto::endpoint::SecretRecord;
use sqlx::postgres::PgRow;

use super::secrets::{ciphertext, dates};
use super::writes::record;
use super::{Postgres, Statement, get, now};
use crate::store::token::parse_scopes;
use crate::store::{
    AccountId, KeyEpoch, OrganizationId, Principal, StoreError, Tenant, TokenExpiry, TokenKind,
    TokenRow,
};
use crate::token::{self, Hash};

/// Inserts a token. The parameters are those of `bind_token`.
macro_rules! insert_token {
    ($hash:literal, $id:literal, $kind:literal, $account:literal, $scopes:literal, $at:literal, $life:literal) => {
        concat!(
            "token AS (INSERT INTO tokens (hash, id, kind, account, scopes, created_at, expires_at) VALUES (",
            $hash,
            ", ",
            $id,
            ", ",
            $kind,
            ", ",
            $account,
            ", ",
            $scopes,
            ", ",
            now!(),
            ", coalesce(",
            $at,
            ", ",
            now!(),
            " + ",
            $life,
            ")))"
        )
    };
}
pub(super) use insert_token;

/// The principal of the token with the hash $1, if it is valid and its account is active.
macro_rules! principal {
    ($columns:literal, $join:expr) => {
        concat!(
            "SELECT tokens.kind, accounts.id, organizations.id, organizations.key_epoch, tokens.scopes",
            $columns,
            " FROM tokens JOIN accounts ON accounts.id = tokens.account \
             JOIN organizations ON organizations.id = accounts.organization ",
            $join,
            " WHERE tokens.hash = $1 AND accounts.status = 'active' \
             AND (tokens.expires_at IS NULL OR tokens.expires_at > ",
            now!(),
            ")"
        )
    };
}

/// The account of the token with the hash $1, if it is valid, until the end of the transaction. Neither the token nor the
/// epoch of the organization can change before.
macro_rules! caller {
    () => {
        concat!(
            "caller AS (SELECT accounts.id, accounts.organization, organizations.key_epoch \
             FROM organizations JOIN accounts ON accounts.organization = organizations.id \
             JOIN tokens ON tokens.account = accounts.id \
             WHERE tokens.hash = $1 AND accounts.status = 'active' \
             AND (tokens.expires_at IS NULL OR tokens.expires_at > ",
            now!(),
            ") FOR SHARE OF organizations, tokens)"
        )
    };
}
pub(super) use caller;

/// The number of columns of a principal.
const PRINCIPAL: usize = 5;

pub(super) fn bind_token(statement: Statement, token: &TokenRow) -> Statement {
    let (at, life) = match token.expiry {
        TokenExpiry::Never => (None, None),
        TokenExpiry::At(time) => (Some(time.0), None),
        TokenExpiry::After(life) => (None, Some(i64::try_from(life.as_micros()))),
    };
    statement
        .bind(token.hash.as_bytes())
        // Without randomness there would be no token.
        .bind(token::generate_id().unwrap_or_default())
        .bind(token.kind.as_str())
        .bind(token.account.0)
        .bind(token.scopes.to_string())
        .bind(at)
        .bind(life.map(|life| life.unwrap_or(i64::MAX / 2)))
}

impl Postgres {
    pub(in crate::store) async fn add_token(&self, token: TokenRow) -> Result<(), StoreError> {
        let statement = |write: i64| {
            let insert = concat!(
                "WITH ",
                insert_token!("$1", "$2", "$3", "$4", "$5", "$6", "$7"),
                ", ",
                record!("$8"),
                " SELECT 1"
            );
            bind_token(sqlx::query(insert), &token).bind(write)
        };
        self.write(statement).await.map(drop)
    }

    pub(in crate::store) async fn principal(
        &self,
        hash: &Hash,
    ) -> Result<Option<Principal>, StoreError> {
        let statement = || sqlx::query(principal!("", "")).bind(hash.as_bytes());
        let rows = self.repeatable(statement).await?;
        rows.first().map(principal).transpose()
    }

    pub(in crate::store) async fn read_secret(
        &self,
        hash: &Hash,
        key: Option<KeyName>,
    ) -> Result<Option<(Principal, Option<SecretRecord>)>, StoreError> {
        let Some(key) = key else {
            let principal = self.principal(hash).await?;
            return Ok(principal.map(|principal| (principal, None)));
        };
        let statement = || {
            sqlx::query(principal!(
                ", secrets.version, secrets.created_at, secrets.updated_at, secrets.expires_at, \
                 secrets.value, secrets.nonce",
                concat!(
                    "LEFT JOIN secrets ON secrets.organization = organizations.id \
                     AND secrets.key_epoch = organizations.key_epoch AND secrets.key = $2 \
                     AND (secrets.expires_at IS NULL OR secrets.expires_at > ",
                    now!(),
                    ")"
                )
            ))
            .bind(hash.as_bytes())
            .bind(key.as_str())
        };
        let rows = self.repeatable(statement).await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let principal = principal(row)?;
        let version: Option<i64> = get(row, PRINCIPAL)?;
        let record = match version {
            Some(_) => {
                let (dates, ciphertext) = (dates(row, PRINCIPAL)?, ciphertext(row, PRINCIPAL + 4)?);
                Some(dates.record(key, principal.tenant.key_epoch, ciphertext))
            }
            None => None,
        };
        Ok(Some((principal, record)))
    }

    pub(in crate::store) async fn revoke(
        &self,
        account: AccountId,
        kind: TokenKind,
    ) -> Result<(), StoreError> {
        let statement = |write: i64| {
            let delete = concat!(
                "WITH deleted AS (DELETE FROM tokens WHERE account = $1 AND kind = $2), ",
                record!("$3"),
                " SELECT 1"
            );
            sqlx::query(delete)
                .bind(account.0)
                .bind(kind.as_str())
                .bind(write)
        };
        self.write(statement).await.map(drop)
    }

    #[cfg(feature = "faults")]
    pub(in crate::store) async fn forget_tokens(&self, api_tokens: bool) -> Result<(), StoreError> {
        let statement = || {
            sqlx::query("DELETE FROM tokens WHERE kind = $1 OR $2")
                .bind(TokenKind::Access.as_str())
                .bind(api_tokens)
        };
        self.repeatable(statement).await.map(drop)
    }
}

fn principal(row: &PgRow) -> Result<Principal, StoreError> {
    Ok(Principal {
        kind: TokenKind::of(get(row, 0)?),
        account: AccountId(get(row, 1)?),
        tenant: Tenant {
            organization: OrganizationId(get(row, 2)?),
            key_epoch: KeyEpoch(get(row, 3)?),
        },
        scopes: parse_scopes(get(row, 4)?),
    })
}
