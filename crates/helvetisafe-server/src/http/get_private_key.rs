//! `GET /api/v1/credentials/private-key`: the account's RSA key, locked by its password.

use axum::Json;
use helvetisafe_proto::endpoint::{GetPrivateKey, PrivateKeyAnswer};

use super::allowed::Allowed;
use super::body::NoBody;
use super::{Refusal, Vault};

pub(super) async fn call(
    vault: Vault,
    caller: Allowed<GetPrivateKey>,
    _: NoBody,
) -> Result<Json<PrivateKeyAnswer>, Refusal> {
    Ok(Json(vault.store.private_key(caller.account).await?))
}
