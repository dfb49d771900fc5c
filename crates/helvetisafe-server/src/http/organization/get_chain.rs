//! `GET /api/v1/organization/chain`: entries of the signed chain, from a number on.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, RawQuery};
use axum::http::request::Parts;
use helvetisafe_proto::Base64;
use helvetisafe_proto::endpoint::organization::{ChainAnswer, GetChain};

use crate::http::authorized::Authorized;
use crate::http::{Refusal, VaultState};
use crate::shared::Shared;
use crate::store::{OrganizationId, StoreError};

/// The largest number of entries in an answer.
const PAGE: usize = 256;

pub(super) async fn call(
    vault: VaultState,
    caller: Authorized<GetChain>,
    from: From,
) -> Result<Json<ChainAnswer>, Refusal> {
    let answer = page(&vault, caller.tenant.organization, from).await?;
    Ok(Json(answer))
}

/// Returns the entries from a number on.
pub(super) async fn page(
    vault: &Shared,
    organization: OrganizationId,
    From(from): From,
) -> Result<ChainAnswer, StoreError> {
    let limit = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let mut entries = vault.store.chain(organization, from, limit).await?;
    let has_more = entries.len() > PAGE;
    entries.truncate(PAGE);
    Ok(ChainAnswer {
        entries: entries.into_iter().map(Base64).collect(),
        has_more,
    })
}

/// The number of the first entry: the parameter `from`, or 0.
pub(super) struct From(i64);

impl FromRequestParts<Arc<Shared>> for From {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Refusal> {
        let Ok(RawQuery(query)) = RawQuery::from_request_parts(parts, shared).await;
        let mut from = None;
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if name == "from" && from.replace(number(&value)?).is_some() {
                return Err(Refusal::INVALID_FROM);
            }
        }
        Ok(Self(from.unwrap_or_default()))
    }
}

fn number(text: &str) -> Result<i64, Refusal> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = is_number.then(|| text.parse().unwrap_or(i64::MAX));
    number.ok_or(Refusal::INVALID_FROM)
}
