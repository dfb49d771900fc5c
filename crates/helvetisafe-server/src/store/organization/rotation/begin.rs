//! The beginning of a rotation.

use std::time::Duration;

use helvetisafe_proto::ErrorCode;
use helvetisafe_proto::endpoint::organization::RotationState;

use super::Rotation;
use crate::store::act::{ActError, Decision, Record, Statement, count};
use crate::store::audit::hex;
use crate::store::caller::{AccountAct, Caller};
use crate::store::organization::chain;
use crate::store::{Grant, KeyEpoch, Moment};

/// The beginning of a rotation. It resumes one of the same id, and replaces one whose lease has ended.
pub(crate) struct BeginRotationAct {
    pub(crate) grant: Grant,
    pub(crate) id: i64,
    pub(crate) to_epoch: KeyEpoch,
    pub(crate) lease: Duration,
}

impl AccountAct for BeginRotationAct {
    type Outcome = RotationState;

    fn grant(&self) -> &Grant {
        &self.grant
    }

    fn queries(&self, _: Moment) -> Vec<Statement> {
        let organization = self.grant.tenant.organization;
        vec![
            chain::positions(organization),
            Rotation::in_progress(organization),
            Statement::new("SELECT count(*) FROM rotations WHERE id = $1").bind(self.id),
        ]
    }

    fn decide(
        &self,
        caller: &Caller,
        now: Moment,
        found: &[Vec<Record>],
    ) -> Decision<RotationState> {
        if chain::next_position(&found[0])? == 0 {
            return Err(ErrorCode::NoChain.into());
        }
        let present = found[1].first().map(Rotation::read).transpose()?;
        let begun = Rotation {
            id: self.id,
            to_epoch: self.to_epoch,
            started_by: caller.account,
            starter: caller.client_id.clone(),
            created_at: now,
            lease_until: now.after(self.lease),
            status: "begun".to_owned(),
        };
        let mut statements = Vec::new();
        if let Some(present) = present {
            let is_leased = present.lease_until > now;
            let is_own = present.started_by == caller.account;
            match (present.id == self.id, is_leased && !is_own) {
                (true, false) => return self.resume(caller, present, begun, now),
                (false, _) if !is_leased => statements.push(present.end("replaced", now)),
                _ => return Err(ErrorCode::RotationInProgress.into()),
            }
        }
        if count(&found[2])? > 0 {
            return Err(ErrorCode::IdTaken.into());
        }
        if self.to_epoch.0 != caller.key_epoch.0.saturating_add(1) {
            return Err(ErrorCode::KeyEpochMismatch.into());
        }
        statements.push(self.insert(&begun));
        statements.push(self.audit(caller, None, now)?);
        Ok((statements, begun.into_state()))
    }
}

impl BeginRotationAct {
    /// Extends the lease of a rotation. It passes to the caller if another account has begun it.
    fn resume(
        &self,
        caller: &Caller,
        present: Rotation,
        begun: Rotation,
        now: Moment,
    ) -> Decision<RotationState> {
        if present.to_epoch != self.to_epoch {
            return Err(ErrorCode::IdTaken.into());
        }
        let update =
            Statement::new("UPDATE rotations SET started_by = $1, lease_until = $2 WHERE id = $3");
        let update = update
            .bind(begun.started_by.0)
            .bind(begun.lease_until)
            .bind(self.id);
        let mut statements = vec![update];
        if present.started_by != begun.started_by {
            let detail = format!("taken over from {}", present.starter);
            statements.push(self.audit(caller, Some(detail), now)?);
        }
        let state = Rotation {
            created_at: present.created_at,
            ..begun
        };
        Ok((statements, state.into_state()))
    }

    fn insert(&self, begun: &Rotation) -> Statement {
        Statement::new(
            "INSERT INTO rotations (id, organization, to_epoch, started_by, status, lease_until, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(begun.id)
        .bind(self.grant.tenant.organization.0)
        .bind(begun.to_epoch.0)
        .bind(begun.started_by.0)
        .bind(begun.status.as_str())
        .bind(begun.lease_until)
        .bind(begun.created_at)
    }

    fn audit(
        &self,
        caller: &Caller,
        detail: Option<String>,
        now: Moment,
    ) -> Result<Statement, ActError> {
        let detail = detail.unwrap_or_else(|| format!("epoch {}", self.to_epoch.0));
        let id = hex(self.id).to_string();
        caller.audit("rotation.begin", &id, Some(detail), now)
    }
}
