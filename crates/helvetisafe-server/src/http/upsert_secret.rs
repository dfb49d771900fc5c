//! `POST /api/v1/secrets/{key}`: creates (201) or updates (200); the write path that the service's
//! documentation names.

use std::sync::Arc;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use helvetisafe_proto::endpoint::{SecretUpdate, UpdateSecret};

use super::allowed::{Allowed, KeyInPath};
use super::body::JsonBody;
use super::ciphertext::{check_ciphertext, check_new_expiry};
use super::{Refusal, Vault};
use crate::shared::Shared;
use crate::store::{Moment, NewExpiry};

pub(super) async fn call(
    vault: Vault,
    caller: Allowed<UpdateSecret>,
    key: KeyInPath,
    JsonBody(update, share): JsonBody<SecretUpdate>,
) -> Result<Response, Refusal> {
    let organization = caller.organization;
    let key = key.for_writing()?;
    let name = key.clone();
    let expiry = check_new_expiry(update.expires_at, Moment::now())?;
    let ciphertext = check_ciphertext(update.value, update.nonce)?;
    let first_expiry = match expiry {
        NewExpiry::Keep => None,
        NewExpiry::Set(expires_at) => expires_at,
    };
    let put = |vault: Arc<Shared>| async move {
        let _share = share;
        let store = &vault.store;
        // When another caller creates or deletes it between the two statements, look again.
        loop {
            let now = Moment::now();
            if let Some(updated) = store
                .update_secret(organization, &key, &ciphertext, expiry, now)
                .await?
            {
                return Ok(Json(updated).into_response());
            }
            if let Some(created) = store
                .create_secret(organization, &key, &ciphertext, first_expiry, now)
                .await?
            {
                return Ok((StatusCode::CREATED, Json(created)).into_response());
            }
        }
    };
    Ok(vault.write(organization, &name, put).await?)
}
