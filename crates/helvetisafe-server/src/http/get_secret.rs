//! `GET /api/v1/secrets/{key}`: one secret's ciphertext.

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use helvetisafe_proto::endpoint::GetSecret;

use super::allowed::{Allowed, KeyInPath};
use super::body::NoBody;
use super::{Refusal, Vault};

pub(super) async fn call(
    vault: Vault,
    caller: Allowed<GetSecret>,
    key: KeyInPath,
    _: NoBody,
) -> Result<impl IntoResponse, Refusal> {
    let found = vault
        .secret(caller.organization, key.for_reading()?)
        .await?;
    let record = found.ok_or_else(Refusal::no_such_secret)?;
    Ok(([(CONTENT_TYPE, "application/json")], record))
}
