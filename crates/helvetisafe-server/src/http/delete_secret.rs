//! `DELETE /api/v1/secrets/{key}`: 204 and no body; 404 when the name does not exist.

use axum::http::StatusCode;
use helvetisafe_proto::endpoint::DeleteSecret;

use super::allowed::{Allowed, KeyInPath};
use super::{Refusal, Vault};
use crate::store::Moment;

pub(super) async fn call(
    vault: Vault,
    caller: Allowed<DeleteSecret>,
    key: KeyInPath,
) -> Result<StatusCode, Refusal> {
    let key = key.for_reading()?;
    let was_there = vault
        .store
        .delete_secret(caller.organization, &key, Moment::now())
        .await?;
    was_there
        .then_some(StatusCode::NO_CONTENT)
        .ok_or_else(Refusal::no_such_secret)
}
