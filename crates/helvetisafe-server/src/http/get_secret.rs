//! `GET /api/v1/secrets/{key}`: one secret's ciphertext.

use axum::http::HeaderValue;
use axum::http::header::{CONTENT_TYPE, ETAG};
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
    let json = HeaderValue::from_static("application/json");
    let entity_tag = record
        .version
        .map(|version| [(ETAG, version.to_entity_tag())]);
    Ok(([(CONTENT_TYPE, json)], entity_tag, record.body))
}
