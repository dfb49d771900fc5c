//! `/api/v1/organization/rotations`: replaces the org key. The client re-encrypts each secret and stages it for the
//! next epoch; a commit makes that epoch the present one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{InvitationId, RotationId, SealedInvitation, call};
use crate::endpoint::{add_query, bare, bare_at, with_json};
use crate::{Base64, KeyName, Scope, Version};

/// Begins a rotation, or takes it over after its lease has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BeginRotation {
    /// The content.
    pub rotation: NewRotation,
}

/// The body of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewRotation {
    /// The id.
    pub id: RotationId,
    /// The next epoch.
    pub to_epoch: u64,
}

/// Requests the rotation in progress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GetRotation;

/// The rotation in progress.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotationAnswer {
    /// The rotation; `None` if none is in progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<RotationState>,
}

/// A rotation in progress.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotationState {
    /// The id.
    pub id: RotationId,
    /// The next epoch.
    pub to_epoch: u64,
    /// The client id of the account that began it.
    pub started_by: String,
    /// The time at which it began.
    pub created_at: Timestamp,
    /// The end of the lease: until then no other rotation can begin, and no other account can take this one over. Each
    /// staging extends it.
    pub lease_until: Timestamp,
}

/// Requests secrets that are not staged in their present version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListUnstaged {
    /// The rotation.
    pub id: RotationId,
    /// The largest number of secrets in the answer.
    pub limit: u32,
}

/// Secrets that are not staged in their present version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnstagedAnswer {
    /// The first ones, in the order of the bytes of their names.
    pub secrets: Vec<Unstaged>,
    /// The number of all of them.
    pub count: u64,
}

/// A secret that is not staged in its present version: its ciphertext of the present epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unstaged {
    /// The name.
    pub key: KeyName,
    /// The version.
    pub version: Version,
    /// Base64 of the ciphertext followed by its 16-byte tag.
    pub value: String,
    /// Base64 of the 12-byte nonce.
    pub nonce: String,
}

/// Stages secrets for the next epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageSecrets {
    /// The rotation.
    pub id: RotationId,
    /// The secrets.
    pub staged: StagedSecrets,
}

/// The body of the request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedSecrets {
    /// The secrets, each with the version that was re-encrypted. Older staged rows are replaced.
    pub secrets: Vec<StagedSecret>,
    /// True to hold the writes of all clients for at most 2 s, until the commit, so that no secret changes between the last
    /// staging and the commit. The vault ignores it while it holds them, and for 2 s after that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hold_writes: bool,
}

/// A secret, sealed under the next org key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedSecret {
    /// The name.
    pub key: KeyName,
    /// The version that was re-encrypted.
    pub based_on: Version,
    /// Base64 of the ciphertext followed by its 16-byte tag.
    pub value: String,
    /// Base64 of the 12-byte nonce.
    pub nonce: String,
}

/// Makes the next epoch the present one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitRotation {
    /// The rotation.
    pub id: RotationId,
    /// The content.
    pub commitment: Commitment,
}

/// The body of a commit. In one transaction the vault checks that every secret is staged in its present version, that
/// there is a wrap for every active account and a sealed secret for every open invitation; then it moves the epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commitment {
    /// The next entry of the chain, with the fingerprint of the new org key.
    pub entry: Base64,
    /// The new org key for every active account.
    pub wraps: Vec<Wrap>,
    /// The secrets of all open invitations, sealed under the new org key.
    pub invitations: Vec<ResealedInvitation>,
}

/// An org key, wrapped for an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wrap {
    /// The client id.
    pub account: String,
    /// Base64 of the RSA-OAEP ciphertext.
    pub encrypted_org_key: String,
}

/// The secret of an open invitation, sealed under the new org key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResealedInvitation {
    /// The invitation.
    pub id: InvitationId,
    /// The sealed secret.
    pub sealed: SealedInvitation,
}

/// The body of a success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Committed {
    /// The present epoch.
    pub key_epoch: u64,
}

/// Abandons a rotation: its staged secrets are never used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbandonRotation {
    /// The rotation.
    pub id: RotationId,
}

const WRITE: Option<Scope> = Some(Scope::OrganizationWrite);

call! {
    BeginRotation: POST "/api/v1/organization/rotations", WRITE, Update, Credential -> RotationState,
    request: |call, base| with_json(bare::<Self>(base, None), &call.rotation),
    what: "it does not describe the rotation"
}

call! {
    GetRotation: GET "/api/v1/organization/rotations", Some(Scope::OrganizationRead), Read, Credential -> RotationAnswer,
    request: |_call, base| bare::<Self>(base, None),
    what: "it does not describe a rotation"
}

call! {
    ListUnstaged: GET "/api/v1/organization/rotations/{id}/secrets", WRITE, Read, List -> UnstagedAnswer,
    request: |call, base| {
        let mut request = bare_at::<Self>(base, &call.id.to_string());
        add_query(request.uri_mut(), &format!("limit={}", call.limit));
        request
    },
    what: "it is not a list of secrets to re-encrypt"
}

call! {
    StageSecrets: PUT "/api/v1/organization/rotations/{id}/secrets", WRITE, Update, Credential -> super::Done,
    request: |call, base| with_json(bare_at::<Self>(base, &call.id.to_string()), &call.staged),
    what: "it does not confirm the staged secrets"
}

call! {
    CommitRotation: POST "/api/v1/organization/rotations/{id}/commit", WRITE, Update, Credential -> Committed,
    request: |call, base| with_json(bare_at::<Self>(base, &call.id.to_string()), &call.commitment),
    what: "it does not confirm the rotation"
}

call! {
    AbandonRotation: DELETE "/api/v1/organization/rotations/{id}", WRITE, Update, Credential -> super::Done,
    request: |call, base| bare_at::<Self>(base, &call.id.to_string()),
    what: "it does not confirm that the rotation is abandoned"
}
