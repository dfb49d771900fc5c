//! `POST /api/v1/organization/rotations`: begins a rotation, resumes it, or replaces one whose lease has ended.

use axum::Json;
use helvetisafe_proto::endpoint::organization::{BeginRotation, NewRotation, RotationState};

use crate::http::authorized::WithAccessToken;
use crate::http::body::JsonBody;
use crate::http::{Refusal, VaultState};
use crate::store::{BeginRotationAct, KeyEpoch, stored_id};

pub(super) async fn call(
    vault: VaultState,
    caller: WithAccessToken<BeginRotation>,
    JsonBody(rotation, _share): JsonBody<NewRotation>,
) -> Result<Json<RotationState>, Refusal> {
    let act = BeginRotationAct {
        grant: caller.grant(),
        id: stored_id(rotation.id),
        to_epoch: KeyEpoch::from_wire(rotation.to_epoch),
        lease: vault.settings.rotation_lease,
    };
    let begun = vault.write(|vault| async move { vault.store.act(act).await });
    Ok(Json(begun.await?))
}
