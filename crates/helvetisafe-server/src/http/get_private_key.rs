//! `GET /api/v1/credentials/private-key`: the account's RSA key, locked with its password.

use axum::Json;
use helvetisafe_proto::endpoint::{GetPrivateKey, PrivateKeyAnswer};

use super::authorized::Authorized;
use super::{Refusal, VaultState};

pub(super) async fn call(
    vault: VaultState,
    caller: Authorized<GetPrivateKey>,
) -> Result<Json<PrivateKeyAnswer>, Refusal> {
    let found = vault.store.private_key(caller.account).await?;
    found.map(Json).ok_or(Refusal::UNKNOWN_PATH)
}
