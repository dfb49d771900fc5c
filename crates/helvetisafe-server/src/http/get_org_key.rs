//! `GET /api/v1/credentials/org-key`: the org key, wrapped for this account's RSA key.

use axum::Json;
use helvetisafe_proto::endpoint::{GetOrgKey, OrgKeyAnswer};

use super::authorized::Authorized;
use super::{Refusal, VaultState};
use crate::store::StoreError;

pub(super) async fn call(
    vault: VaultState,
    caller: Authorized<GetOrgKey>,
) -> Result<Json<OrgKeyAnswer>, Refusal> {
    let epoch = caller.tenant.key_epoch;
    let found = vault.store.encrypted_org_key(caller.account, epoch).await?;
    // Without one, the org key was replaced after the look-up of the credential: the client tries again.
    let encrypted_org_key = found.ok_or(StoreError::Busy)?;
    Ok(Json(OrgKeyAnswer {
        encrypted_org_key,
        key_epoch: Some(epoch.number()),
    }))
}
