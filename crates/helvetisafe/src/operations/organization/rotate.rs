//! Replaces the org key: each secret is sealed again and staged, and a commit makes the new key the present one. Nothing that
//! others read changes before the commit.

mod readers;
mod staging;

use std::sync::Arc;
use std::time::Duration;

use helvetisafe_crypto::WrappedOrgKey;
use helvetisafe_crypto::organization::{Chain, Entry};
use helvetisafe_proto::ErrorCode;
use helvetisafe_proto::endpoint::organization::{
    AbandonRotation, BeginRotation, CommitRotation, Commitment, GetRotation, ListUnstaged,
    NewRotation, RotationId, RotationState,
};

use super::Operation;
use super::change::Authority;
use crate::administration::{
    Administrator, NewOrgKey, Rotated, RotationCheck, RotationProgress, RotationStep,
};
use crate::error::{Error, ErrorKind, OrganizationAction, OrganizationCause};
use crate::keys::compute;
use crate::operations::Operations;
use crate::org_keys::ConfirmedKey;
use crate::runtime::Runtime;

const ACTION: OrganizationAction = OrganizationAction::Rotate;

/// The largest number of commits while others change secrets, members or invitations.
const ROUNDS: u32 = 10;

/// The first commit before which the vault holds the writes of others, so that no secret changes after the last staging.
const HELD: u32 = 3;

/// The pause after the first such commit. It doubles after each, and the last ones outlast the time for which the vault does not
/// hold writes again.
const PAUSE: Duration = Duration::from_millis(50);

impl<R: Runtime> Operations<'_, R> {
    /// Replaces the org key. Each step has the timeout of an operation.
    pub(crate) async fn rotate(
        &self,
        administrator: &Administrator<'_>,
        new: &NewOrgKey,
        mut progress: impl FnMut(RotationProgress),
    ) -> Result<Rotated, Error> {
        let old = match self.begin().begin_rotation(administrator, new).await? {
            Step::Committed(rotated) => return Ok(rotated),
            Step::Next(old) => old,
        };
        let (mut staged, mut round, mut sent_at) = (0, 1, new.made_at);
        progress(all_sealed(RotationStep::Begun, staged));
        loop {
            self.stage_all(&old, new, &mut staged, &mut progress)
                .await?;
            let operation = self.begin();
            let prepared = operation.prepare_commit(administrator, new, sent_at);
            let prepared = match prepared.await? {
                Step::Committed(rotated) => return Ok(rotated),
                Step::Next(prepared) => prepared,
            };
            if round >= HELD {
                self.begin().hold_writes(new).await?;
                self.stage_all(&old, new, &mut staged, &mut progress)
                    .await?;
            }
            progress(all_sealed(RotationStep::Committing, staged));
            sent_at = sent_at.or(Some(prepared.chain_at));
            let outcome = self.begin().commit_rotation(prepared).await;
            match &outcome {
                Err(error) if is_overtaken(error) && round < ROUNDS => {}
                Err(error) if is_overtaken(error) && error.code().is_none() => {
                    let cause = OrganizationCause::Overtaken(round);
                    return Err(Error::new(ACTION, cause));
                }
                _ => return outcome,
            }
            if round >= HELD {
                let pause = PAUSE.saturating_mul(1 << (round - HELD));
                self.vault.api.runtime.sleep(pause, self.cancel).await;
            }
            progress(all_sealed(RotationStep::Sealing, staged));
            round += 1;
        }
    }

    /// Stages secrets until all are staged, or their number stops falling because others write. The commit then names the
    /// reason, or succeeds.
    async fn stage_all(
        &self,
        old: &ConfirmedKey,
        new: &NewOrgKey,
        staged: &mut u64,
        progress: &mut impl FnMut(RotationProgress),
    ) -> Result<(), Error> {
        let mut least = u64::MAX;
        while let Some(batch) = self.begin().stage(old, new, least).await? {
            least = batch.listed;
            *staged += batch.staged;
            let remaining = batch.listed.saturating_sub(batch.staged);
            progress(RotationProgress {
                step: RotationStep::Sealing,
                staged: *staged,
                remaining,
            });
            if remaining == 0 {
                break;
            }
        }
        Ok(())
    }
}

/// Returns the progress at the beginning of a step.
fn all_sealed(step: RotationStep, staged: u64) -> RotationProgress {
    RotationProgress {
        step,
        staged,
        remaining: 0,
    }
}

/// Returns true if others changed what the commit was made of. A server in between may leave out the code.
fn is_overtaken(error: &Error) -> bool {
    match error.code() {
        Some(code) => matches!(
            code,
            ErrorCode::SecretsUnstaged | ErrorCode::MembersChanged | ErrorCode::ChainMoved
        ),
        None => error.kind() == ErrorKind::Changed,
    }
}

/// The outcome of a step of a rotation.
enum Step<T> {
    Next(T),
    /// An earlier call has committed it.
    Committed(Rotated),
}

/// A commit, and its result if it succeeds.
struct Prepared {
    call: CommitRotation,
    /// The number of the newest entry of the chain for whose members the key is wrapped.
    chain_at: u64,
    rotated: Rotated,
}

