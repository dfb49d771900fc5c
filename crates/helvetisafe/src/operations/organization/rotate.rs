//! Replaces the org key: each secret is sealed again and staged, and a commit makes the new key the present one. Nothing that
//! others read changes before the commit.

use std::iter::Peekable;
use std::sync::Arc;

use helvetisafe_crypto::organization::{Chain, Entry, Invitation, InvitationSecret, PublicKeyInfo};
use helvetisafe_crypto::{Envelope, WrappedOrgKey};
use helvetisafe_proto::endpoint::organization::{
    AbandonRotation, BeginRotation, CommitRotation, Commitment, GetRotation, InvitationId,
    InvitationRecord, ListMembers, ListUnstaged, Member as Listed, NewRotation, ResealedInvitation,
    RotationId, RotationState, SealedInvitation, StageSecrets, StagedSecret, StagedSecrets,
    Unstaged, Wrap,
};
use helvetisafe_proto::{Base64, ErrorCode};

use super::Operation;
use super::change::Authority;
use super::confirm::open;
use super::members::compare;
use crate::administration::{
    Administrator, NewOrgKey, Rotated, RotationCheck, RotationProgress, Standing,
};
use crate::error::{Error, OrganizationAction, OrganizationCause};
use crate::keys::compute;
use crate::operations::Operations;
use crate::org_keys::ConfirmedKey;
use crate::runtime::Runtime;

const ACTION: OrganizationAction = OrganizationAction::Rotate;

/// The commits that are made, at most, when others change secrets, members or invitations meanwhile.
const ROUNDS: u32 = 10;

/// The most secrets of a list.
const BATCH: u32 = 500;

/// The size of the secrets of a request, in bytes of base64, if there are several: half of the vault's limit for a body.
const REQUEST: usize = 1 << 20;

impl<R: Runtime> Operations<'_, R> {
    /// Replaces the org key. Each step has the timeout of an operation.
    pub(crate) async fn rotate(
        &self,
        administrator: &Administrator<'_>,
        new: &NewOrgKey,
        mut progress: impl FnMut(RotationProgress),
    ) -> Result<Rotated, Error> {
        let old = match self.begin().begin_rotation(administrator, new).await? {
            Begun::Committed(rotated) => return Ok(rotated),
            Begun::From(old) => old,
        };
        let (mut rounds, mut staged) = (1, 0);
        loop {
            let mut least = u64::MAX;
            // The count stops falling while others write. The commit then names the reason, or succeeds.
            while let Some(batch) = self.begin().stage(&old, new, least).await? {
                least = batch.listed;
                staged += batch.staged;
                progress(RotationProgress {
                    staged,
                    remaining: batch.listed.saturating_sub(batch.staged),
                });
            }
            let outcome = self.begin().commit_rotation(administrator, new).await;
            if rounds == ROUNDS || !is_overtaken(&outcome) {
                return outcome;
            }
            rounds += 1;
        }
    }
}

/// Returns true if others changed what the commit was made of.
fn is_overtaken(outcome: &Result<Rotated, Error>) -> bool {
    let code = outcome.as_ref().err().and_then(Error::code);
    matches!(
        code,
        Some(ErrorCode::SecretsUnstaged | ErrorCode::MembersChanged | ErrorCode::ChainMoved)
    )
}

/// The beginning of a rotation.
enum Begun {
    /// The secrets are to be sealed again from this key.
    From(ConfirmedKey),
    /// An earlier call has committed it.
    Committed(Rotated),
}

/// The numbers of a batch.
struct Batch {
    listed: u64,
    staged: u64,
}

/// The verified readers of the new org key.
struct Readers<'a> {
    authority: Authority<'a>,
    members: Vec<(String, PublicKeyInfo)>,
    invitations: Vec<InvitationRecord>,
}

