//! `POST /api/v1/join`: stores the request of an invited person, for an administrator to confirm.

use axum::Json;
use helvetisafe_proto::endpoint::organization::{Done, JoinBody};

use super::checks;
use super::credentials::Invited;
use crate::http::body::JsonBody;
use crate::http::{Refusal, VaultState};
use crate::store::{AccountId, JoinAct, MemberRow, Terms};
use crate::token;

pub(super) async fn call(
    vault: VaultState,
    Invited(terms): Invited,
    JsonBody(request, share): JsonBody<JoinBody>,
) -> Result<Json<Done>, Refusal> {
    let act = act(terms, request)?;
    let joined = vault.write(|vault| async move {
        let _share = share;
        vault.store.act(act).await
    });
    joined.await?;
    Ok(Json(Done {}))
}

fn act(terms: Terms, request: JoinBody) -> Result<JoinAct, Refusal> {
    checks::client_id(&request.account)?;
    checks::length("tag", &request.tag, 32)?;
    let public_key = checks::public_key(&request.public_key)?;
    let key = request.verification_key.as_ref();
    let key = key.map(checks::verification_key).transpose()?;
    checks::private_key(request.private_key.as_ref())?;
    Ok(JoinAct {
        invitation: terms.id,
        member: MemberRow {
            id: AccountId(token::generate_id()?),
            organization: terms.organization,
            name: terms.name,
            client_id: request.account.clone(),
            client_secret_hash: request.client_secret_hash.to_bytes(),
            scopes: terms.scopes,
            public_key: public_key.as_der().to_vec(),
            verification_key: key.map(|key| *key.as_bytes()),
            private_key: request.private_key.clone(),
        },
        request,
    })
}
