//! `PUT /api/v1/organization/rotations/{id}/secrets`: stages secrets for the next epoch, and extends the lease. A secret
//! that has changed meanwhile is left out, and stays in the list of those that are not staged. With `hold_writes` the
//! writes of all clients wait for the commit, for a short time.

use std::collections::HashSet;

use axum::Json;
use helvetisafe_proto::endpoint::organization::{Done, StageSecrets, StagedSecret, StagedSecrets};
use helvetisafe_proto::{ErrorCode, KeyName};

use crate::http::authorized::WithAccessToken;
use crate::http::body::JsonBody;
use crate::http::ciphertext::check_ciphertext;
use crate::http::id_in_path::IdInPath;
use crate::http::{Refusal, VaultState};
use crate::store::{SecretVersion, Staged, StagedRow, Staging};

pub(super) async fn call(
    vault: VaultState,
    caller: WithAccessToken<StageSecrets>,
    id: IdInPath,
    JsonBody(staged, share): JsonBody<StagedSecrets>,
) -> Result<Json<Done>, Refusal> {
    let staging = Staging {
        credential: caller.credential(),
        rotation: id.stored()?,
        lease: vault.settings.rotation_lease,
        hold: staged.hold_writes,
        secrets: rows(staged.secrets)?,
    };
    let staged = vault.write(|vault| async move {
        let _share = share;
        vault.store.stage(staging).await
    });
    match staged.await? {
        Staged::Done => Ok(Json(Done {})),
        Staged::NoRotation => Err(Refusal::NO_SUCH_RECORD),
        Staged::OfAnother => Err(Refusal::of_code(ErrorCode::RotationInProgress)),
    }
}

/// Checks the secrets, whose names have to differ.
fn rows(secrets: Vec<StagedSecret>) -> Result<Vec<StagedRow>, Refusal> {
    let mut names: HashSet<KeyName> = HashSet::new();
    let rows = secrets.into_iter().map(|secret| {
        if !names.insert(secret.key.clone()) {
            return Err(Refusal::invalid_member("key", "send each name once"));
        }
        let version = SecretVersion::parse(secret.based_on.as_str());
        let version =
            version.ok_or_else(|| Refusal::invalid_member("based_on", "send a version"))?;
        Ok(StagedRow {
            key: secret.key,
            based_on: version,
            ciphertext: check_ciphertext(secret.value, secret.nonce)?,
        })
    });
    rows.collect()
}