impl<R: Runtime> Operation<'_, R> {
    pub(crate) async fn rotation(&self) -> Result<Option<RotationState>, Error> {
        let action = OrganizationAction::ReadRotation;
        Ok(self.organize(&GetRotation, action).await?.rotation)
    }

    pub(crate) async fn abandon_rotation(&self, id: RotationId) -> Result<(), Error> {
        let action = OrganizationAction::AbandonRotation;
        self.organize(&AbandonRotation { id }, action).await?;
        Ok(())
    }

    pub(crate) async fn remaining_secrets(&self, id: RotationId) -> Result<u64, Error> {
        let list = ListUnstaged { id, limit: 1 };
        let action = OrganizationAction::ReadRotation;
        Ok(self.organize(&list, action).await?.count)
    }

    /// Wraps a new org key for the public key of this account.
    pub(crate) fn wrap_new_key(&self, new: &NewOrgKey) -> Result<String, Error> {
        let own = self.vault.private_key().public_key();
        let wrapped = own.wrap_org_key(&new.key);
        Ok(wrapped.map_err(|error| Error::new(ACTION, error))?.encode())
    }

    pub(crate) async fn unwrap_new_key(
        &self,
        id: RotationId,
        wrapped: &str,
    ) -> Result<NewOrgKey, Error> {
        let own = Arc::clone(self.vault.private_key());
        let wrapped = WrappedOrgKey::decode(wrapped).map_err(|error| Error::new(ACTION, error))?;
        let unwrap = move || own.unwrap_org_key(&wrapped);
        let key = compute(&self.vault.api.runtime, ACTION.into(), unwrap).await?;
        Ok(NewOrgKey {
            id,
            key,
            made_at: None,
        })
    }

    /// Verifies all readers as a rotation does, which is not begun.
    pub(crate) async fn check_rotation(
        &self,
        administrator: &Administrator<'_>,
    ) -> Result<RotationCheck, Error> {
        let readers = self.readers(administrator).await?;
        let old = self.org_key(&readers.authority).await?;
        let opened = readers.open_invitations(&old)?;
        Ok(RotationCheck {
            members: readers.members.len(),
            invitations: opened.len(),
        })
    }

    /// Verifies all readers, and begins the rotation or resumes it. Returns the key of the present secrets.
    async fn begin_rotation(
        &self,
        administrator: &Administrator<'_>,
        new: &NewOrgKey,
    ) -> Result<Step<ConfirmedKey>, Error> {
        let readers = self.readers(administrator).await?;
        if let Some(rotated) = committed(&readers.authority.chain, new) {
            return Ok(Step::Committed(rotated));
        }
        check_unexposed(&readers.authority.chain, new.made_at)?;
        rotation_entry(&readers.authority, new)?;
        let old = self.org_key(&readers.authority).await?;
        readers.open_invitations(&old)?;
        let rotation = NewRotation {
            id: new.id,
            to_epoch: next_epoch(&readers.authority.chain),
        };
        self.organize(&BeginRotation { rotation }, ACTION).await?;
        Ok(Step::Next(old))
    }

    /// Verifies all readers again, wraps the new org key and seals the invitations for them, and signs. `sent_at` is the number of
    /// the newest entry of the chain when the key may have been sent first.
    async fn prepare_commit(
        &self,
        administrator: &Administrator<'_>,
        new: &NewOrgKey,
        sent_at: Option<u64>,
    ) -> Result<Step<Prepared>, Error> {
        let readers = self.readers(administrator).await?;
        if let Some(rotated) = committed(&readers.authority.chain, new) {
            return Ok(Step::Committed(rotated));
        }
        check_unexposed(&readers.authority.chain, sent_at)?;
        let old = self.org_key(&readers.authority).await?;
        let opened = readers.open_invitations(&old)?;
        let entry = rotation_entry(&readers.authority, new)?;
        let commitment = Commitment {
            entry: entry.to_bytes().into(),
            wraps: readers.wraps(new)?,
            invitations: readers.seal_invitations(opened, new)?,
        };
        Ok(Step::Next(Prepared {
            call: CommitRotation {
                id: new.id,
                commitment,
            },
            chain_at: readers.authority.chain.head().sequence,
            rotated: Rotated {
                key_epoch: next_epoch(&readers.authority.chain),
                head: entry.head(),
            },
        }))
    }

    async fn commit_rotation(&self, prepared: Prepared) -> Result<Rotated, Error> {
        self.organize(&prepared.call, ACTION).await?;
        Ok(prepared.rotated)
    }
}

/// Returns the result of an earlier call that has committed this key.
fn committed(chain: &Chain, new: &NewOrgKey) -> Option<Rotated> {
    (new.key.fingerprint() == *chain.fingerprint()).then(|| Rotated {
        key_epoch: chain.epoch(),
        head: *chain.head(),
    })
}

/// Refuses a key that was wrapped for the members of an earlier entry, one of whom was disabled since. The vault has had that
/// wrap, also if it refused the request.
fn check_unexposed(chain: &Chain, sent_at: Option<u64>) -> Result<(), Error> {
    match sent_at.is_some_and(|sequence| chain.has_disabled_since(sequence)) {
        true => Err(Error::new(ACTION, OrganizationCause::ExposedKey)),
        false => Ok(()),
    }
}

fn next_epoch(chain: &Chain) -> u64 {
    chain.epoch().saturating_add(1)
}

fn rotation_entry(authority: &Authority<'_>, new: &NewOrgKey) -> Result<Entry, Error> {
    let entry = authority
        .chain
        .rotate(&new.key.fingerprint(), authority.signing_key);
    authority.signed(entry)
}
