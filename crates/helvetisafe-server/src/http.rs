//! The HTTP API. Each call has a file, whose first line is its method and path.
//!
//! A request passes `unread_body` (checks the head with `head`, and discards the unread part of the body
//! afterwards), `authorized` (authenticates and authorizes it), `body` (reads it if the call takes one),
//! then its call. Every error response is a [`Refusal`].

mod authorized;
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
mod refusal;
mod token_form;
mod unread_body;
mod update_secret;
mod upsert_secret;

use std::sync::Arc;

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::middleware::{from_fn, map_response};
use axum::response::Response;
use axum::routing::{get, post};

use crate::shared::Shared;
use refusal::Refusal;

#[cfg(feature = "faults")]
pub(crate) use authorized::organization;
pub(crate) use refusal::report;

/// The state that all calls share.
type VaultState = axum::extract::State<Arc<Shared>>;

/// Returns the routes of all calls.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let secret = get(get_secret::call)
        .post(upsert_secret::call)
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
        .fallback(async || Refusal::UNKNOWN_PATH)
        .method_not_allowed_fallback(async || Refusal::WRONG_METHOD)
        .layer(from_fn(unread_body::layer))
        .layer(map_response(no_store))
        .with_state(shared)
}

/// Forbids HTTP caches to store any response, RFC 9111 section 5.2.2.5.
async fn no_store(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
