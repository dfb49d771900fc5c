//! The record of administrative acts.

use helvetisafe_proto::endpoint::organization::AuditRecord;

use super::{Postgres, get, only};
use crate::store::audit::ActRow;
use crate::store::{Moment, OrganizationId, StoreError};

/// Returns the SQL that records an act of `caller!` in the statement of what it does. `$rows` has to name `caller`: the act
/// is recorded if there is a row.
macro_rules! audit {
    ($id:literal, $act:literal, $subject:expr, $detail:expr, $rows:literal) => {
        concat!(
            "audited AS (INSERT INTO audit (id, organization, at, actor, act, subject, detail) SELECT ",
            $id,
            ", caller.organization, ",
            now!(),
            ", caller.id, '",
            $act,
            "', ",
            $subject,
            ", ",
            $detail,
            " FROM ",
            $rows,
            ")"
        )
    };
}
pub(super) use audit;

impl Postgres {
    pub(in crate::store) async fn has_act(
        &self,
        organization: OrganizationId,
        id: i64,
    ) -> Result<bool, StoreError> {
        let statement = || {
            let select = "SELECT EXISTS (SELECT 1 FROM audit WHERE id = $1 AND organization = $2)";
            sqlx::query(select).bind(id).bind(organization.0)
        };
        let rows = self.repeatable(statement).await?;
        get(only(&rows)?, 0)
    }

    pub(in crate::store) async fn audit(
        &self,
        organization: OrganizationId,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let statement = || {
            sqlx::query(
                "SELECT audit.id, audit.at, accounts.client_id, audit.act, audit.subject, audit.detail \
                 FROM audit LEFT JOIN accounts ON accounts.id = audit.actor \
                 WHERE audit.organization = $1 AND ($2::bigint IS NULL OR (audit.at, audit.id) < \
                 (SELECT at, id FROM audit WHERE id = $2 AND organization = $1)) \
                 ORDER BY audit.at DESC, audit.id DESC LIMIT $3",
            )
            .bind(organization.0)
            .bind(before)
            .bind(i64::from(limit))
        };
        let rows = self.repeatable(statement).await?;
        let record = |row| {
            Ok(ActRow {
                id: get(row, 0)?,
                at: Moment(get(row, 1)?),
                actor: get(row, 2)?,
                act: get(row, 3)?,
                subject: get(row, 4)?,
                detail: get(row, 5)?,
            }
            .into())
        };
        rows.iter().map(record).collect()
    }
}
