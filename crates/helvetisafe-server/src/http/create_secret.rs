//! `POST /api/v1/secrets`: creates a secret; 409 if the name exists.

use axum::Json;
use axum::http::StatusCode;
use helvetisafe_proto::endpoint::{CreateSecret, CreatedSecret, NewSecret};

use super::authorized::Authorized;
use super::body::JsonBody;
use super::ciphertext::{check_ciphertext, check_expiry};
use super::{Refusal, VaultState};
use crate::store::Moment;

pub(super) async fn call(
    vault: VaultState,
    caller: Authorized<CreateSecret>,
    JsonBody(new, share): JsonBody<NewSecret>,
) -> Result<(StatusCode, Json<CreatedSecret>), Refusal> {
    let now = Moment::now();
    let expires_at = check_expiry(new.expires_at, now)?;
    let ciphertext = check_ciphertext(new.value, new.nonce)?;
    let (organization, key) = (caller.organization, new.key);
    let created = vault
        .write(organization, &key.clone(), |vault| async move {
            let _share = share;
            let store = &vault.store;
            store
                .create_secret(organization, &key, &ciphertext, expires_at, now)
                .await
        })
        .await?
        .ok_or(Refusal::SECRET_EXISTS)?;
    Ok((StatusCode::CREATED, Json(created)))
}
