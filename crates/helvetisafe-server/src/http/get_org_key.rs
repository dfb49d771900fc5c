//! `GET /api/v1/credentials/org-key`: the org key, wrapped for this account's RSA key.

use axum::Json;
use helvetisafe_proto::endpoint::{GetOrgKey, OrgKeyAnswer};

use super::authorized::Authorized;
use super::{Refusal, VaultState};

pub(super) async fn call(
    vault: VaultState,
    caller: Authorized<GetOrgKey>,
) -> Result<Json<OrgKeyAnswer>, Refusal> {
    let encrypted_org_key = vault.store.encrypted_org_key(caller.account).await?;
    Ok(Json(OrgKeyAnswer { encrypted_org_key }))
}
