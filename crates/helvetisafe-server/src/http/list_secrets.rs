//! `GET /api/v1/secrets`: the names and dates of all secrets, ordered by name.

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use helvetisafe_proto::endpoint::ListSecrets;

use super::authorized::Authorized;
use super::{Refusal, VaultState};

pub(super) async fn call(
    vault: VaultState,
    caller: Authorized<ListSecrets>,
) -> Result<impl IntoResponse, Refusal> {
    let list = vault.list(caller.tenant).await?;
    Ok(([(CONTENT_TYPE, "application/json")], list))
}
