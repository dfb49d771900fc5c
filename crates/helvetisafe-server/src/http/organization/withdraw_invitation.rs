//! `DELETE /api/v1/organization/invitations/{id}`: withdraws an invitation that is not confirmed.

use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use helvetisafe_proto::ErrorCode;
use helvetisafe_proto::endpoint::organization::{Done, InvitationId, WithdrawInvitation};

use crate::http::authorized::Authorized;
use crate::http::{Refusal, VaultState};
use crate::store::WithdrawAct;

pub(super) async fn call(
    vault: VaultState,
    caller: Authorized<WithdrawInvitation>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Done>, Refusal> {
    let id = id.ok().and_then(|Path(id)| id.parse::<InvitationId>().ok());
    let act = WithdrawAct {
        grant: caller.grant(),
        id: id
            .ok_or(Refusal::of_code(ErrorCode::RecordNotFound))?
            .to_bytes(),
    };
    vault
        .write(|vault| async move { vault.store.act(act).await })
        .await?;
    Ok(Json(Done {}))
}
