//! `DELETE /api/v1/organization/rotations/{id}`: ends a rotation without a commit. Its staged secrets are never used.

use axum::Json;
use helvetisafe_proto::endpoint::organization::{AbandonRotation, Done};

use crate::http::authorized::WithAccessToken;
use crate::http::id_in_path::IdInPath;
use crate::http::{Refusal, VaultState};
use crate::store::AbandonRotationAct;

pub(super) async fn call(
    vault: VaultState,
    caller: WithAccessToken<AbandonRotation>,
    id: IdInPath,
) -> Result<Json<Done>, Refusal> {
    let act = AbandonRotationAct {
        grant: caller.grant(),
        id: id.stored()?,
    };
    let abandoned = vault.write(|vault| async move { vault.store.act(act).await });
    abandoned.await?;
    Ok(Json(Done {}))
}
