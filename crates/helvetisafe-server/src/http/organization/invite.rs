//! `POST /api/v1/organization/invitations`: invites a person or a service.

use std::time::Duration;

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

/// The longest time until an invitation expires.
const LONGEST: Duration = Duration::from_secs(90 * 24 * 60 * 60);

pub(super) async fn call(
    vault: VaultState,
    caller: Authorized<Invite>,
    JsonBody(invitation, share): JsonBody<NewInvitation>,
) -> Result<Json<Done>, Refusal> {
    let act = act(caller.grant(), invitation)?;
    if act.expires_at > vault.store.now().await?.after(LONGEST) {
        let remedy = "send a time within 90 days";
        return Err(Refusal::invalid_member("expires_at", remedy));
    }
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
    checks::length("value", &sealed.value, 48)?;
    let signature = sealed.signature.0.as_slice().try_into();
    let signature = signature.map_err(|_| Refusal::invalid_member("signature", "send 64 bytes"))?;
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
        sealed: BASE64_STANDARD.encode(&sealed.value),
        signature,
        name: invitation.name,
    })
}
