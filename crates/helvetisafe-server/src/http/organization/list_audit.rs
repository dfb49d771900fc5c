//! `GET /api/v1/organization/audit`: the record of administrative acts, the newest first.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, RawQuery};
use axum::http::request::Parts;
use helvetisafe_proto::endpoint::organization::{AuditAnswer, ListAudit};

use crate::http::authorized::Authorized;
use crate::http::{Refusal, VaultState};
use crate::shared::Shared;
use crate::store::stored_id;

/// The number of acts in an answer.
const PAGE: usize = 100;

pub(in crate::http) async fn call(
    vault: VaultState,
    caller: Authorized<ListAudit>,
    Before(before): Before,
) -> Result<Json<AuditAnswer>, Refusal> {
    let organization = caller.tenant.organization;
    if let Some(before) = before
        && !vault.store.has_act(organization, before).await?
    {
        return Err(Refusal::NO_SUCH_RECORD);
    }
    let one_more = PAGE as u32 + 1;
    let mut records = vault.store.audit(organization, before, one_more).await?;
    let has_more = records.len() > PAGE;
    records.truncate(PAGE);
    Ok(Json(AuditAnswer { records, has_more }))
}

/// The act before the first one of the page.
pub(in crate::http) struct Before(Option<i64>);

impl FromRequestParts<Arc<Shared>> for Before {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Refusal> {
        let Ok(RawQuery(query)) = RawQuery::from_request_parts(parts, shared).await;
        let mut before = None;
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if name == "before" {
                let id = value.parse().map_err(|_| Refusal::INVALID_BEFORE)?;
                if before.replace(stored_id(id)).is_some() {
                    return Err(Refusal::REPEATED_PARAMETER);
                }
            }
        }
        Ok(Self(before))
    }
}
