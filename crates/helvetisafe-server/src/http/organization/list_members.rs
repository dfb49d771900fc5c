//! `GET /api/v1/organization/members`: all accounts, except those that wait for a confirmation.

use axum::Json;
use helvetisafe_proto::endpoint::organization::{ListMembers, MembersAnswer};

use crate::http::authorized::Authorized;
use crate::http::{Refusal, VaultState};

pub(super) async fn call(
    vault: VaultState,
    caller: Authorized<ListMembers>,
) -> Result<Json<MembersAnswer>, Refusal> {
    let members = vault.store.members(caller.tenant.organization).await?;
    Ok(Json(MembersAnswer { members }))
}
