//! `GET /health`: 200 while the vault serves. Needs no credential.

use axum::Json;
use serde_json::{Value, json};

pub(super) async fn call() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}
