//! `POST /api/v1/organization/members`: confirms a request to join, whose account becomes active.

use axum::Json;
use helvetisafe_proto::endpoint::organization::{Confirm, Confirmation, Done};

use super::{checks, entries};
use crate::http::authorized::Authorized;
use crate::http::body::JsonBody;
use crate::http::{Refusal, VaultState};
use crate::store::{ConfirmAct, KeyEpoch};

/// The largest number of entries.
const MOST: usize = 2;

pub(super) async fn call(
    vault: VaultState,
    caller: Authorized<Confirm>,
    JsonBody(confirmation, share): JsonBody<Confirmation>,
) -> Result<Json<Done>, Refusal> {
    if confirmation.entries.len() > MOST {
        let remedy = "send the entry of the member, and for an administrator a second one";
        return Err(Refusal::invalid_member("entries", remedy));
    }
    checks::wrapped_key(&confirmation.encrypted_org_key)?;
    let entries = confirmation.entries.iter();
    let entries = entries.map(|entry| checks::entry("entries", entry));
    let entries: Vec<_> = entries.collect::<Result<_, _>>()?;
    let grant = caller.grant();
    let confirmed = vault.write(|vault| async move {
        let _share = share;
        let act = ConfirmAct {
            grant,
            invitation: confirmation.invitation.to_bytes(),
            public_key_hash: confirmation.public_key_hash.to_bytes(),
            key_epoch: KeyEpoch::from_wire(confirmation.key_epoch),
            encrypted_org_key: confirmation.encrypted_org_key,
            checked: entries::check(&vault, &grant, &entries, "entries").await,
            entries,
        };
        vault.store.act(act).await
    });
    confirmed.await?;
    Ok(Json(Done {}))
}
