//! `PUT /api/v1/secrets/{key}`: updates a secret; 404 if the name does not exist, 412 if it has
//! another version than `If-Match` names, or the organization another epoch than `keyEpoch`.

use axum::Json;
use helvetisafe_proto::endpoint::{SecretUpdate, UpdateSecret, UpdatedSecret};

use super::authorized::{Authorized, KeyInPath};
use super::body::JsonBody;
use super::ciphertext::{check_ciphertext, check_expiry};
use super::idempotency::Idempotency;
use super::precondition::Precondition;
use super::{Refusal, VaultState};
use crate::store::SecretWrite;

pub(super) async fn call(
    vault: VaultState,
    caller: Authorized<UpdateSecret>,
    key: KeyInPath,
    condition: Precondition,
    idempotency: Idempotency,
    JsonBody(update, share): JsonBody<SecretUpdate>,
) -> Result<Json<UpdatedSecret>, Refusal> {
    let key = key.for_writing()?;
    let write = SecretWrite {
        grant: caller.grant_sealed(update.key_epoch, &vault.settings)?,
        key,
        ciphertext: check_ciphertext(update.value, update.nonce)?,
        expiry: update.expires_at,
        versions: condition.into_versions(),
        idempotency_key: idempotency.0,
    };
    check_expiry(update.expires_at.time(), &vault.store).await?;
    let updated = vault
        .write(|vault| async move {
            let _share = share;
            vault.store.update_secret(write).await
        })
        .await?;
    updated.or_refuse().map(Json)
}
