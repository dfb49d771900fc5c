//! `/api/v1/join`: the calls of an invited person, whose credential is the token of the invitation.

use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{
    InvitationId, InvitationStatus, LockedPrivateKey, OrganizationId, Sha256, call, with_bearer,
};
use crate::endpoint::{bare, with_json};
use crate::{Base64, ScopeList};

/// Requests the terms of an invitation.
#[derive(Clone, Debug)]
pub struct GetInvitation {
    /// The token of the invitation, as base64url without padding.
    pub token: SecretString,
}

/// The terms of an invitation, as the vault states them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationTerms {
    /// The organization.
    pub organization: OrganizationId,
    /// The id of the invitation.
    pub id: InvitationId,
    /// The name of the new account.
    pub name: String,
    /// The scopes of the new account.
    pub scopes: ScopeList,
    /// The time of expiry.
    pub expires_at: Timestamp,
    /// The state.
    pub status: InvitationStatus,
}

/// Sends a request to join.
#[derive(Clone, Debug)]
pub struct Join {
    /// The token of the invitation, as base64url without padding.
    pub token: SecretString,
    /// The request.
    pub request: JoinBody,
}

/// A request to join, and its tag: section Join request of `docs/organization-keys.md`. Name and scopes are those of
/// the invitation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinBody {
    /// The epoch that the invited person reached by following the chain.
    pub epoch: u64,
    /// The 32 bytes of the fingerprint of its org key.
    pub fingerprint: Sha256,
    /// The client id of the new account, which is also its name in the chain.
    pub account: String,
    /// The SPKI of its RSA key, in DER.
    pub public_key: Base64,
    /// The SHA-256 of its client secret.
    pub client_secret_hash: Sha256,
    /// The 32 bytes of its verification key, for an administrator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification_key: Option<Base64>,
    /// Its private key under a password, if it is to be fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_key: Option<LockedPrivateKey>,
    /// The HMAC of the transcript, 32 bytes.
    pub tag: Base64,
}

call! {
    GetInvitation: GET "/api/v1/join", None, Read, Credential -> InvitationTerms,
    request: |call, base| with_bearer(bare::<Self>(base, None), &call.token),
    what: "it does not describe the invitation"
}

call! {
    Join: POST "/api/v1/join", None, Update, Credential -> super::Done,
    request: |call, base| with_json(with_bearer(bare::<Self>(base, None), &call.token), &call.request),
    what: "it does not confirm the request to join"
}
