//! `GET /ready`: 200 if this node should get requests, else 503 with the reasons; warnings do not change the status.
//! Needs no credential.

use axum::Json;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::VaultState;
use crate::readiness::{DATABASE, Reason, Warning};

pub(super) async fn call(vault: VaultState) -> (StatusCode, Json<Value>) {
    let state = vault.readiness.state(&vault.store).await;
    answer(&state.reasons, &state.warnings)
}

/// The answer of a vault that has not reached its database.
pub(super) async fn without_database() -> (StatusCode, Json<Value>) {
    answer(&[DATABASE], &[])
}

fn answer(reasons: &[Reason], warnings: &[Warning]) -> (StatusCode, Json<Value>) {
    let (status, name) = if reasons.is_empty() {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not_ready")
    };
    let body = json!({ "status": name, "reasons": reasons, "warnings": warnings });
    (status, Json(body))
}