/// The secret of an open invitation, and the terms that an administrator has signed.
type Opened = (InvitationId, InvitationSecret, Invitation);

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

    /// Wraps a new org key for the own account.
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
        Ok(NewOrgKey { id, key })
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

    /// Verifies all readers, and begins the rotation or resumes it.
    async fn begin_rotation(
        &self,
        administrator: &Administrator<'_>,
        new: &NewOrgKey,
    ) -> Result<Begun, Error> {
        let readers = self.readers(administrator).await?;
        if let Some(rotated) = committed(&readers.authority.chain, new) {
            return Ok(Begun::Committed(rotated));
        }
        rotation_entry(&readers.authority, new)?;
        let old = self.org_key(&readers.authority).await?;
        readers.open_invitations(&old)?;
        let rotation = NewRotation {
            id: new.id,
            to_epoch: next_epoch(&readers.authority.chain),
        };
        self.organize(&BeginRotation { rotation }, ACTION).await?;
        Ok(Begun::From(old))
    }

    /// Stages a part of the secrets. Returns `None` if there are none, or not fewer than `least`.
    async fn stage(
        &self,
        old: &ConfirmedKey,
        new: &NewOrgKey,
        least: u64,
    ) -> Result<Option<Batch>, Error> {
        let list = ListUnstaged {
            id: new.id,
            limit: BATCH,
        };
        let unstaged = self.organize(&list, ACTION).await?;
        if unstaged.secrets.is_empty() || unstaged.count >= least {
            return Ok(None);
        }
        let mut staged = 0;
        let mut secrets = unstaged.secrets.into_iter().peekable();
        while secrets.peek().is_some() {
            let part = sealed_part(&mut secrets, old, new)?;
            staged += part.len() as u64;
            let staged = StagedSecrets { secrets: part };
            let call = StageSecrets { id: new.id, staged };
            self.organize(&call, ACTION).await?;
        }
        Ok(Some(Batch {
            listed: unstaged.count,
            staged,
        }))
    }

    /// Verifies all readers again, wraps and seals the new org key's part for them, and signs.
    async fn commit_rotation(
        &self,
        administrator: &Administrator<'_>,
        new: &NewOrgKey,
    ) -> Result<Rotated, Error> {
        let readers = self.readers(administrator).await?;
        if let Some(rotated) = committed(&readers.authority.chain, new) {
            return Ok(rotated);
        }
        let old = self.org_key(&readers.authority).await?;
        let opened = readers.open_invitations(&old)?;
        let entry = rotation_entry(&readers.authority, new)?;
        let call = CommitRotation {
            id: new.id,
            commitment: Commitment {
                entry: entry.to_bytes().into(),
                wraps: readers.wraps(new)?,
                invitations: readers.seal_invitations(opened, new)?,
            },
        };
        self.organize(&call, ACTION).await?;
        Ok(Rotated {
            key_epoch: next_epoch(&readers.authority.chain),
            head: entry.head(),
        })
    }

    /// Fetches the members, the open invitations and the chain, and verifies each member by the chain.
    async fn readers<'a>(&self, administrator: &Administrator<'a>) -> Result<Readers<'a>, Error> {
        let mut is_repeated = false;
        loop {
            let listed = self.organize(&ListMembers, ACTION).await?.members;
            let invitations = self.invitation_records(ACTION).await?;
            let authority = self.authority(administrator, ACTION).await?;
            match verified(listed, &authority.chain) {
                Ok(members) => {
                    return Ok(Readers {
                        authority,
                        members,
                        invitations,
                    });
                }
                // A change of another administrator between the answers looks like a contradiction, once.
                Err(_) if !is_repeated => is_repeated = true,
                Err(cause) => return Err(authority.refused(cause)),
            }
        }
    }
}

/// Returns the active members with their public keys, which are those of the chain.
fn verified(
    listed: Vec<Listed>,
    chain: &Chain,
) -> Result<Vec<(String, PublicKeyInfo)>, OrganizationCause> {
    let mut members = Vec::new();
    for member in compare(listed, chain) {
        match (member.standing, member.public_key) {
            (Standing::Active, Some(key)) => members.push((member.account, key)),
            (Standing::Disabled, _) => {}
            _ => return Err(OrganizationCause::UnverifiedMember(member.account)),
        }
    }
    Ok(members)
}

