//! The record of administrative acts.

use helvetisafe_proto::endpoint::organization::AuditRecord;
use rusqlite::{Connection, params};

use super::Sqlite;
use crate::store::audit::{Act, ActRow};
use crate::store::{Moment, OrganizationId, StoreError};

/// Records an act in the transaction of what it does.
pub(super) fn insert_act(connection: &Connection, act: &Act) -> Result<(), rusqlite::Error> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO audit (id, organization, at, actor, act, subject, detail) \
         VALUES (random(), ?, ?, ?, ?, ?, ?)",
    )?;
    statement.execute(params![
        act.organization.0,
        Moment::now().0,
        act.actor.map(|account| account.0),
        act.act,
        act.subject,
        act.detail,
    ])?;
    Ok(())
}

impl Sqlite {
    pub(in crate::store) fn has_act(
        &self,
        organization: OrganizationId,
        id: i64,
    ) -> Result<bool, StoreError> {
        self.read(|connection| {
            let select = "SELECT EXISTS (SELECT 1 FROM audit WHERE id = ? AND organization = ?)";
            connection.query_row(select, [id, organization.0], |row| row.get(0))
        })
    }

    pub(in crate::store) fn audit(
        &self,
        organization: OrganizationId,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT audit.id, audit.at, accounts.client_id, audit.act, audit.subject, audit.detail \
                 FROM audit LEFT JOIN accounts ON accounts.id = audit.actor \
                 WHERE audit.organization = ?1 AND (?2 IS NULL OR (audit.at, audit.id) < \
                 (SELECT at, id FROM audit WHERE id = ?2 AND organization = ?1)) \
                 ORDER BY audit.at DESC, audit.id DESC LIMIT ?3",
            )?;
            let rows = statement.query_map(params![organization.0, before, limit], |row| {
                Ok(ActRow {
                    id: row.get(0)?,
                    at: Moment(row.get(1)?),
                    actor: row.get(2)?,
                    act: row.get(3)?,
                    subject: row.get(4)?,
                    detail: row.get(5)?,
                }
                .into())
            })?;
            rows.collect()
        })
    }
}
