//! The API tokens that accounts make for themselves.

use helvetisafe_proto::Scopes;
use helvetisafe_proto::endpoint::organization::ApiTokenRecord;
use jiff::Timestamp;

use super::act::{Decision, Record, Statement, count};
use super::audit::hex;
use super::caller::{AccountAct, Caller};
use super::token::{TokenKind, parse_scopes};
use super::{AccountId, Grant, Moment, Store, StoreError};
use crate::token::Hash;

/// An API token that a client made for its account.
pub(crate) struct NewApiTokenRow {
    pub(crate) hash: Hash,
    /// Its random id.
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) scopes: Scopes,
    pub(crate) expires_at: Option<Moment>,
}

/// An API token in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiTokenRow {
    pub(crate) id: i64,
    pub(crate) name: Option<String>,
    pub(crate) scopes: Scopes,
    /// `None` or 1970 in rows of the first versions.
    pub(crate) created_at: Option<Moment>,
    pub(crate) expires_at: Option<Moment>,
}

/// The creation of an API token of the caller's account.
pub(crate) struct CreateApiTokenAct {
    pub(crate) grant: Grant,
    pub(crate) token: NewApiTokenRow,
}

impl AccountAct for CreateApiTokenAct {
    /// The token, also if a repeated request has created it; `None` if another token has its hash.
    type Outcome = Option<ApiTokenRow>;

    fn grant(&self) -> &Grant {
        &self.grant
    }

    fn queries(&self, _: Moment) -> Vec<Statement> {
        let select = "SELECT id, name, scopes, created_at, expires_at, account, kind FROM tokens WHERE hash = $1";
        vec![Statement::new(select).bind(self.token.hash)]
    }

    fn decide(
        &self,
        caller: &Caller,
        now: Moment,
        found: &[Vec<Record>],
    ) -> Decision<Option<ApiTokenRow>> {
        if let Some(row) = found[0].first() {
            let is_own = row.integer(5)? == caller.account.0
                && TokenKind::of(row.text(6)?) == TokenKind::Api;
            let found = api_token(row)?;
            return Ok((
                Vec::new(),
                (is_own && found.is_like(&self.token)).then_some(found),
            ));
        }
        let token = &self.token;
        let (id, detail) = (hex(token.id), format!("{}: {}", token.name, token.scopes));
        let statements = vec![
            token.insert(caller.account, now),
            caller.audit("token.create", &id.to_string(), Some(detail), now)?,
        ];
        Ok((statements, Some(token.created(now))))
    }
}

/// The revocation of an API token of the caller's account.
pub(crate) struct RevokeApiTokenAct {
    pub(crate) grant: Grant,
    pub(crate) id: i64,
}

impl AccountAct for RevokeApiTokenAct {
    /// False if the account never had a token of this id.
    type Outcome = bool;

    fn grant(&self) -> &Grant {
        &self.grant
    }

    fn queries(&self, _: Moment) -> Vec<Statement> {
        vec![
            Statement::new(
                "SELECT tokens.name FROM tokens JOIN tokens AS credential ON credential.account = tokens.account \
                 WHERE tokens.id = $1 AND tokens.kind = 'api' AND credential.hash = $2",
            )
            .bind(self.id)
            .bind(self.grant.token),
            Statement::new(
                "SELECT count(*) FROM audit JOIN tokens AS credential ON credential.account = audit.actor \
                 WHERE audit.organization = $1 AND audit.act = 'token.revoke' AND audit.subject = $2 \
                 AND credential.hash = $3",
            )
            .bind(self.grant.tenant.organization.0)
            .bind(hex(self.id).to_string())
            .bind(self.grant.token),
        ]
    }

    fn decide(&self, caller: &Caller, now: Moment, found: &[Vec<Record>]) -> Decision<bool> {
        let Some(row) = found[0].first() else {
            return Ok((Vec::new(), count(&found[1])? > 0));
        };
        let name = row.optional_text(0)?.map(str::to_owned);
        let statements = vec![
            Statement::new("DELETE FROM tokens WHERE id = $1 AND account = $2 AND kind = 'api'")
                .bind(self.id)
                .bind(caller.account.0),
            caller.audit("token.revoke", &hex(self.id).to_string(), name, now)?,
        ];
        Ok((statements, true))
    }
}

impl Store {
    /// Returns the valid API tokens of an account, in the order of their creation.
    pub(crate) async fn api_tokens(
        &self,
        account: AccountId,
    ) -> Result<Vec<ApiTokenRow>, StoreError> {
        let now = self.now().await?;
        let select = Statement::new(
            "SELECT id, name, scopes, created_at, expires_at FROM tokens WHERE account = $1 AND kind = 'api' \
             AND (expires_at IS NULL OR expires_at > $2) ORDER BY coalesce(created_at, 0), id",
        );
        let rows = self.records(select.bind(account.0).bind(now)).await?;
        rows.iter().map(api_token).collect()
    }
}

impl NewApiTokenRow {
    fn insert(&self, account: AccountId, now: Moment) -> Statement {
        Statement::new(
            "INSERT INTO tokens (hash, id, kind, account, scopes, name, created_at, expires_at) \
             VALUES ($1, $2, 'api', $3, $4, $5, $6, $7)",
        )
        .bind(self.hash)
        .bind(self.id)
        .bind(account.0)
        .bind(self.scopes.to_string())
        .bind(self.name.as_str())
        .bind(now)
        .bind(self.expires_at.map(|time| time.0))
    }

    fn created(&self, now: Moment) -> ApiTokenRow {
        ApiTokenRow {
            id: self.id,
            name: Some(self.name.clone()),
            scopes: self.scopes,
            created_at: Some(now),
            expires_at: self.expires_at,
        }
    }
}

impl ApiTokenRow {
    /// Returns true if a repeated request has created it.
    fn is_like(&self, token: &NewApiTokenRow) -> bool {
        let sent = (Some(token.name.as_str()), token.scopes, token.expires_at);
        (self.name.as_deref(), self.scopes, self.expires_at) == sent
    }
}

fn api_token(row: &Record) -> Result<ApiTokenRow, StoreError> {
    Ok(ApiTokenRow {
        id: row.integer(0)?,
        name: row.optional_text(1)?.map(str::to_owned),
        scopes: parse_scopes(row.text(2)?),
        created_at: row.optional_integer(3)?.map(Moment),
        expires_at: row.optional_integer(4)?.map(Moment),
    })
}

impl From<ApiTokenRow> for ApiTokenRecord {
    fn from(row: ApiTokenRow) -> Self {
        let created_at = row.created_at.filter(|time| time.0 != 0);
        Self {
            id: hex(row.id),
            name: row.name,
            scopes: row.scopes.into(),
            created_at: created_at.map(Timestamp::from),
            expires_at: row.expires_at.map(Timestamp::from),
        }
    }
}
