//! `DELETE /api/v1/secrets/{key}`: deletes a secret; 204, or 404 if the name does not exist.

use axum::http::StatusCode;
use helvetisafe_proto::endpoint::DeleteSecret;

use super::authorized::{Authorized, KeyInPath};
use super::{Refusal, VaultState};
use crate::store::Moment;

pub(super) async fn call(
    vault: VaultState,
    caller: Authorized<DeleteSecret>,
    key: KeyInPath,
) -> Result<StatusCode, Refusal> {
    let key = key.for_reading()?;
    let organization = caller.organization;
    let existed = vault
        .write(organization, &key.clone(), |vault| async move {
            let store = &vault.store;
            store.delete_secret(organization, &key, Moment::now()).await
        })
        .await?;
    existed
        .then_some(StatusCode::NO_CONTENT)
        .ok_or(Refusal::NO_SUCH_SECRET)
}
