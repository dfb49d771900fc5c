//! `POST /api/v1/organization/members/disable`: disables an account, and removes its tokens and its wrapped keys.

use axum::Json;
use helvetisafe_proto::endpoint::organization::{Disable, Disabling, Done};

use super::{checks, entries};
use crate::http::authorized::Authorized;
use crate::http::body::JsonBody;
use crate::http::{Refusal, VaultState};
use crate::store::DisableAct;

pub(super) async fn call(
    vault: VaultState,
    caller: Authorized<Disable>,
    JsonBody(disabling, share): JsonBody<Disabling>,
) -> Result<Json<Done>, Refusal> {
    checks::client_id(&disabling.account)?;
    let entry = checks::entry("entry", &disabling.entry)?;
    let grant = caller.grant();
    let disabled = vault.write(|vault| async move {
        let _share = share;
        let entries = std::slice::from_ref(&entry);
        let act = DisableAct {
            grant,
            account: disabling.account,
            checked: entries::check(&vault, &grant, entries, "entry").await,
            entry,
        };
        vault.store.act(act).await
    });
    disabled.await?;
    Ok(Json(Done {}))
}
