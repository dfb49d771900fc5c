//! `GET /api/v1/secrets/{key}`: one secret's ciphertext.

use axum::Json;
use helvetisafe_proto::endpoint::{GetSecret, SecretRecord};

use super::allowed::{Allowed, KeyInPath};
use super::{Refusal, Vault};
use crate::store::Moment;

pub(super) async fn call(
    vault: Vault,
    caller: Allowed<GetSecret>,
    key: KeyInPath,
) -> Result<Json<SecretRecord>, Refusal> {
    let found = vault
        .store
        .secret(caller.organization, key.for_reading()?, Moment::now())
        .await?;
    found.map(Json).ok_or_else(Refusal::no_such_secret)
}
