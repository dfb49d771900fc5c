//! `GET /api/v1/secrets/{key}`: one secret's ciphertext.

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use helvetisafe_proto::endpoint::GetSecret;

use super::authorized::{Authorized, KeyInPath};
use super::{Refusal, VaultState};

pub(super) async fn call(
    vault: VaultState,
    caller: Authorized<GetSecret>,
    key: KeyInPath,
) -> Result<impl IntoResponse, Refusal> {
    let found = vault
        .secret(caller.organization, key.for_reading()?)
        .await?;
    let record = found.ok_or(Refusal::NO_SUCH_SECRET)?;
    Ok(([(CONTENT_TYPE, "application/json")], record))
}
