//! `PUT /api/v1/secrets/{key}`: a new value for a secret; 404 when the name does not exist.

use axum::Json;
use helvetisafe_proto::endpoint::{SecretUpdate, UpdateSecret, UpdatedSecret};

use super::allowed::{Allowed, KeyInPath};
use super::body::JsonBody;
use super::ciphertext::{check_ciphertext, check_new_expiry};
use super::{Refusal, Vault};
use crate::store::Moment;

pub(super) async fn call(
    vault: Vault,
    caller: Allowed<UpdateSecret>,
    key: KeyInPath,
    JsonBody(update, share): JsonBody<SecretUpdate>,
) -> Result<Json<UpdatedSecret>, Refusal> {
    let now = Moment::now();
    let key = key.for_writing()?;
    let expiry = check_new_expiry(update.expires_at, now)?;
    let ciphertext = check_ciphertext(update.value, update.nonce)?;
    let organization = caller.organization;
    let updated = vault
        .write(organization, &key.clone(), |vault| async move {
            let _share = share;
            let store = &vault.store;
            store
                .update_secret(organization, &key, &ciphertext, expiry, now)
                .await
        })
        .await?;
    updated.map(Json).ok_or_else(Refusal::no_such_secret)
}
