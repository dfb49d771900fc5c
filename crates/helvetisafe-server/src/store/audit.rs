//! The record of administrative acts. It holds no secret.

use helvetisafe_proto::Hex;
use helvetisafe_proto::endpoint::organization::AuditRecord;

use super::act::{ActError, Record, Statement, count};
use super::{AccountId, Moment, OrganizationId, Store, StoreError};
use crate::token;

/// Returns the statement that records an act: its kind, such as `token.create`, the id of its subject, and more about it
/// for people. `actor` is `None` for the operator, and for a person who joins.
pub(super) fn audit(
    organization: OrganizationId,
    actor: Option<AccountId>,
    act: &'static str,
    subject: &str,
    detail: Option<String>,
    now: Moment,
) -> Result<Statement, ActError> {
    let id = token::generate_id().map_err(|error| StoreError::Failed(error.to_string()))?;
    let insert = Statement::new(
        "INSERT INTO audit (id, organization, at, actor, act, subject, detail) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(id)
    .bind(organization.0)
    .bind(now)
    .bind(actor.map(|account| account.0))
    .bind(act)
    .bind(subject)
    .bind(detail);
    Ok(insert)
}

impl Store {
    /// Returns true if the organization has an act of this id.
    pub(crate) async fn has_act(
        &self,
        organization: OrganizationId,
        id: i64,
    ) -> Result<bool, StoreError> {
        let select = "SELECT count(*) FROM audit WHERE id = $1 AND organization = $2";
        let select = Statement::new(select).bind(id).bind(organization.0);
        Ok(count(&self.records(select).await?)? > 0)
    }

    /// Returns at most `limit` acts of an organization, the newest first, from the one after `before` on.
    pub(crate) async fn audit(
        &self,
        organization: OrganizationId,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let select = Statement::new(
            "SELECT audit.id, audit.at, accounts.client_id, audit.act, audit.subject, audit.detail \
             FROM audit LEFT JOIN accounts ON accounts.id = audit.actor \
             WHERE audit.organization = $1 AND (CAST($2 AS bigint) IS NULL OR (audit.at, audit.id) < \
             (SELECT at, id FROM audit WHERE id = $2 AND organization = $1)) \
             ORDER BY audit.at DESC, audit.id DESC LIMIT $3",
        )
        .bind(organization.0)
        .bind(before)
        .bind(i64::from(limit));
        self.records(select).await?.iter().map(record).collect()
    }
}

fn record(row: &Record) -> Result<AuditRecord, StoreError> {
    Ok(AuditRecord {
        id: hex(row.integer(0)?),
        at: Moment(row.integer(1)?).into(),
        actor: row.optional_text(2)?.map(str::to_owned),
        act: row.text(3)?.to_owned(),
        subject: row.optional_text(4)?.map(str::to_owned),
        detail: row.optional_text(5)?.map(str::to_owned),
    })
}

/// Returns an id as it is sent.
pub(crate) fn hex(id: i64) -> Hex<8> {
    id.to_be_bytes().into()
}

/// Returns an id as it is stored.
pub(crate) fn stored_id(id: Hex<8>) -> i64 {
    i64::from_be_bytes(id.to_bytes())
}
