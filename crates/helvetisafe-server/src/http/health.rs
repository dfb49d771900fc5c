//! `GET /health`: whether the vault serves; needs no credential.

use axum::Json;
use serde_json::{Value, json};

use super::body::NoBody;

pub(super) async fn call(_: NoBody) -> Json<Value> {
    Json(json!({ "status": "ok" }))
}
