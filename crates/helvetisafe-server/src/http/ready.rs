//! `GET /ready`: 200 if this node should get requests, else 503 with the reasons. Needs no credential.

use axum::Json;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::VaultState;

pub(super) async fn call(vault: VaultState) -> (StatusCode, Json<Value>) {
    let reasons = vault.readiness.reasons(&vault.store).await;
    let (status, name) = if reasons.is_empty() {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not_ready")
    };
    (status, Json(json!({ "status": name, "reasons": reasons })))
}
