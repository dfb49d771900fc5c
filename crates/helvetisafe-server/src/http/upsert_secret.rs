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
use super::precondition::Precondition;
use super::{Refusal, VaultState};
use crate::shared::Shared;
use crate::store::{Conditional, Moment};

pub(super) async fn call(
    vault: VaultState,
    caller: Authorized<UpdateSecret>,
    key: KeyInPath,
    condition: Precondition,
    JsonBody(update, share): JsonBody<SecretUpdate>,
) -> Result<Response, Refusal> {
    let organization = caller.organization;
    let key = key.for_writing()?;
    let name = key.clone();
    let expiry = update.expires_at;
    let first_expiry = check_expiry(expiry.time(), Moment::now())?;
    let ciphertext = check_ciphertext(update.value, update.nonce)?;
    let upsert = |vault: Arc<Shared>| async move {
        let _share = share;
        let store = &vault.store;
        // Repeats if another request creates or deletes the secret between the two statements.
        loop {
            let now = Moment::now();
            let versions = condition.versions();
            if let Conditional::Done(updated) = store
                .update_secret(organization, &key, &ciphertext, expiry, versions, now)
                .await?
            {
                return Ok(Json(updated).into_response());
            }
            if condition != Precondition::None {
                return Ok(Refusal::OTHER_VERSION.into_response());
            }
            if let Some(created) = store
                .create_secret(organization, &key, &ciphertext, first_expiry, now)
                .await?
            {
                return Ok((StatusCode::CREATED, Json(created)).into_response());
            }
        }
    };
    Ok(vault.write(organization, &name, upsert).await?)
}
