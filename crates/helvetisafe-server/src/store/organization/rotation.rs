//! The beginning and the end of rotations, which replace the org key of an organization.

use std::collections::BTreeMap;
use std::time::Duration;

use helvetisafe_crypto::organization::{Entry, Event};
use helvetisafe_proto::ErrorCode;
use helvetisafe_proto::endpoint::organization::RotationState;

use super::chain::check_position;
use super::{ChainEntry, chain, insert_key};
use crate::store::act::{Act, ActError, Context, Decision, Lock, Record, Statement, count};
use crate::store::audit::hex;
use crate::store::caller::{AccountAct, Caller, caller};
use crate::store::rotation::unstaged_secrets;
use crate::store::{AccountId, Grant, KeyEpoch, Moment, OrganizationId, Store, StoreError};
use crate::token;

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

/// The commit of a rotation: its epoch becomes the present one.
pub(crate) struct CommitRotationAct {
    pub(crate) grant: Grant,
    pub(crate) id: i64,
    pub(crate) entry: Entry,
    /// The result of checking the entry against the chain. If it was appended before, it does not matter.
    pub(crate) checked: Result<(), ActError>,
    /// The wrapped org key of each account, by its client id.
    pub(crate) wraps: BTreeMap<String, String>,
    /// The sealed secret of each open invitation, by its id.
    pub(crate) invitations: BTreeMap<[u8; 32], Resealed>,
}

/// The secret of an invitation, sealed under the next org key.
pub(crate) struct Resealed {
    pub(crate) key_epoch: KeyEpoch,
    /// The base64 of the nonce and of the sealed secret.
    pub(crate) nonce: String,
    pub(crate) sealed: String,
    /// The signature of the terms with the next epoch.
    pub(crate) signature: Vec<u8>,
}

impl Act for CommitRotationAct {
    type Outcome = KeyEpoch;

    fn lock(&self) -> Lock {
        Lock::Organization(self.grant.tenant.organization)
    }

    fn queries(&self, now: Moment) -> Vec<Statement> {
        let organization = self.grant.tenant.organization;
        vec![
            caller(&self.grant, now),
            Rotation::of_id(self.id, organization),
            ChainEntry::from(&self.entry).stored(organization),
            chain::positions(organization),
            Statement::new(concat!(
                "SELECT count(*)",
                unstaged_secrets!("$1", "$2", "$3")
            ))
            .bind(self.id)
            .bind(organization.0)
            .bind(now),
            Statement::new(
                "SELECT client_id, id FROM accounts WHERE organization = $1 AND status = 'active'",
            )
            .bind(organization.0),
            Statement::new(
                "SELECT secret_hash, id FROM invitations WHERE organization = $1 \
                 AND status IN ('pending', 'joined') AND expires_at > $2",
            )
            .bind(organization.0)
            .bind(now),
        ]
    }

    fn decide(&self, context: Context, found: &[Vec<Record>]) -> Decision<KeyEpoch> {
        let caller = Caller::read(&self.grant, &found[0])?;
        let rotation = found[1].first().ok_or(ErrorCode::RecordNotFound)?;
        let rotation = Rotation::read(rotation)?;
        if rotation.status == "committed" {
            return match ChainEntry::from(&self.entry).is_stored(&found[2])? {
                true => Ok((Vec::new(), rotation.to_epoch)),
                false => Err(ErrorCode::IdTaken.into()),
            };
        }
        if !rotation.is_in_progress() {
            return Err(ErrorCode::RecordNotFound.into());
        }
        if rotation.started_by != caller.account {
            return Err(ErrorCode::RotationInProgress.into());
        }
        self.check_entry(&caller, &found[3])?;
        if count(&found[4])? > 0 {
            return Err(ErrorCode::SecretsUnstaged.into());
        }
        let accounts = self.accounts(&found[5])?;
        let invitations = self.open_invitations(&found[6])?;
        if invitations
            .values()
            .any(|it| it.key_epoch != rotation.to_epoch)
        {
            return Err(ActError::Invalid("invitations"));
        }
        let mut statements = self.move_epoch(&rotation, context.now)?;
        for (account, key) in accounts {
            statements.push(insert_key(account, rotation.to_epoch, key));
        }
        statements.extend(invitations.into_iter().map(|(id, sealed)| sealed.store(id)));
        statements.push(self.audit(&caller, &rotation, context.now)?);
        Ok((statements, rotation.to_epoch))
    }
}

