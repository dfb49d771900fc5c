//! The commit of a rotation.

use std::collections::BTreeMap;

use helvetisafe_crypto::organization::{Entry, Event};
use helvetisafe_proto::ErrorCode;

use super::Rotation;
use crate::store::act::{Act, ActError, Context, Decision, Lock, Record, Statement, count};
use crate::store::audit::hex;
use crate::store::caller::{Caller, caller};
use crate::store::organization::chain::check_position;
use crate::store::organization::{ChainEntry, chain, insert_key};
use crate::store::rotation::unstaged_secrets;
use crate::store::{AccountId, Grant, KeyEpoch, Moment, StoreError};
use crate::token;

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
