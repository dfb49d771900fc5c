//! The end of a rotation without a commit.

use helvetisafe_proto::ErrorCode;

use super::Rotation;
use crate::store::act::{Decision, Record, Statement};
use crate::store::audit::hex;
use crate::store::caller::{AccountAct, Caller};
use crate::store::{Grant, Moment};

/// The end of a rotation without a commit. Any administrator may end it.
pub(crate) struct AbandonRotationAct {
    pub(crate) grant: Grant,
    pub(crate) id: i64,
}

impl AccountAct for AbandonRotationAct {
    type Outcome = ();

    fn grant(&self) -> &Grant {
        &self.grant
    }

    fn queries(&self, _: Moment) -> Vec<Statement> {
        let organization = self.grant.tenant.organization;
        vec![Rotation::of_id(self.id, organization)]
    }

    fn decide(&self, caller: &Caller, now: Moment, found: &[Vec<Record>]) -> Decision<()> {
        let rotation = found[0].first().ok_or(ErrorCode::RecordNotFound)?;
        let rotation = Rotation::read(rotation)?;
        match rotation.status.as_str() {
            "begun" => {}
            "abandoned" => return Ok((Vec::new(), ())),
            _ => return Err(ErrorCode::RecordNotFound.into()),
        }
        let (id, detail) = (hex(self.id), format!("epoch {}", rotation.to_epoch.0));
        let statements = vec![
            rotation.end("abandoned", now),
            caller.audit("rotation.abandon", &id.to_string(), Some(detail), now)?,
        ];
        Ok((statements, ()))
    }
}
