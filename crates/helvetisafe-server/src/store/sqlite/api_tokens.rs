//! The API tokens that accounts make for themselves.

use rusqlite::{OptionalExtension, Row, params};

use super::Sqlite;
use super::audit::insert_act;
use super::tokens::select_caller;
use super::writer::Batch;
use crate::store::audit::{Act, hex};
use crate::store::token::{ApiTokenRow, NewApiTokenRow, parse_scopes};
use crate::store::{AccountId, Moment, Principal, StoreError};
use crate::token::Hash;

impl Sqlite {
    pub(in crate::store) async fn create_api_token(
        &self,
        credential: Hash,
        token: NewApiTokenRow,
    ) -> Result<Option<ApiTokenRow>, StoreError> {
        self.write(move |connection| create(connection, &credential, &token))
            .await
    }

    pub(in crate::store) fn api_tokens(
        &self,
        account: AccountId,
    ) -> Result<Vec<ApiTokenRow>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, name, scopes, created_at, expires_at FROM tokens \
                 WHERE account = ? AND kind = 'api' AND (expires_at IS NULL OR expires_at > ?) \
                 ORDER BY coalesce(created_at, 0), id",
            )?;
            let rows = statement.query_map([account.0, Moment::now().0], api_token)?;
            rows.collect()
        })
    }

    pub(in crate::store) async fn revoke_api_token(
        &self,
        credential: Hash,
        id: i64,
    ) -> Result<bool, StoreError> {
        self.write(move |connection| revoke(connection, &credential, id))
            .await
    }
}

fn create(
    connection: &Batch<'_>,
    credential: &Hash,
    token: &NewApiTokenRow,
) -> Result<Option<ApiTokenRow>, StoreError> {
    let caller = select_caller(connection, credential)?;
    let row = ApiTokenRow {
        created_at: Some(Moment::now()),
        ..token.row()
    };
    let inserted = connection.execute(
        "INSERT INTO tokens (hash, id, kind, account, scopes, name, created_at, expires_at) \
         VALUES (?, ?, 'api', ?, ?, ?, ?, ?) ON CONFLICT (hash) DO NOTHING",
        params![
            token.hash.as_bytes(),
            row.id,
            caller.account.0,
            row.scopes.to_string(),
            row.name,
            row.created_at.map(|time| time.0),
            row.expires_at.map(|time| time.0),
        ],
    )?;
    if inserted == 0 {
        let select = "SELECT id, name, scopes, created_at, expires_at FROM tokens \
                      WHERE hash = ? AND account = ? AND kind = 'api'";
        let key = params![token.hash.as_bytes(), caller.account.0];
        let found = connection.query_row(select, key, api_token).optional()?;
        return Ok(found.filter(|found| found.is_like(token)));
    }
    insert_act(
        connection,
        &act(&caller, "token.create", row.id, token.detail()),
    )?;
    Ok(Some(row))
}

fn revoke(connection: &Batch<'_>, credential: &Hash, id: i64) -> Result<bool, StoreError> {
    let caller = select_caller(connection, credential)?;
    let delete = "DELETE FROM tokens WHERE id = ? AND account = ? AND kind = 'api' RETURNING name";
    let key = [id, caller.account.0];
    let deleted: Option<Option<String>> = connection
        .query_row(delete, key, |row| row.get(0))
        .optional()?;
    if let Some(name) = deleted {
        insert_act(connection, &act(&caller, "token.revoke", id, name))?;
        return Ok(true);
    }
    let select = "SELECT EXISTS (SELECT 1 FROM audit WHERE organization = ? AND actor = ? \
                  AND act = 'token.revoke' AND subject = ?)";
    let revoked = params![
        caller.tenant.organization.0,
        caller.account.0,
        hex(id).to_string()
    ];
    Ok(connection.query_row(select, revoked, |row| row.get(0))?)
}

fn act(caller: &Principal, act: &'static str, id: i64, detail: Option<String>) -> Act {
    Act {
        organization: caller.tenant.organization,
        actor: Some(caller.account),
        act,
        subject: hex(id).to_string(),
        detail,
    }
}

fn api_token(row: &Row) -> Result<ApiTokenRow, rusqlite::Error> {
    Ok(ApiTokenRow {
        id: row.get(0)?,
        name: row.get(1)?,
        scopes: parse_scopes(row.get_ref(2)?.as_str()?),
        created_at: row.get::<_, Option<i64>>(3)?.map(Moment),
        expires_at: row.get::<_, Option<i64>>(4)?.map(Moment),
    })
}