/// Returns the result of an earlier call that has committed this key.
fn committed(chain: &Chain, new: &NewOrgKey) -> Option<Rotated> {
    (new.key.fingerprint() == *chain.fingerprint()).then(|| Rotated {
        key_epoch: chain.epoch(),
        head: *chain.head(),
    })
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

/// Seals as many secrets under the new key as one request takes.
fn sealed_part(
    secrets: &mut Peekable<impl Iterator<Item = Unstaged>>,
    old: &ConfirmedKey,
    new: &NewOrgKey,
) -> Result<Vec<StagedSecret>, Error> {
    let (mut part, mut size) = (Vec::new(), 0);
    while let Some(secret) =
        secrets.next_if(|next| part.is_empty() || size + next.value.len() <= REQUEST)
    {
        size += secret.value.len();
        part.push(seal_again(secret, old, new)?);
    }
    Ok(part)
}

/// Opens a secret under the old key, and seals the same bytes under the new one, so that they name the same key.
fn seal_again(
    secret: Unstaged,
    old: &ConfirmedKey,
    new: &NewOrgKey,
) -> Result<StagedSecret, Error> {
    let opened = Envelope::decode(&secret.value, &secret.nonce)
        .and_then(|envelope| old.org_key().open(envelope));
    let plaintext = opened.map_err(|_| {
        let cause = OrganizationCause::UnopenedSecret(secret.key.clone());
        Error::new(ACTION, cause)
    })?;
    let sealed = new.key.seal(&plaintext);
    let sealed = sealed.map_err(|error| Error::new(ACTION, error))?;
    Ok(StagedSecret {
        key: secret.key,
        based_on: secret.version,
        value: sealed.encode_value(),
        nonce: sealed.encode_nonce(),
    })
}

impl Readers<'_> {
    fn wraps(&self, new: &NewOrgKey) -> Result<Vec<Wrap>, Error> {
        let wrap = |(account, key): &(String, PublicKeyInfo)| {
            let wrapped = key.public_key().wrap_org_key(&new.key);
            Ok(Wrap {
                account: account.clone(),
                encrypted_org_key: wrapped.map_err(|error| Error::new(ACTION, error))?.encode(),
            })
        };
        self.members.iter().map(wrap).collect()
    }

    /// Opens the open invitations. The signature of a present administrator is checked before its terms are signed again:
    /// every member can seal terms of its own.
    fn open_invitations(&self, old: &ConfirmedKey) -> Result<Vec<Opened>, Error> {
        let chain = &self.authority.chain;
        let open = |record: &InvitationRecord| {
            let (invitation, id) = (record.invitation.clone(), record.invitation.id);
            let opened = open(invitation, chain, old).ok();
            let opened =
                opened.filter(|(_, signed)| signed.is_of_administrator(&id.to_bytes(), chain));
            let (secret, signed) = opened.ok_or_else(|| {
                let name = record.invitation.name.clone();
                let cause = OrganizationCause::UnverifiedInvitation(name);
                self.authority.refused(cause)
            })?;
            Ok((id, secret, signed.invitation))
        };
        self.invitations.iter().map(open).collect()
    }

    /// Seals the secrets under the new key, and signs their terms with the next epoch.
    fn seal_invitations(
        &self,
        opened: Vec<Opened>,
        new: &NewOrgKey,
    ) -> Result<Vec<ResealedInvitation>, Error> {
        let epoch = next_epoch(&self.authority.chain);
        let seal = |(id, secret, terms): Opened| {
            let terms = Invitation { epoch, ..terms };
            let sealed = secret.seal(&new.key, &terms);
            let (nonce, value) = sealed
                .map_err(|error| Error::new(ACTION, error))?
                .into_parts();
            let signed = terms.sign(&id.to_bytes(), self.authority.signing_key);
            Ok(ResealedInvitation {
                id,
                sealed: SealedInvitation {
                    key_epoch: epoch,
                    nonce: nonce.to_vec().into(),
                    value: value.into(),
                    signature: Base64(signed.signature.to_vec()),
                },
            })
        };
        opened.into_iter().map(seal).collect()
    }
}
