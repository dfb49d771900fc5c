//! Authentication, rate limits and scopes of a request.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Path, Request};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use helvetisafe_proto::{Endpoint, ErrorCode, KeyName};

use super::Refusal;
use super::head::X_AEGIS_TOKEN;
use crate::connections::Peer;
use crate::settings::Settings;
use crate::shared::Shared;
use crate::store::{Grant, KeyEpoch, Principal, Tenant, TokenKind};
use crate::token::Hash;

/// A caller with a valid token that has the scope of the endpoint `E`.
pub(super) struct Authorized<E> {
    token: Hash,
    principal: Principal,
    endpoint: PhantomData<fn() -> E>,
}

/// A caller as [`Authorized`], with an access token: what is called has a greater effect than an API token may have. An API
/// token is refused before the body is read.
pub(super) struct WithAccessToken<E>(Authorized<E>);

impl<E> Authorized<E> {
    /// Returns the hash of the credential, for changes that check it again.
    pub(super) fn credential(&self) -> Hash {
        self.token
    }

    /// Returns the right to write, which the write checks again.
    pub(super) fn grant(&self) -> Grant {
        Grant {
            token: self.token,
            tenant: self.principal.tenant,
        }
    }

    /// Returns the right to write a value that is sealed under the org key of this epoch. The write compares the epoch
    /// with that of the organization. Without an epoch the value is taken for one of the first org key.
    pub(super) fn grant_sealed(
        &self,
        key_epoch: Option<u64>,
        settings: &Settings,
    ) -> Result<Grant, Refusal> {
        let present = self.principal.tenant.key_epoch;
        let key_epoch = match key_epoch {
            Some(number) => KeyEpoch::from_wire(number),
            None if present == KeyEpoch::FIRST || settings.accept_writes_without_epoch => present,
            None => return Err(Refusal::NO_KEY_EPOCH),
        };
        Ok(Grant {
            token: self.token,
            tenant: Tenant {
                key_epoch,
                ..self.principal.tenant
            },
        })
    }
}

impl<E> Deref for Authorized<E> {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.principal
    }
}

impl<E: Endpoint> FromRequestParts<Arc<Shared>> for Authorized<E> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Refusal> {
        let credential = Credential::from_request_parts(parts, shared).await?;
        let found = shared.store.principal(&credential.hash).await?;
        Ok(Self {
            token: credential.hash,
            principal: credential.admit::<E>(found, shared)?,
            endpoint: PhantomData,
        })
    }
}

impl<E> Deref for WithAccessToken<E> {
    type Target = Authorized<E>;

    fn deref(&self) -> &Authorized<E> {
        &self.0
    }
}

impl<E: Endpoint> FromRequestParts<Arc<Shared>> for WithAccessToken<E> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Refusal> {
        let caller = Authorized::<E>::from_request_parts(parts, shared).await?;
        match caller.kind {
            TokenKind::Access => Ok(Self(caller)),
            TokenKind::Api => Err(Refusal::NEEDS_ACCESS_TOKEN),
        }
    }
}

/// The credential of a request, unchecked, for calls that look it up together with what they return.
pub(super) struct Credential {
    pub(super) hash: Hash,
    must_be_api_token: bool,
    peer: Option<Peer>,
}

impl Credential {
    /// Checks that the principal that belongs to it may make a call of the endpoint `E` now.
    pub(super) fn admit<E: Endpoint>(
        self,
        found: Option<Principal>,
        shared: &Shared,
    ) -> Result<Principal, Refusal> {
        let principal =
            found.filter(|found| !self.must_be_api_token || found.kind == TokenKind::Api);
        if let Some(peer) = self.peer {
            peer.mark(principal.is_some());
        }
        let principal = principal.ok_or(Refusal::INVALID_TOKEN)?;
        shared
            .limits
            .request(principal.account)
            .map_err(|wait| Refusal::too_many(ErrorCode::TooManyRequests, wait))?;
        match E::SCOPE {
            Some(scope) if !principal.scopes.contains(scope) => Err(Refusal::missing_scope(scope)),
            _ => Ok(principal),
        }
    }

    pub(super) fn of_request(request: &Request) -> Result<Self, Refusal> {
        Self::of(request.headers(), request.extensions().get().cloned())
    }

    fn of(headers: &HeaderMap, peer: Option<Peer>) -> Result<Self, Refusal> {
        let (token, must_be_api_token) = match (x_aegis_token(headers)?, bearer(headers)?) {
            (Some(_), Some(_)) => return Err(Refusal::SEVERAL_CREDENTIALS),
            (Some(token), None) => (token, true),
            (None, Some(token)) => (token, false),
            (None, None) => return Err(Refusal::NO_CREDENTIAL),
        };
        Ok(Self {
            hash: Hash::of_text(token),
            must_be_api_token,
            peer,
        })
    }
}

impl FromRequestParts<Arc<Shared>> for Credential {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Shared>) -> Result<Self, Refusal> {
        Self::of(&parts.headers, parts.extensions.get().cloned())
    }
}

/// Returns the account and rights of a request; `None` if its token is not valid.
#[cfg(feature = "faults")]
pub(crate) async fn principal(headers: &HeaderMap, shared: &Shared) -> Option<Principal> {
    let credential = Credential::of(headers, None).ok()?;
    shared.store.principal(&credential.hash).await.ok()?
}

/// Returns the API token in the service's own header.
fn x_aegis_token(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let token = headers.get(X_AEGIS_TOKEN).map(HeaderValue::to_str);
    token.transpose().map_err(|_| Refusal::INVALID_TOKEN)
}

/// Returns the bearer token, RFC 6750 section 2.1, of either kind.
pub(super) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let Some(value) = headers.get(AUTHORIZATION) else {
        return Ok(None);
    };
    let text = value.to_str().map_err(|_| Refusal::INVALID_TOKEN)?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.trim())),
        _ => Err(Refusal::NO_CREDENTIAL),
    }
}

/// The unchecked `{key}` of a path; `None` if it is not UTF-8.
pub(super) struct KeyInPath(Option<String>);

impl KeyInPath {
    pub(super) fn plain(name: &str) -> Self {
        Self(Some(name.to_owned()))
    }

    /// Returns the name for calls that need an existing secret. An invalid name is 404.
    pub(super) fn for_reading(self) -> Result<KeyName, Refusal> {
        self.0
            .and_then(|key| KeyName::parse(key).ok())
            .ok_or(Refusal::NO_SUCH_SECRET)
    }

    /// Returns the name for calls that write. The error response to an invalid name says why.
    pub(super) fn for_writing(self) -> Result<KeyName, Refusal> {
        let key = self
            .0
            .ok_or_else(|| Refusal::invalid_name("the name is not UTF-8".to_owned()))?;
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
