//! `GET /api/v1/account/tokens`: the API tokens of the account, without the tokens.

use axum::Json;
use helvetisafe_proto::endpoint::organization::{ApiTokensAnswer, ListApiTokens};

use crate::http::authorized::Authorized;
use crate::http::{Refusal, VaultState};

pub(in crate::http) async fn call(
    vault: VaultState,
    caller: Authorized<ListApiTokens>,
) -> Result<Json<ApiTokensAnswer>, Refusal> {
    let tokens = vault.store.api_tokens(caller.account).await?;
    let tokens = tokens.into_iter().map(Into::into).collect();
    Ok(Json(ApiTokensAnswer { tokens }))
}
