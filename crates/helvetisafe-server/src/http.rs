//! The calls, one file each: its first line is the method and the path.
//!
//! Every request passes `unread` (its head is judged by `head`; what is left of its body in the end is
//! thrown away), `allowed` (who sends it, and may they), `body` (it is read, where the call takes one),
//! then its call; every answer that is no success is a [`Refusal`].

mod allowed;
mod body;
mod ciphertext;
mod create_secret;
mod delete_secret;
mod fetch_token;
mod get_org_key;
mod get_private_key;
mod get_secret;
mod head;
mod health;
mod list_secrets;
mod openapi;
mod put_secret;
mod refusal;
mod token_form;
mod unread;
mod update_secret;

use std::sync::Arc;

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::middleware::{from_fn, map_response};
use axum::response::Response;
use axum::routing::{get, post};

use crate::shared::Shared;
use refusal::Refusal;

pub(crate) use allowed::organization;
pub(crate) use refusal::report;

/// What the calls share.
type Vault = axum::extract::State<Arc<Shared>>;

/// All calls of the contract.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let secret = get(get_secret::call)
        .post(put_secret::call)
        .put(update_secret::call)
        .delete(delete_secret::call);
    Router::new()
        .route("/health", get(health::call))
        .route("/openapi.json", get(openapi::call))
        .route("/oauth/token", post(fetch_token::call))
        .route("/api/v1/credentials/org-key", get(get_org_key::call))
        .route(
            "/api/v1/credentials/private-key",
            get(get_private_key::call),
        )
        .route(
            "/api/v1/secrets",
            get(list_secrets::call).post(create_secret::call),
        )
        .route("/api/v1/secrets/{key}", secret)
        .fallback(async || Refusal::unknown_path())
        .method_not_allowed_fallback(async || Refusal::wrong_method())
        .layer(from_fn(unread::admit))
        .layer(map_response(no_store))
        .with_state(shared)
}

/// Nothing that a vault says may stay in a cache, RFC 9111 section 5.2.2.5.
async fn no_store(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
