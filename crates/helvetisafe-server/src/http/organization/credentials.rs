//! The credentials of a call that has no account yet: the bootstrap token and the token of an invitation.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use helvetisafe_proto::ErrorCode;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::connections::Peer;
use crate::http::Refusal;
use crate::http::authorized::bearer;
use crate::http::head::X_AEGIS_TOKEN;
use crate::shared::Shared;
use crate::store::Terms;
use crate::token::Hash;

/// The buckets of failed attempts. All of a kind share one, since an attacker sends another token each time. A valid
/// token is never refused for them.
const BOOTSTRAPS: &str = "bootstrap token";
const INVITATIONS: &str = "invitation";

/// A bootstrap token that is valid, or has founded an organization.
pub(super) struct Bootstrap(pub(super) Hash);

impl FromRequestParts<Arc<Shared>> for Bootstrap {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Refusal> {
        let hash = Hash::of_text(only_bearer(&parts.headers)?);
        let is_valid = shared.store.is_bootstrap(hash).await?;
        mark(parts, is_valid);
        match is_valid {
            true => Ok(Self(hash)),
            false => Err(failed(shared, BOOTSTRAPS, ErrorCode::InvalidBootstrap)),
        }
    }
}

/// The terms of an invitation whose token is valid.
pub(super) struct Invited(pub(super) Terms);

impl FromRequestParts<Arc<Shared>> for Invited {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Refusal> {
        let found = match id(only_bearer(&parts.headers)?) {
            Some(id) => shared.store.invitation(id).await?,
            None => None,
        };
        mark(parts, found.is_some());
        found
            .map(Self)
            .ok_or_else(|| failed(shared, INVITATIONS, ErrorCode::InvalidInvitation))
    }
}

/// Returns the id of the invitation with this token: its SHA-256.
fn id(token: &str) -> Option<[u8; 32]> {
    let bytes = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.decode(token).ok()?);
    (bytes.len() == 32).then(|| Sha256::digest(bytes.as_slice()).into())
}

/// Returns the bearer token of a request without another credential.
fn only_bearer(headers: &HeaderMap) -> Result<&str, Refusal> {
    if headers.contains_key(X_AEGIS_TOKEN) {
        return Err(match bearer(headers)? {
            Some(_) => Refusal::SEVERAL_CREDENTIALS,
            None => Refusal::NO_CREDENTIAL,
        });
    }
    bearer(headers)?.ok_or(Refusal::NO_CREDENTIAL)
}

fn mark(parts: &Parts, is_valid: bool) {
    if let Some(peer) = parts.extensions.get::<Peer>() {
        peer.mark(is_valid);
    }
}

/// Counts a failed attempt like a failed login.
fn failed(shared: &Shared, bucket: &str, code: ErrorCode) -> Refusal {
    match shared.limits.failed_login(bucket) {
        Ok(()) => Refusal::of_code(code),
        Err(wait) => Refusal::too_many(ErrorCode::TooManyFailedLogins, wait),
    }
}
