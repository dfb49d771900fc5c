//! `GET /api/v1/secrets/{key}`: one secret's ciphertext.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_TYPE, ETAG};
use axum::response::{IntoResponse, Response};
use helvetisafe_proto::Endpoint;
use helvetisafe_proto::endpoint::GetSecret;

use super::authorized::{Credential, KeyInPath};
use super::pieces::in_pieces;
use super::{Refusal, VaultState};
use crate::shared::Shared;

/// Returns the name in the path of a request, if it is one of this call and its name has no escapes.
pub(super) fn plain_key(request: &Request) -> Option<KeyInPath> {
    if request.method() != GetSecret::METHOD {
        return None;
    }
    let prefix = GetSecret::PATH.strip_suffix("{key}")?;
    let key = request.uri().path().strip_prefix(prefix)?;
    let is_plain = !key.is_empty() && !key.contains(['/', '%']);
    is_plain.then(|| KeyInPath::plain(key))
}

/// Answers a request for the secret with this name.
pub(super) async fn answer(request: Request, shared: Arc<Shared>, key: KeyInPath) -> Response {
    let credential = Credential::of_request(&request);
    drop(request);
    match credential {
        Ok(credential) => call(State(shared), credential, key).await.into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

pub(super) async fn call(
    vault: VaultState,
    credential: Credential,
    key: KeyInPath,
) -> Result<impl IntoResponse, Refusal> {
    let key = key.for_reading();
    // One statement finds the token and the secret, in a database that may be on another machine.
    let name = key.as_ref().ok().cloned();
    let found = vault.store.read_secret(&credential.hash, name).await?;
    let (principal, record) = found.unzip();
    let principal = credential.admit::<GetSecret>(principal, &vault)?;
    let key = key?;
    let record = record.flatten().ok_or(Refusal::NO_SUCH_SECRET)?;
    if let Some(reads) = &vault.reads {
        reads.add(&principal, &key);
    }
    let json = HeaderValue::from_static("application/json");
    let version = record.version.as_ref();
    let entity_tag = version.map(|version| [(ETAG, version.to_entity_tag())]);
    let body = in_pieces(vault.secret(&record)?);
    Ok(([(CONTENT_TYPE, json)], entity_tag, body))
}
