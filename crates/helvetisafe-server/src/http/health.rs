//! `GET /health`: whether the vault serves; needs no credential.

use axum::Json;
use serde_json::{Value, json};

pub(super) async fn call() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}
