//! `GET /api/v1/credentials/org-key`: the org key, wrapped for this account's RSA key.

use axum::Json;
use helvetisafe_proto::endpoint::{GetOrgKey, OrgKeyAnswer};

use super::allowed::Allowed;
use super::body::NoBody;
use super::{Refusal, Vault};

pub(super) async fn call(
    vault: Vault,
    caller: Allowed<GetOrgKey>,
    _: NoBody,
) -> Result<Json<OrgKeyAnswer>, Refusal> {
    let encrypted_org_key = vault.store.encrypted_org_key(caller.account).await?;
    Ok(Json(OrgKeyAnswer { encrypted_org_key }))
}