impl CommitRotationAct {
    fn check_entry(&self, caller: &Caller, positions: &[Record]) -> Result<(), ActError> {
        let entries = std::slice::from_ref(&self.entry);
        let is_rotation = matches!(self.entry.event(), Event::Rotation { .. });
        if !is_rotation || !caller.has_signed(entries) {
            return Err(ActError::Invalid("entry"));
        }
        self.checked.clone()?;
        check_position(entries, positions)
    }

    /// Returns the active accounts with their wraps, which have to be exactly those of the request.
    fn accounts(&self, rows: &[Record]) -> Result<Vec<(AccountId, &str)>, ActError> {
        let mut accounts = Vec::new();
        for row in rows {
            let wrap = self.wraps.get(row.text(0)?);
            let wrap = wrap.ok_or(ErrorCode::MembersChanged)?;
            accounts.push((AccountId(row.integer(1)?), wrap.as_str()));
        }
        match accounts.len() == self.wraps.len() {
            true => Ok(accounts),
            false => Err(ErrorCode::MembersChanged.into()),
        }
    }

    /// Returns the open invitations with their sealed secrets, which have to be exactly those of the request.
    fn open_invitations(&self, rows: &[Record]) -> Result<BTreeMap<i64, &Resealed>, ActError> {
        let mut invitations = BTreeMap::new();
        for row in rows {
            let sealed = self.invitations.get(&row.array(0)?);
            invitations.insert(row.integer(1)?, sealed.ok_or(ErrorCode::MembersChanged)?);
        }
        match invitations.len() == self.invitations.len() {
            true => Ok(invitations),
            false => Err(ErrorCode::MembersChanged.into()),
        }
    }

    /// Returns the statements that make the next epoch the present one, with its staged secrets and no others.
    fn move_epoch(&self, rotation: &Rotation, now: Moment) -> Result<Vec<Statement>, ActError> {
        let organization = self.grant.tenant.organization;
        let random = token::generate_id().map_err(|error| StoreError::Failed(error.to_string()))?;
        Ok(vec![
            // Rows of other rotations, and of secrets that were deleted since they were staged.
            Statement::new(
                "DELETE FROM secrets WHERE organization = $1 AND key_epoch = $2 AND (write_id <> $3 \
                 OR NOT EXISTS (SELECT 1 FROM secrets AS present WHERE present.organization = $1 \
                 AND present.key_epoch = $2 - 1 AND present.key = secrets.key \
                 AND present.version = secrets.based_on))",
            )
            .bind(organization.0)
            .bind(rotation.to_epoch.0)
            .bind(rotation.id),
            Statement::new("UPDATE organizations SET key_epoch = $1 WHERE id = $2")
                .bind(rotation.to_epoch.0)
                .bind(organization.0),
            Statement::new(
                "UPDATE list_versions SET n = $1 WHERE organization = $2 AND shard = 0",
            )
            .bind(random)
            .bind(organization.0),
            ChainEntry::from(&self.entry).insert(organization),
            rotation.end("committed", now),
        ])
    }

    fn audit(
        &self,
        caller: &Caller,
        rotation: &Rotation,
        now: Moment,
    ) -> Result<Statement, ActError> {
        caller.audit(
            "rotation.commit",
            &hex(rotation.id).to_string(),
            Some(format!("epoch {}", rotation.to_epoch.0)),
            now,
        )
    }
}

impl Resealed {
    fn store(&self, invitation: i64) -> Statement {
        Statement::new(
            "UPDATE invitations SET key_epoch = $1, sealed_nonce = $2, sealed_secret = $3, signature = $4 \
             WHERE id = $5",
        )
        .bind(self.key_epoch.0)
        .bind(self.nonce.as_str())
        .bind(self.sealed.as_str())
        .bind(&self.signature[..])
        .bind(invitation)
    }
}

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
