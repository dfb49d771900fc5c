//! `GET /openapi.json`: every call in the words of OpenAPI 3.1; needs no credential.

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use super::body::NoBody;

/// Written by hand; `tests/vault/openapi.rs` holds it against the calls.
const DOCUMENT: &str = include_str!("openapi.json");

pub(super) async fn call(_: NoBody) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT)
}
