//! Who sends a request, and whether they may.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use helvetisafe_proto::{Endpoint, KeyName};

use super::Refusal;
use crate::shared::Shared;
use crate::store::{OrganizationId, Principal, TokenKind};
use crate::token::Hash;
use crate::vault::Peer;

/// A caller whose token is valid and has the scope that the call needs. Which one that is stands
/// with the call in the wire crate, for client and server alike.
pub(super) struct Allowed<E> {
    principal: Principal,
    call: PhantomData<fn() -> E>,
}

impl<E> Deref for Allowed<E> {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.principal
    }
}

impl<E: Endpoint> FromRequestParts<Arc<Shared>> for Allowed<E> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Refusal> {
        let principal = principal(&parts.headers, shared).await?;
        if let Some(peer) = parts.extensions.get::<Peer>() {
            peer.mark_known();
        }
        shared
            .limits
            .request(principal.account)
            .map_err(Refusal::too_many_requests)?;
        match E::SCOPE {
            Some(scope) if !principal.scopes.contains(scope) => Err(Refusal::missing_scope(scope)),
            _ => Ok(Self {
                principal,
                call: PhantomData,
            }),
        }
    }
}

/// Whose data a request is about; `None` where its token is not valid.
pub(crate) async fn organization(headers: &HeaderMap, shared: &Shared) -> Option<OrganizationId> {
    let found = principal(headers, shared).await;
    found.ok().map(|principal| principal.organization)
}

async fn principal(headers: &HeaderMap, shared: &Shared) -> Result<Principal, Refusal> {
    let (token, is_api_only) = match (x_aegis_token(headers)?, bearer(headers)?) {
        (Some(_), Some(_)) => return Err(Refusal::several_credentials()),
        (Some(token), None) => (token, true),
        (None, Some(token)) => (token, false),
        (None, None) => return Err(Refusal::no_credential()),
    };
    shared
        .principal(Hash::of_text(token))
        .await?
        .filter(|found| !is_api_only || found.kind == TokenKind::Api)
        .ok_or_else(Refusal::invalid_token)
}

/// A portal API token in the service's own header.
fn x_aegis_token(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let Some(value) = headers.get("x-aegis-token") else {
        return Ok(None);
    };
    value
        .to_str()
        .map(Some)
        .map_err(|_| Refusal::invalid_token())
}

/// Either kind of token as RFC 6750 section 2.1 has it.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let Some(value) = headers.get(AUTHORIZATION) else {
        return Ok(None);
    };
    let text = value.to_str().map_err(|_| Refusal::invalid_token())?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.trim())),
        _ => Err(Refusal::no_credential()),
    }
}

/// The `{key}` of a path, which may not be the name of a secret.
pub(super) struct KeyInPath(Option<String>);

impl KeyInPath {
    /// For calls that look for a secret: none has a name that is not one.
    pub(super) fn for_reading(self) -> Result<KeyName, Refusal> {
        self.0
            .and_then(|key| KeyName::parse(key).ok())
            .ok_or_else(Refusal::no_such_secret)
    }

    /// For calls that may make one: what is wrong with the name.
    pub(super) fn for_writing(self) -> Result<KeyName, Refusal> {
        let key = self
            .0
            .ok_or_else(|| Refusal::invalid_name("the name is not UTF-8"))?;
        KeyName::parse(key).map_err(|error| Refusal::invalid_name(error.to_string()))
    }
}

impl FromRequestParts<Arc<Shared>> for KeyInPath {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Refusal> {
        let key: Result<Path<String>, _> = Path::from_request_parts(parts, shared).await;
        Ok(Self(key.ok().map(|Path(key)| key)))
    }
}
