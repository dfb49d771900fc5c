//! `GET /api/v1/organization/invitations`: the invitations that are not confirmed, withdrawn or expired.

use axum::Json;
use helvetisafe_proto::endpoint::organization::{InvitationsAnswer, ListInvitations};

use crate::http::authorized::Authorized;
use crate::http::{Refusal, VaultState};

pub(super) async fn call(
    vault: VaultState,
    caller: Authorized<ListInvitations>,
) -> Result<Json<InvitationsAnswer>, Refusal> {
    let organization = caller.tenant.organization;
    let invitations = vault.store.invitations(organization).await?;
    Ok(Json(InvitationsAnswer { invitations }))
}
