//! The body of a request: read by the call that needs it, after the credential was checked, and within
//! the budget that all bodies share.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::{FromRequest, Request};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::Refusal;
use super::head::{check_encoding, has_media_type};
use crate::budget::{Budget, Share};
use crate::shared::Shared;

/// The first allocation for a body, in bytes.
const FIRST: usize = 16 * 1024;

/// A JSON object of type `application/json`, and the memory that it takes, which has to be held as long
/// as the object. Members that the type does not have are ignored.
pub(super) struct JsonBody<T>(pub(super) T, pub(super) Share);

impl<T: DeserializeOwned> FromRequest<Arc<Shared>> for JsonBody<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, Refusal> {
        check_encoding(request.headers())?;
        if !has_media_type(request.headers(), "application/json") {
            return Err(Refusal::wrong_media_type());
        }
        let limit = shared.settings.body_limit;
        let (bytes, share) = read(request.into_body(), shared, limit).await?;
        // The reader takes an array for a struct.
        if !bytes.trim_ascii_start().starts_with(b"{") {
            return Err(Refusal::not_an_object());
        }
        serde_json::from_slice(&bytes)
            .map(|value| Self(value, share))
            .map_err(|error| Refusal::bad_json(&error))
    }
}

/// The last argument of a call that takes no body: one that is sent nevertheless is read to its end and
/// thrown away, within the same limits of size and time.
pub(super) struct NoBody;

impl FromRequest<Arc<Shared>> for NoBody {
    type Rejection = Refusal;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, Refusal> {
        if request.body().is_end_stream() {
            return Ok(Self);
        }
        let whole = thrown_away(request.into_body(), shared.settings.body_limit);
        in_time(whole, shared.settings.bounds.patience)
            .await
            .map(|()| Self)
    }
}

/// Reads a body of at most `limit` bytes, and takes the memory for it from the budget.
pub(super) async fn read(
    body: Body,
    shared: &Shared,
    limit: usize,
) -> Result<(Vec<u8>, Share), Refusal> {
    let whole = collected(body, &shared.bodies, limit);
    in_time(whole, shared.settings.bounds.patience).await
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

/// Memory is taken as the bytes come in and not as they are announced, so that it takes sending them to
/// use up the budget.
async fn collected(
    mut body: Body,
    budget: &Budget,
    limit: usize,
) -> Result<(Vec<u8>, Share), Refusal> {
    let largest = announced(&body, limit)?;
    let mut share = budget.take(0).ok_or_else(Refusal::overloaded)?;
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::cut_short())?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let needed = bytes.len().saturating_add(data.len());
        if needed > limit {
            return Err(Refusal::too_large(limit));
        }
        if needed > share.bytes() {
            let doubled = share.bytes().saturating_mul(2).max(FIRST);
            let room = doubled.min(largest).max(needed);
            let more = budget.take(room - share.bytes());
            share.add(more.ok_or_else(Refusal::overloaded)?);
            bytes.reserve_exact(room - bytes.len());
        }
        bytes.extend_from_slice(&data);
    }
    Ok((bytes, share))
}

async fn thrown_away(mut body: Body, limit: usize) -> Result<(), Refusal> {
    announced(&body, limit)?;
    let mut size = 0_usize;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::cut_short())?;
        size = size.saturating_add(frame.data_ref().map_or(0, |data| data.len()));
        if size > limit {
            return Err(Refusal::too_large(limit));
        }
    }
    Ok(())
}

/// The most bytes that can come; refused where those announced are too many.
fn announced(body: &Body, limit: usize) -> Result<usize, Refusal> {
    match body.size_hint().exact().map(usize::try_from) {
        None => Ok(limit),
        Some(Ok(size)) if size <= limit => Ok(size),
        Some(_) => Err(Refusal::too_large(limit)),
    }
}
