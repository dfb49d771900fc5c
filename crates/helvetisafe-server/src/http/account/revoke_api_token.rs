//! `DELETE /api/v1/account/tokens/{id}`: revokes an API token of the account.

use axum::Json;
use helvetisafe_proto::endpoint::organization::{Done, RevokeApiToken};

use crate::http::authorized::Authorized;
use crate::http::id_in_path::IdInPath;
use crate::http::{Refusal, VaultState};
use crate::store::RevokeApiTokenAct;

pub(in crate::http) async fn call(
    vault: VaultState,
    caller: Authorized<RevokeApiToken>,
    id: IdInPath,
) -> Result<Json<Done>, Refusal> {
    let act = RevokeApiTokenAct {
        grant: caller.grant(),
        id: id.stored()?,
    };
    let revoked = vault
        .write(|vault| async move { vault.store.act(act).await })
        .await?;
    revoked
        .then_some(Json(Done {}))
        .ok_or(Refusal::NO_SUCH_RECORD)
}
