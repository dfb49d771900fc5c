//! `DELETE /api/v1/secrets/{key}`: 204 and no body; 404 when the name does not exist.

use axum::http::StatusCode;
use helvetisafe_proto::endpoint::DeleteSecret;

use super::allowed::{Allowed, KeyInPath};
use super::body::NoBody;
use super::{Refusal, Vault};
use crate::store::Moment;

pub(super) async fn call(
    vault: Vault,
    caller: Allowed<DeleteSecret>,
    key: KeyInPath,
    _: NoBody,
) -> Result<StatusCode, Refusal> {
    let key = key.for_reading()?;
    let organization = caller.organization;
    let was_there = vault
        .write(organization, &key.clone(), |vault| async move {
            let store = &vault.store;
            store.delete_secret(organization, &key, Moment::now()).await
        })
        .await?;
    was_there
        .then_some(StatusCode::NO_CONTENT)
        .ok_or_else(Refusal::no_such_secret)
}
