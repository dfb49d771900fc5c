//! `POST /api/v1/organization/invitations`: invites a person or a service.

use axum::Json;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use helvetisafe_proto::endpoint::organization::{Done, Invite, NewInvitation};

use super::checks;
use crate::http::authorized::Authorized;
use crate::http::body::JsonBody;
use crate::http::{Refusal, VaultState};
use crate::store::{Grant, InviteAct, KeyEpoch, Moment};
use crate::token;

pub(super) async fn call(
    vault: VaultState,
    caller: Authorized<Invite>,
    JsonBody(invitation, share): JsonBody<NewInvitation>,
) -> Result<Json<Done>, Refusal> {
    let act = act(caller.grant(), invitation)?;
    let invited = vault.write(|vault| async move {
        let _share = share;
        vault.store.act(act).await
    });
    invited.await?;
    Ok(Json(Done {}))
}

fn act(grant: Grant, invitation: NewInvitation) -> Result<InviteAct, Refusal> {
    checks::name(&invitation.name)?;
    let sealed = &invitation.sealed;
    checks::length("nonce", &sealed.nonce, 12)?;
    checks::length("signature", &sealed.signature, 64)?;
    checks::length("value", &sealed.value, 48)?;
    if invitation.expires_at.subsec_nanosecond() != 0 {
        let remedy = "send a time in whole seconds";
        return Err(Refusal::invalid_member("expires_at", remedy));
    }
    Ok(InviteAct {
        grant,
        row: token::generate_id()?,
        id: invitation.id.to_bytes(),
        scopes: checks::scopes(&invitation.scopes)?,
        expires_at: Moment::from(invitation.expires_at),
        key_epoch: KeyEpoch::from_wire(sealed.key_epoch),
        nonce: BASE64_STANDARD.encode(&sealed.nonce),
        signature: BASE64_STANDARD.encode(&sealed.signature),
        sealed: BASE64_STANDARD.encode(&sealed.value),
        name: invitation.name,
    })
}
