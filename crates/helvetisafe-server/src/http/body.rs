//! Reads request bodies after the credential was checked, within the memory budget of all bodies.

use std::sync::Arc;

use axum::body::{Body, HttpBody};
use axum::extract::{FromRequest, Request};
use helvetisafe_proto::KeyName;
use helvetisafe_proto::endpoint::organization::NewApiToken;
use helvetisafe_proto::endpoint::{NewSecret, SecretUpdate};
use http_body_util::BodyExt;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::Refusal;
use super::head::{check_encoding, has_media_type};
use crate::budget::{Budget, Share};
use crate::shared::Shared;

/// The first allocation for a body, in bytes.
const FIRST_ALLOCATION: usize = 16 * 1024;

/// A JSON object of type `application/json`, and its share of the memory budget, which must live as long
/// as the object. Unknown members are ignored.
pub(super) struct JsonBody<T>(pub(super) T, pub(super) Share);

/// The body of a write.
pub(super) trait Written: DeserializeOwned {
    /// Its members without a default, if a refusal names the missing one.
    const REQUIRED: &[&str] = &[];

    /// The largest body in bytes, below the limit of the vault.
    const LIMIT: usize = usize::MAX;
}

impl Written for NewSecret {
    const REQUIRED: &[&str] = &["key", "value", "nonce"];
}

impl Written for SecretUpdate {
    const REQUIRED: &[&str] = &["value", "nonce"];
}

impl Written for NewApiToken {
    const REQUIRED: &[&str] = &[];
}

impl<T: Written> FromRequest<Arc<Shared>> for JsonBody<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, Refusal> {
        check_encoding(request.headers())?;
        if !has_media_type(request.headers(), "application/json") {
            return Err(Refusal::WRONG_MEDIA_TYPE);
        }
        let limit = shared.settings.body_limit.min(T::LIMIT);
        let (bytes, share) = read(request.into_body(), shared, limit).await?;
        // The parser would accept an array in place of an object.
        if !bytes.trim_ascii_start().starts_with(b"{") {
            return Err(Refusal::NOT_AN_OBJECT);
        }
        serde_json::from_slice(&bytes)
            .map(|value| Self(value, share))
            .map_err(|error| refusal::<T>(&bytes, &error))
    }
}

/// The members of any write, as text. Unknown ones are ignored.
#[derive(Deserialize)]
struct Members {
    key: Option<String>,
    value: Option<String>,
    nonce: Option<String>,
    #[serde(rename = "expiresAt")]
    expires_at: Option<String>,
}

/// Names the member for which a body is refused.
fn refusal<T: Written>(bytes: &[u8], error: &serde_json::Error) -> Refusal {
    let Ok(members) = serde_json::from_slice::<Members>(bytes) else {
        return Refusal::bad_json(error);
    };
    let given = [
        ("key", members.key.is_some()),
        ("value", members.value.is_some()),
        ("nonce", members.nonce.is_some()),
    ];
    let mut absent = given.iter().filter(|(_, is_given)| !is_given);
    if let Some((name, _)) = absent.find(|(name, _)| T::REQUIRED.contains(name)) {
        return Refusal::missing_member(name);
    }
    let key = members.key.filter(|_| T::REQUIRED.contains(&"key"));
    if let Some(Err(error)) = key.map(KeyName::parse) {
        return Refusal::invalid_name(error.to_string());
    }
    match members.expires_at.map(|time| time.parse::<Timestamp>()) {
        Some(Err(_)) => Refusal::INVALID_EXPIRY,
        _ => Refusal::bad_json(error),
    }
}

/// Reads a body of at most `limit` bytes into memory from the budget. The client timeout applies to the
/// whole body, so a client cannot stretch it by sending slowly.
pub(super) async fn read(
    body: Body,
    shared: &Shared,
    limit: usize,
) -> Result<(Vec<u8>, Share), Refusal> {
    let body = collect(body, &shared.bodies, limit);
    timeout(shared.settings.bounds.client_timeout, body)
        .await
        .unwrap_or_else(|_| Err(Refusal::TOO_SLOW))
}

/// Takes memory as bytes arrive, not when they are announced: only a client that sends them can use up
/// the budget.
async fn collect(
    mut body: Body,
    budget: &Budget,
    limit: usize,
) -> Result<(Vec<u8>, Share), Refusal> {
    let max_len = announced(&body, limit)?;
    let mut share = budget.take(0).ok_or(Refusal::OVERLOADED)?;
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::CUT_SHORT)?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let needed = bytes.len().saturating_add(data.len());
        if needed > limit {
            return Err(Refusal::too_large(limit));
        }
        if needed > share.bytes() {
            let doubled = share.bytes().saturating_mul(2).max(FIRST_ALLOCATION);
            let room = doubled.min(max_len).max(needed);
            let more = budget.take(room - share.bytes());
            share.add(more.ok_or(Refusal::OVERLOADED)?);
            bytes.reserve_exact(room - bytes.len());
        }
        bytes.extend_from_slice(&data);
    }
    Ok((bytes, share))
}

/// Returns the largest possible size of a body. Refuses a body whose announced size is over the limit.
fn announced(body: &Body, limit: usize) -> Result<usize, Refusal> {
    match body.size_hint().exact().map(usize::try_from) {
        None => Ok(limit),
        Some(Ok(size)) if size <= limit => Ok(size),
        Some(_) => Err(Refusal::too_large(limit)),
    }
}
