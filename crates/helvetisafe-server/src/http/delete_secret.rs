//! `DELETE /api/v1/secrets/{key}`: deletes a secret; 204, 404 if the name does not exist, or 412 if it has
//! another version than `If-Match` names.

use axum::http::StatusCode;
use helvetisafe_proto::endpoint::DeleteSecret;

use super::authorized::{Authorized, KeyInPath};
use super::precondition::Precondition;
use super::{Refusal, VaultState};
use crate::store::StoreError;

pub(super) async fn call(
    vault: VaultState,
    caller: Authorized<DeleteSecret>,
    key: KeyInPath,
    condition: Precondition,
) -> Result<StatusCode, Refusal> {
    let key = key.for_reading()?;
    let (grant, versions) = (caller.grant(), condition.into_versions());
    let deleted = vault
        .write(|vault| async move { vault.store.delete_secret(grant, key, versions).await })
        .await
        // The org key was replaced meanwhile: the client tries again, since no value of it is sealed.
        .map_err(|error| match error {
            StoreError::OtherEpoch => StoreError::Busy,
            error => error,
        })?;
    deleted.or_refuse().map(|()| StatusCode::NO_CONTENT)
}
