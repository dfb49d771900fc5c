//! The body of a request.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequest, Request, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::Refusal;
use crate::shared::Shared;

/// How many bytes over the limit are read and thrown away, so that the client gets its answer.
const DISCARDED: usize = 16 * 1024 * 1024;

/// Reads the whole body before anything is judged.
///
/// Many clients send all before they listen. If the vault answered 401 or 413 and closed while they
/// still send, they would see a reset connection in place of the answer.
pub(super) async fn read(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let whole = bounded(body, shared.settings.body_limit);
    match in_time(whole, shared.settings.bounds.patience).await {
        Ok(bytes) => {
            next.run(Request::from_parts(parts, Body::from(bytes)))
                .await
        }
        Err(refusal) => refusal.into_response(),
    }
}

/// However steadily it drips, it has to be there in time.
async fn in_time<T>(
    body: impl Future<Output = Result<T, Refusal>>,
    patience: Duration,
) -> Result<T, Refusal> {
    timeout(patience, body)
        .await
        .unwrap_or_else(|_| Err(Refusal::too_slow()))
}

async fn bounded(mut body: Body, limit: usize) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    let mut size = 0_usize;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::cut_short())?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        size = size.saturating_add(data.len());
        if size <= limit {
            bytes.extend_from_slice(&data);
        } else if size > limit.saturating_add(DISCARDED) {
            break;
        }
    }
    if size > limit {
        Err(Refusal::too_large(limit))
    } else {
        Ok(bytes)
    }
}

/// A JSON body of type `application/json`. Members that the type does not have are ignored.
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Arc<Shared>> for JsonBody<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, Refusal> {
        if !has_media_type(request.headers(), "application/json") {
            return Err(Refusal::wrong_media_type());
        }
        let bytes = Bytes::from_request(request, shared)
            .await
            .map_err(|_| Refusal::cut_short())?;
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|error| Refusal::bad_json(&error))
    }
}

/// Whether the body has a media type, RFC 9110 section 8.3.1; parameters do not matter.
pub(super) fn has_media_type(headers: &HeaderMap, expected: &str) -> bool {
    let given = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    given
        .and_then(|text| text.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case(expected))
}
