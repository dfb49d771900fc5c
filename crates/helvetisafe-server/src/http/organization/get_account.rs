//! `GET /api/v1/account`: the account of the credential and its organization.

use axum::Json;
use helvetisafe_proto::endpoint::organization::{AccountAnswer, GetAccount};

use crate::http::authorized::Authorized;
use crate::http::{Refusal, VaultState};

pub(super) async fn call(
    vault: VaultState,
    caller: Authorized<GetAccount>,
) -> Result<Json<AccountAnswer>, Refusal> {
    let found = vault.store.account_details(caller.account).await?;
    let account = found.ok_or(Refusal::INVALID_TOKEN)?;
    Ok(Json(AccountAnswer {
        organization: account.organization.into(),
        key_epoch: account.key_epoch.0.cast_unsigned(),
        account: account.client_id,
        name: account.name,
        scopes: account.scopes.into(),
        granted: caller.scopes.into(),
        has_chain: account.has_chain,
    }))
}
