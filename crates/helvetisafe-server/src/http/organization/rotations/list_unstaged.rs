//! `GET /api/v1/organization/rotations/{id}/secrets`: secrets that are not staged in their present version.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawQuery};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use helvetisafe_proto::Scope;
use helvetisafe_proto::endpoint::organization::ListUnstaged;

use crate::http::authorized::WithAccessToken;
use crate::http::id_in_path::IdInPath;
use crate::http::list_secrets::number;
use crate::http::pieces::in_pieces;
use crate::http::{Refusal, VaultState};
use crate::shared::Shared;
use crate::store::Most;

/// The limits of an answer. A larger `limit` counts as this one.
const MOST: Most = Most {
    secrets: 5000,
    bytes: 4 * 1024 * 1024,
};

pub(super) async fn call(
    vault: VaultState,
    caller: WithAccessToken<ListUnstaged>,
    id: IdInPath,
    Limit(limit): Limit,
) -> Result<impl IntoResponse, Refusal> {
    if !caller.scopes.contains(Scope::SecretsRead) {
        return Err(Refusal::missing_scope(Scope::SecretsRead));
    }
    let (id, organization) = (id.stored()?, caller.tenant.organization);
    let rotation = vault.store.rotation(organization).await?;
    rotation
        .filter(|rotation| crate::store::stored_id(rotation.id) == id)
        .ok_or(Refusal::NO_SUCH_RECORD)?;
    let most = Most {
        secrets: limit.min(MOST.secrets),
        ..MOST
    };
    let unstaged = vault.unstaged(organization, id, most).await?;
    Ok(([(CONTENT_TYPE, "application/json")], in_pieces(unstaged)))
}

/// The parameter `limit`, once.
pub(super) struct Limit(u32);

impl FromRequestParts<Arc<Shared>> for Limit {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Refusal> {
        let Ok(RawQuery(query)) = RawQuery::from_request_parts(parts, shared).await;
        let mut limit = None;
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if name == "limit" && limit.replace(number(&value)?).is_some() {
                return Err(Refusal::REPEATED_PARAMETER);
            }
        }
        Ok(Self(limit.unwrap_or(MOST.secrets)))
    }
}
