//! Invites, and lists and withdraws invitations.

use helvetisafe_crypto::Error as CryptoError;
use helvetisafe_crypto::organization::{
    Invitation, InvitationCode, InvitationSecret, PublicKeyInfo, Words,
};
use helvetisafe_proto::ScopeList;
use helvetisafe_proto::endpoint::organization::{
    InvitationId, InvitationRecord, Invite, JoinBody, ListInvitations, NewInvitation,
    SealedInvitation, WithdrawInvitation,
};
use jiff::Timestamp;

use super::Operation;
use super::change::{Authority, Races};
use crate::administration::{
    Administrator, Invited, NewInvite, PendingInvitation, PendingRequest, check_expiry, check_name,
    scope_set,
};
use crate::api::Api;
use crate::error::{Error, OrganizationAction};
use crate::org_keys::ConfirmedKey;
use crate::runtime::Runtime;

impl<R: Runtime> Operation<'_, R> {
    pub(crate) async fn invite(
        &self,
        administrator: &Administrator<'_>,
        new: &NewInvite,
    ) -> Result<Invited, Error> {
        let action = OrganizationAction::Invite;
        check_name(action.clone(), "the name of the new account", &new.name)?;
        let now = self.vault.api.runtime.both_clocks().wall;
        check_expiry(action, new.expires_at, now)?;
        let mut races = Races::new();
        loop {
            let outcome = self.invite_once(administrator, new).await;
            if let Some(outcome) = races.judge(outcome, OrganizationAction::Invite) {
                return outcome;
            }
        }
    }

    async fn invite_once(
        &self,
        administrator: &Administrator<'_>,
        new: &NewInvite,
    ) -> Result<Invited, Error> {
        let action = OrganizationAction::Invite;
        let authority = self.authority(administrator, action.clone()).await?;
        let key = self.org_key(&authority).await?;
        let secret = InvitationSecret::generate();
        let secret = secret.map_err(|error| Error::new(action.clone(), error))?;
        let invitation = seal(new, &authority, &key, &secret);
        let invitation = invitation.map_err(|error| Error::new(action.clone(), error))?;
        self.organize(&Invite { invitation }, action).await?;
        Ok(Invited {
            code: code(&self.vault.api, &authority, secret),
            head: *authority.chain.head(),
        })
    }

    pub(crate) async fn invitations(&self) -> Result<Vec<PendingInvitation>, Error> {
        let records = self.invitation_records(OrganizationAction::ListInvitations);
        Ok(records.await?.into_iter().map(pending).collect())
    }

    pub(super) async fn invitation_records(
        &self,
        action: OrganizationAction,
    ) -> Result<Vec<InvitationRecord>, Error> {
        Ok(self.organize(&ListInvitations, action).await?.invitations)
    }

    pub(crate) async fn withdraw(&self, id: InvitationId) -> Result<(), Error> {
        let call = WithdrawInvitation { id };
        self.organize(&call, OrganizationAction::Withdraw).await?;
        Ok(())
    }
}

/// Returns the code of an invitation, from which the chain is followed from its present head.
pub(super) fn code<R: Runtime>(
    api: &Api<R>,
    authority: &Authority<'_>,
    secret: InvitationSecret,
) -> InvitationCode {
    InvitationCode {
        secret,
        base_url: api.base.to_string(),
        fingerprint: *authority.chain.fingerprint(),
        inviter: authority.signing_key.verification_key(),
        head: *authority.chain.head(),
    }
}

/// Seals the secret for all administrators, and signs its terms.
fn seal(
    new: &NewInvite,
    authority: &Authority<'_>,
    key: &ConfirmedKey,
    secret: &InvitationSecret,
) -> Result<NewInvitation, CryptoError> {
    let (chain, id) = (&authority.chain, secret.id());
    let terms = terms(
        chain.organization(),
        chain.epoch(),
        &new.name,
        &new.scopes,
        seconds(new.expires_at),
    );
    let (nonce, value) = secret.seal(key.org_key(), &terms)?.into_parts();
    let signature = terms.sign(&id, authority.signing_key).signature;
    Ok(NewInvitation {
        id: id.into(),
        name: new.name.clone(),
        scopes: new.scopes.clone(),
        expires_at: whole_seconds(new.expires_at),
        sealed: SealedInvitation {
            key_epoch: chain.epoch(),
            nonce: nonce.to_vec().into(),
            value: value.into(),
            signature: signature.to_vec().into(),
        },
    })
}

/// Returns the terms that authenticate the sealed secret of an invitation.
pub(super) fn terms(
    organization: &str,
    epoch: u64,
    name: &str,
    scopes: &ScopeList,
    expires_at: u64,
) -> Invitation {
    Invitation {
        organization: organization.to_owned(),
        epoch,
        name: name.to_owned(),
        scopes: scope_set(scopes),
        expires_at,
    }
}

/// Returns the time as it is sealed. A time before 1970 has expired, so it is never sealed.
pub(super) fn seconds(time: Timestamp) -> u64 {
    time.as_second().try_into().unwrap_or_default()
}

fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

fn pending(record: InvitationRecord) -> PendingInvitation {
    let InvitationRecord {
        invitation,
        invited_by,
        created_at,
        request,
    } = record;
    PendingInvitation {
        id: invitation.id,
        name: invitation.name,
        scopes: invitation.scopes,
        expires_at: invitation.expires_at,
        invited_by,
        created_at,
        request: request.as_ref().map(pending_request),
    }
}

pub(super) fn pending_request(request: &JoinBody) -> PendingRequest {
    let key = PublicKeyInfo::from_der(&request.public_key.0).ok();
    PendingRequest {
        words: key.as_ref().map(Words::of_public_key),
        account: request.account.clone(),
    }
}
