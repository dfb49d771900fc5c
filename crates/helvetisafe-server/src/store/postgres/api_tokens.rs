//! The API tokens that accounts make for themselves.

use sqlx::postgres::PgRow;

use super::audit::audit;
use super::tokens::caller;
use super::writes::{Outcome, record};
use super::{Postgres, get, now, only, random};
use crate::store::audit::hex;
use crate::store::token::{ApiTokenRow, NewApiTokenRow, parse_scopes};
use crate::store::{AccountId, Moment, StoreError};
use crate::token::Hash;

impl Postgres {
    pub(in crate::store) async fn create_api_token(
        &self,
        credential: Hash,
        token: NewApiTokenRow,
    ) -> Result<Option<ApiTokenRow>, StoreError> {
        let (act, row) = (random()?, token.row());
        let statement = |write: i64| {
            let insert = concat!(
                "WITH ",
                caller!(),
                ", inserted AS (INSERT INTO tokens \
                 (hash, id, kind, account, scopes, name, created_at, expires_at) \
                 SELECT $2, $3, 'api', caller.id, $4, $5, ",
                now!(),
                ", $6 FROM caller ON CONFLICT (hash) DO NOTHING RETURNING created_at), ",
                audit!("$7", "token.create", "$8", "$9", "caller, inserted"),
                ", ",
                record!("$10", "NULL::bigint", " FROM inserted"),
                " SELECT (SELECT id FROM caller), (SELECT created_at FROM inserted)"
            );
            sqlx::query(insert)
                .bind(credential.as_bytes())
                .bind(token.hash.as_bytes())
                .bind(row.id)
                .bind(row.scopes.to_string())
                .bind(&row.name)
                .bind(row.expires_at.map(|time| time.0))
                .bind(act)
                .bind(hex(row.id).to_string())
                .bind(token.detail())
                .bind(write)
        };
        let (account, created_at) = match self.write(statement).await? {
            Outcome::Found(record) => (None, Some(record.at)),
            Outcome::Answered(rows) => {
                let row = only(&rows)?;
                let account: Option<i64> = get(row, 0)?;
                let created_at: Option<i64> = get(row, 1)?;
                let account = account.ok_or(StoreError::Revoked)?;
                (Some(AccountId(account)), created_at.map(Moment))
            }
        };
        match (account, created_at) {
            (Some(account), None) => self.same_api_token(account, &token).await,
            (_, created_at) => Ok(Some(ApiTokenRow { created_at, ..row })),
        }
    }

    /// Returns the token of this hash, if it is of this account and has the same content.
    async fn same_api_token(
        &self,
        account: AccountId,
        token: &NewApiTokenRow,
    ) -> Result<Option<ApiTokenRow>, StoreError> {
        let statement = || {
            sqlx::query(
                "SELECT id, name, scopes, created_at, expires_at FROM tokens \
                 WHERE hash = $1 AND account = $2 AND kind = 'api'",
            )
            .bind(token.hash.as_bytes())
            .bind(account.0)
        };
        let rows = self.repeatable(statement).await?;
        let found = rows.first().map(api_token).transpose()?;
        Ok(found.filter(|found| found.is_like(token)))
    }

    pub(in crate::store) async fn api_tokens(
        &self,
        account: AccountId,
    ) -> Result<Vec<ApiTokenRow>, StoreError> {
        let statement = || {
            sqlx::query(concat!(
                "SELECT id, name, scopes, created_at, expires_at FROM tokens \
                 WHERE account = $1 AND kind = 'api' AND (expires_at IS NULL OR expires_at > ",
                now!(),
                ") ORDER BY created_at, id"
            ))
            .bind(account.0)
        };
        let rows = self.repeatable(statement).await?;
        rows.iter().map(api_token).collect()
    }

    pub(in crate::store) async fn revoke_api_token(
        &self,
        credential: Hash,
        id: i64,
    ) -> Result<bool, StoreError> {
        let act = random()?;
        let statement = |write: i64| {
            let delete = concat!(
                "WITH ",
                caller!(),
                ", deleted AS (DELETE FROM tokens USING caller WHERE tokens.id = $2 \
                 AND tokens.account = caller.id AND tokens.kind = 'api' RETURNING tokens.name), ",
                audit!(
                    "$3",
                    "token.revoke",
                    "$4",
                    "deleted.name",
                    "caller, deleted"
                ),
                ", ",
                record!("$5", "NULL::bigint", " FROM deleted"),
                " SELECT (SELECT id FROM caller), EXISTS (SELECT 1 FROM deleted) OR EXISTS \
                 (SELECT 1 FROM audit, caller WHERE audit.organization = caller.organization \
                 AND audit.actor = caller.id AND audit.act = 'token.revoke' AND audit.subject = $4)"
            );
            sqlx::query(delete)
                .bind(credential.as_bytes())
                .bind(id)
                .bind(act)
                .bind(hex(id).to_string())
                .bind(write)
        };
        let rows = match self.write(statement).await? {
            Outcome::Found(_) => return Ok(true),
            Outcome::Answered(rows) => rows,
        };
        let row = only(&rows)?;
        let account: Option<i64> = get(row, 0)?;
        account.ok_or(StoreError::Revoked)?;
        get(row, 1)
    }
}

fn api_token(row: &PgRow) -> Result<ApiTokenRow, StoreError> {
    let created_at: i64 = get(row, 3)?;
    let expires_at: Option<i64> = get(row, 4)?;
    Ok(ApiTokenRow {
        id: get(row, 0)?,
        name: get(row, 1)?,
        scopes: parse_scopes(get(row, 2)?),
        created_at: Some(Moment(created_at)),
        expires_at: expires_at.map(Moment),
    })
}
