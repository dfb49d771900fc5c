//! `GET /api/v1/secrets`: the names and dates of all secrets, ordered by name.

use axum::Json;
use helvetisafe_proto::endpoint::{ListSecrets, SecretsAnswer};

use super::allowed::Allowed;
use super::{Refusal, Vault};
use crate::store::Moment;

pub(super) async fn call(
    vault: Vault,
    caller: Allowed<ListSecrets>,
) -> Result<Json<SecretsAnswer>, Refusal> {
    let keys = vault
        .store
        .list_secrets(caller.organization, Moment::now())
        .await?;
    Ok(Json(SecretsAnswer { keys }))
}
