//! `PUT /api/v1/secrets/{key}`: updates a secret; 404 if the name does not exist.

use axum::Json;
use helvetisafe_proto::endpoint::{SecretUpdate, UpdateSecret, UpdatedSecret};

use super::authorized::{Authorized, KeyInPath};
use super::body::JsonBody;
use super::ciphertext::{check_ciphertext, check_expiry};
use super::{Refusal, VaultState};
use crate::store::Moment;

pub(super) async fn call(
    vault: VaultState,
    caller: Authorized<UpdateSecret>,
    key: KeyInPath,
    JsonBody(update, share): JsonBody<SecretUpdate>,
) -> Result<Json<UpdatedSecret>, Refusal> {
    let now = Moment::now();
    let key = key.for_writing()?;
    check_expiry(update.expires_at.time(), now)?;
    let ciphertext = check_ciphertext(update.value, update.nonce)?;
    let organization = caller.organization;
    let updated = vault
        .write(organization, &key.clone(), |vault| async move {
            let _share = share;
            let store = &vault.store;
            store
                .update_secret(organization, &key, &ciphertext, update.expires_at, now)
                .await
        })
        .await?;
    updated.map(Json).ok_or(Refusal::NO_SUCH_SECRET)
}
