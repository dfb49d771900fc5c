//! `GET /api/v1/join/chain`: entries of the signed chain, for an invited person.

use axum::Json;
use helvetisafe_proto::endpoint::organization::ChainAnswer;

use super::credentials::Invited;
use super::get_chain::{From, page};
use crate::http::{Refusal, VaultState};

pub(super) async fn call(
    vault: VaultState,
    Invited(terms): Invited,
    from: From,
) -> Result<Json<ChainAnswer>, Refusal> {
    let answer = page(&vault, terms.organization, from).await?;
    Ok(Json(answer))
}
