use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use helvetisafe_proto::Hex;

use super::Refusal;
use crate::shared::Shared;
use crate::store::stored_id;

/// The `{id}` of a path; one of another form is that of no record.
pub(super) struct IdInPath(Option<Hex<8>>);

impl IdInPath {
    /// Returns the id as the database stores it.
    pub(super) fn stored(&self) -> Result<i64, Refusal> {
        self.0.map(stored_id).ok_or(Refusal::NO_SUCH_RECORD)
    }
}

impl FromRequestParts<Arc<Shared>> for IdInPath {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Refusal> {
        let id: Result<Path<String>, _> = Path::from_request_parts(parts, shared).await;
        Ok(Self(id.ok().and_then(|Path(id)| id.parse().ok())))
    }
}
