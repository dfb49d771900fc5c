//! `GET /api/v1/secrets`: the names and dates of all secrets, ordered by name, or a page of them.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawQuery};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use helvetisafe_proto::KeyName;
use helvetisafe_proto::endpoint::{ListSecrets, Page};

use super::authorized::Authorized;
use super::pieces::in_pieces;
use super::{Refusal, VaultState};
use crate::shared::Shared;

/// The largest number of secrets in a page. A larger `limit` counts as this one.
const MAX_LIMIT: u32 = 10_000;

pub(super) async fn call(
    vault: VaultState,
    caller: Authorized<ListSecrets>,
    wanted: Wanted,
) -> Result<impl IntoResponse, Refusal> {
    let list = match wanted {
        Wanted::Whole => vault.list(caller.tenant).await?,
        Wanted::Page(page) => vault.list_page(caller.tenant, page).await?,
    };
    Ok(([(CONTENT_TYPE, "application/json")], in_pieces(list)))
}

/// The part of the list that a query names.
pub(super) enum Wanted {
    Whole,
    Page(Page),
}

impl FromRequestParts<Arc<Shared>> for Wanted {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Refusal> {
        let Ok(RawQuery(query)) = RawQuery::from_request_parts(parts, shared).await;
        Self::parse(query.as_deref().unwrap_or_default())
    }
}

impl Wanted {
    /// Parses a query. Other parameters than `limit` and `after` are ignored, as they are for every other call.
    fn parse(query: &str) -> Result<Self, Refusal> {
        let (mut limit, mut after) = (None, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let earlier = match &*name {
                "limit" => limit.replace(number(&value)?).is_some(),
                "after" => after.replace(key(&value)?).is_some(),
                _ => false,
            };
            if earlier {
                return Err(Refusal::REPEATED_PARAMETER);
            }
        }
        if limit.is_none() && after.is_none() {
            return Ok(Self::Whole);
        }
        let limit = limit.unwrap_or(MAX_LIMIT).min(MAX_LIMIT);
        Ok(Self::Page(Page { limit, after }))
    }
}

/// Parses a number from 1. One that overflows is larger than any page.
pub(super) fn number(text: &str) -> Result<u32, Refusal> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(0) => Err(Refusal::INVALID_LIMIT),
        Ok(number) => Ok(number),
        Err(_) if is_number => Ok(u32::MAX),
        Err(_) => Err(Refusal::INVALID_LIMIT),
    }
}

fn key(text: &str) -> Result<KeyName, Refusal> {
    KeyName::parse(text).map_err(|_| Refusal::INVALID_AFTER)
}
