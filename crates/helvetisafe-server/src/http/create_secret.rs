//! `POST /api/v1/secrets`: creates a secret; 409 if the name exists.

use axum::Json;
use axum::http::StatusCode;
use helvetisafe_proto::endpoint::{CreateSecret, CreatedSecret, Expiry, NewSecret};

use super::authorized::Authorized;
use super::body::JsonBody;
use super::ciphertext::{check_ciphertext, check_expiry};
use super::idempotency::Idempotency;
use super::{Refusal, VaultState};
use crate::store::SecretWrite;

pub(super) async fn call(
    vault: VaultState,
    caller: Authorized<CreateSecret>,
    idempotency: Idempotency,
    JsonBody(new, share): JsonBody<NewSecret>,
) -> Result<(StatusCode, Json<CreatedSecret>), Refusal> {
    let write = SecretWrite {
        grant: caller.grant_sealed(new.key_epoch, &vault.settings)?,
        key: new.key,
        ciphertext: check_ciphertext(new.value, new.nonce)?,
        expiry: new.expires_at.map_or(Expiry::Never, Expiry::At),
        versions: None,
        idempotency_key: idempotency.0,
    };
    check_expiry(new.expires_at, &vault.store).await?;
    let created = vault
        .write(|vault| async move {
            let _share = share;
            vault.store.create_secret(write).await
        })
        .await?
        .ok_or(Refusal::SECRET_EXISTS)?;
    Ok((StatusCode::CREATED, Json(created)))
}
