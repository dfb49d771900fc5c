//! `GET /api/v1/organization/rotations`: the rotation in progress, also one whose lease has ended.

use axum::Json;
use helvetisafe_proto::endpoint::organization::{GetRotation, RotationAnswer};

use crate::http::authorized::Authorized;
use crate::http::{Refusal, VaultState};

pub(super) async fn call(
    vault: VaultState,
    caller: Authorized<GetRotation>,
) -> Result<Json<RotationAnswer>, Refusal> {
    let rotation = vault.store.rotation(caller.tenant.organization).await?;
    Ok(Json(RotationAnswer { rotation }))
}
