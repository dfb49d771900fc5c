//! Rotations, which replace the org key of an organization.

mod abandon;
mod begin;
mod commit;

use helvetisafe_proto::endpoint::organization::RotationState;

use crate::store::act::{Record, Statement};
use crate::store::audit::hex;
use crate::store::{AccountId, KeyEpoch, Moment, OrganizationId, Store, StoreError};

pub(crate) use abandon::AbandonRotationAct;
pub(crate) use begin::BeginRotationAct;
pub(crate) use commit::{CommitRotationAct, Resealed};

/// The columns of [`Rotation`].
macro_rules! columns {
    () => {
        "rotations.id, to_epoch, started_by, client_id, rotations.created_at, lease_until, rotations.status"
    };
}

/// A rotation as the database stores it.
struct Rotation {
    id: i64,
    to_epoch: KeyEpoch,
    started_by: AccountId,
    /// The client id of that account.
    starter: String,
    created_at: Moment,
    lease_until: Moment,
    /// `begun`, then `committed`, `abandoned` or `replaced`.
    status: String,
}

impl Rotation {
    fn read(row: &Record) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.integer(0)?,
            to_epoch: KeyEpoch(row.integer(1)?),
            started_by: AccountId(row.integer(2)?),
            starter: row.text(3)?.to_owned(),
            created_at: Moment(row.integer(4)?),
            lease_until: Moment(row.integer(5)?),
            status: row.text(6)?.to_owned(),
        })
    }

    /// Returns the query of the rotation in progress.
    fn in_progress(organization: OrganizationId) -> Statement {
        Statement::new(concat!(
            "SELECT ",
            columns!(),
            " FROM rotations JOIN accounts ON accounts.id = started_by \
             WHERE rotations.organization = $1 AND ended_at IS NULL"
        ))
        .bind(organization.0)
    }

    /// Returns the query of a rotation of any status.
    fn of_id(id: i64, organization: OrganizationId) -> Statement {
        Statement::new(concat!(
            "SELECT ",
            columns!(),
            " FROM rotations JOIN accounts ON accounts.id = started_by \
             WHERE rotations.id = $1 AND rotations.organization = $2"
        ))
        .bind(id)
        .bind(organization.0)
    }

    fn is_in_progress(&self) -> bool {
        self.status == "begun"
    }

    /// Returns the statement that ends it.
    fn end(&self, status: &str, now: Moment) -> Statement {
        Statement::new("UPDATE rotations SET status = $1, ended_at = $2 WHERE id = $3")
            .bind(status)
            .bind(now)
            .bind(self.id)
    }

    fn into_state(self) -> RotationState {
        RotationState {
            id: hex(self.id),
            to_epoch: self.to_epoch.number(),
            started_by: self.starter,
            created_at: self.created_at.into(),
            lease_until: self.lease_until.into(),
        }
    }
}

impl Store {
    /// Returns the rotation in progress.
    pub(crate) async fn rotation(
        &self,
        organization: OrganizationId,
    ) -> Result<Option<RotationState>, StoreError> {
        let rows = self.records(Rotation::in_progress(organization)).await?;
        let rotation = rows.first().map(Rotation::read).transpose()?;
        Ok(rotation.map(Rotation::into_state))
    }
}
