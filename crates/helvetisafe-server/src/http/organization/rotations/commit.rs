//! `POST /api/v1/organization/rotations/{id}/commit`: makes the next epoch the present one.

use std::collections::BTreeMap;

use axum::Json;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use helvetisafe_proto::endpoint::organization::{
    CommitRotation, Commitment, Committed, ResealedInvitation, Wrap,
};

use crate::http::authorized::WithAccessToken;
use crate::http::body::JsonBody;
use crate::http::id_in_path::IdInPath;
use crate::http::organization::{checks, entries};
use crate::http::{Refusal, VaultState};
use crate::store::{CommitRotationAct, KeyEpoch, Resealed};

/// The size of a nonce, of a sealed secret with its tag, and of a signature, in bytes.
const NONCE: usize = 12;
const SEALED: usize = 48;
const SIGNATURE: usize = 64;

pub(super) async fn call(
    vault: VaultState,
    caller: WithAccessToken<CommitRotation>,
    id: IdInPath,
    JsonBody(commitment, share): JsonBody<Commitment>,
) -> Result<Json<Committed>, Refusal> {
    let (grant, id) = (caller.grant(), id.stored()?);
    let entry = checks::entry("entry", &commitment.entry)?;
    let wraps = wraps(commitment.wraps)?;
    let invitations = invitations(commitment.invitations)?;
    let committed = vault.write(|vault| async move {
        let _share = share;
        let one = std::slice::from_ref(&entry);
        let act = CommitRotationAct {
            grant,
            id,
            checked: entries::check(&vault, &grant, one, "entry").await,
            entry,
            wraps,
            invitations,
        };
        vault.store.act(act).await
    });
    let key_epoch = committed.await?.number();
    Ok(Json(Committed { key_epoch }))
}

fn wraps(wraps: Vec<Wrap>) -> Result<BTreeMap<String, String>, Refusal> {
    let mut by_account = BTreeMap::new();
    for wrap in wraps {
        checks::wrapped_key(&wrap.encrypted_org_key)?;
        let earlier = by_account.insert(wrap.account, wrap.encrypted_org_key);
        if earlier.is_some() {
            return Err(Refusal::invalid_member("wraps", "send each account once"));
        }
    }
    Ok(by_account)
}

fn invitations(sent: Vec<ResealedInvitation>) -> Result<BTreeMap<[u8; 32], Resealed>, Refusal> {
    let mut by_id = BTreeMap::new();
    for ResealedInvitation { id, sealed } in sent {
        checks::length("nonce", &sealed.nonce, NONCE)?;
        checks::length("value", &sealed.value, SEALED)?;
        checks::length("signature", &sealed.signature, SIGNATURE)?;
        let sealed = Resealed {
            key_epoch: KeyEpoch::from_wire(sealed.key_epoch),
            nonce: BASE64_STANDARD.encode(&sealed.nonce),
            sealed: BASE64_STANDARD.encode(&sealed.value),
            signature: sealed.signature.0,
        };
        if by_id.insert(id.to_bytes(), sealed).is_some() {
            let problem = "send each invitation once";
            return Err(Refusal::invalid_member("invitations", problem));
        }
    }
    Ok(by_id)
}
