//! `GET /api/v1/secrets/{key}`: one secret's ciphertext.

use axum::http::HeaderValue;
use axum::http::header::{CONTENT_TYPE, ETAG};
use axum::response::IntoResponse;
use helvetisafe_proto::endpoint::GetSecret;

use super::authorized::{Credential, KeyInPath};
use super::pieces::in_pieces;
use super::{Refusal, VaultState};

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
