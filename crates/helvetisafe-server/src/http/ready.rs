//! `GET /ready`: 200 if this node should get requests, else 503 with the reasons; warnings do not change the status.
//! Needs no credential.

use axum::Json;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::VaultState;

pub(super) async fn call(vault: VaultState) -> (StatusCode, Json<Value>) {
    let state = vault.readiness.state(&vault.store).await;
    let (status, name) = if state.reasons.is_empty() {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not_ready")
    };
    let body = json!({ "status": name, "reasons": state.reasons, "warnings": state.warnings });
    (status, Json(body))
}
