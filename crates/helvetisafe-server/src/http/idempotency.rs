//! The header `Idempotency-Key`, draft-ietf-httpapi-idempotency-key-header: requests with the same key and content are
//! repetitions of one write.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::request::Parts;
use helvetisafe_proto::endpoint::IDEMPOTENCY_KEY;

use crate::shared::Shared;
use crate::store::IdempotencyKey;

/// The key of a request, if it has one. Every value is accepted.
pub(super) struct Idempotency(pub(super) Option<IdempotencyKey>);

impl FromRequestParts<Arc<Shared>> for Idempotency {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Shared>) -> Result<Self, Infallible> {
        let values = parts.headers.get_all(IDEMPOTENCY_KEY);
        let is_given = values.iter().next().is_some();
        let key = || IdempotencyKey::of(values.iter().map(HeaderValue::as_bytes));
        Ok(Self(is_given.then(key)))
    }
}
