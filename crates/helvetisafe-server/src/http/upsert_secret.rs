//! `POST /api/v1/secrets/{key}`: creates a secret (201) or updates it (200). The service's documentation
//! names this path for writes. With a condition it only updates: 412 if there is no secret that meets it.

use std::sync::Arc;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use helvetisafe_proto::endpoint::{SecretUpdate, UpdateSecret};

use super::authorized::{Authorized, KeyInPath};
use super::body::JsonBody;
use super::ciphertext::{check_ciphertext, check_expiry};
use super::idempotency::Idempotency;
use super::precondition::Precondition;
use super::{Refusal, VaultState};
use crate::shared::Shared;
use crate::store::{Conditional, Put, SecretWrite};

pub(super) async fn call(
    vault: VaultState,
    caller: Authorized<UpdateSecret>,
    key: KeyInPath,
    condition: Precondition,
    idempotency: Idempotency,
    JsonBody(update, share): JsonBody<SecretUpdate>,
) -> Result<Response, Refusal> {
    let key = key.for_writing()?;
    let must_exist = condition != Precondition::None;
    let write = SecretWrite {
        grant: caller.grant_sealed(update.key_epoch, &vault.settings)?,
        key,
        ciphertext: check_ciphertext(update.value, update.nonce)?,
        expiry: update.expires_at,
        versions: condition.into_versions(),
        idempotency_key: idempotency.0,
    };
    check_expiry(update.expires_at.time(), &vault.store).await?;
    let upsert = |vault: Arc<Shared>| async move {
        let _share = share;
        if !must_exist {
            return vault.store.put_secret(write).await.map(Some);
        }
        match vault.store.update_secret(write).await? {
            Conditional::Done(updated) => Ok(Some(Put::Updated(updated))),
            Conditional::NoSecret | Conditional::OtherVersion => Ok(None),
        }
    };
    match vault.write(upsert).await? {
        Some(Put::Created(created)) => Ok((StatusCode::CREATED, Json(created)).into_response()),
        Some(Put::Updated(updated)) => Ok(Json(updated).into_response()),
        None => Err(Refusal::OTHER_VERSION),
    }
}
