//! `DELETE /api/v1/secrets/{key}`: deletes a secret; 204, 404 if the name does not exist, or 412 if it has
//! another version than `If-Match` names.

use axum::http::StatusCode;
use helvetisafe_proto::KeyName;
use helvetisafe_proto::endpoint::DeleteSecret;

use super::authorized::{Authorized, KeyInPath};
use super::idempotency::Idempotency;
use super::precondition::Precondition;
use super::{Refusal, VaultState};
use crate::store::{Conditional, Grant, IdempotencyKey, SecretVersion, Store, StoreError};

pub(super) async fn call(
    vault: VaultState,
    caller: Authorized<DeleteSecret>,
    key: KeyInPath,
    condition: Precondition,
    idempotency: Idempotency,
) -> Result<StatusCode, Refusal> {
    let key = key.for_reading()?;
    let (grant, versions) = (caller.grant(), condition.into_versions());
    let deleted = vault.write(|vault| async move {
        delete(&vault.store, grant, key, versions, idempotency.0).await
    });
    deleted.await?.or_refuse().map(|()| StatusCode::NO_CONTENT)
}

/// Deletes a secret, also if the org key is replaced meanwhile, since no value is sealed under it.
async fn delete(
    store: &Store,
    mut grant: Grant,
    key: KeyName,
    versions: Option<Vec<SecretVersion>>,
    idempotency_key: Option<IdempotencyKey>,
) -> Result<Conditional<()>, StoreError> {
    loop {
        let deleted = store.delete_secret(grant, key.clone(), versions.clone(), idempotency_key);
        match deleted.await {
            Err(StoreError::OtherEpoch) => {
                let principal = store.principal(&grant.token).await?;
                grant.tenant = principal.ok_or(StoreError::Revoked)?.tenant;
            }
            outcome => return outcome,
        }
    }
}
