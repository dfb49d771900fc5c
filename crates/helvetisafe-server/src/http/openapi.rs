//! `GET /openapi.json`: the API as an OpenAPI 3.1 document. Needs no credential.

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

/// The document, written by hand; `tests/vault/openapi.rs` compares it with the calls.
const DOCUMENT: &str = include_str!("openapi.json");

pub(super) async fn call() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT)
}
