//! The members and the invited persons who are to get a new org key.

use helvetisafe_crypto::organization::{Chain, Invitation, InvitationSecret, PublicKeyInfo};
use helvetisafe_proto::Base64;
use helvetisafe_proto::endpoint::organization::{
    InvitationId, InvitationRecord, ListMembers, Member as Listed, ResealedInvitation,
    SealedInvitation, Wrap,
};

use super::super::Operation;
use super::super::change::Authority;
use super::super::confirm::open;
use super::super::members::compare;
use super::{ACTION, next_epoch};
use crate::administration::{Administrator, NewOrgKey, Standing};
use crate::error::{Error, OrganizationCause};
use crate::org_keys::ConfirmedKey;
use crate::runtime::Runtime;

/// The verified readers of the new org key.
pub(super) struct Readers<'a> {
    pub(super) authority: Authority<'a>,
    pub(super) members: Vec<(String, PublicKeyInfo)>,
    invitations: Vec<InvitationRecord>,
}

/// The secret of an open invitation, and the terms that an administrator has signed.
pub(super) type Opened = (InvitationId, InvitationSecret, Invitation);

impl<R: Runtime> Operation<'_, R> {
    /// Fetches the members, the open invitations and the chain, and verifies each member by the chain.
    pub(super) async fn readers<'a>(
        &self,
        administrator: &Administrator<'a>,
    ) -> Result<Readers<'a>, Error> {
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
            _ => return Err(unverified(member.account, chain)),
        }
    }
    Ok(members)
}

fn unverified(account: String, chain: &Chain) -> OrganizationCause {
    let present = chain.members().get(&account);
    let member = present.or_else(|| chain.former_members().get(&account));
    let name = member.map(|member| member.name.clone());
    OrganizationCause::UnverifiedMember { account, name }
}

impl Readers<'_> {
    pub(super) fn wraps(&self, new: &NewOrgKey) -> Result<Vec<Wrap>, Error> {
        let wrap = |(account, key): &(String, PublicKeyInfo)| {
            let wrapped = key.public_key().wrap_org_key(&new.key);
            Ok(Wrap {
                account: account.clone(),
                encrypted_org_key: wrapped.map_err(|error| Error::new(ACTION, error))?.encode(),
            })
        };
        self.members.iter().map(wrap).collect()
    }

    /// Opens the open invitations, which must not be used ones that the vault shows again. The signature of a present administrator is checked before its terms are signed again:
    /// every member can seal terms of its own.
    pub(super) fn open_invitations(&self, old: &ConfirmedKey) -> Result<Vec<Opened>, Error> {
        let chain = &self.authority.chain;
        let open = |record: &InvitationRecord| {
            let (invitation, id) = (record.invitation.clone(), record.invitation.id);
            let opened = open(invitation, chain, old).ok();
            let opened = opened.filter(|(_, signed)| {
                let id = id.to_bytes();
                signed.is_of_administrator(&id, chain) && !chain.has_used(&id)
            });
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
    pub(super) fn seal_invitations(
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
