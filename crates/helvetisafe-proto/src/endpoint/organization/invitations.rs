//! `/api/v1/organization/invitations`: invites, lists and withdraws.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{InvitationId, JoinBody, call};
use crate::endpoint::{bare, bare_at, with_json};
use crate::{Base64, Scope, ScopeList};

/// Invites a person or a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    /// The invitation to store.
    pub invitation: NewInvitation,
}

/// The terms of an invitation and its sealed secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewInvitation {
    /// The id.
    pub id: InvitationId,
    /// The name of the new account, for people.
    pub name: String,
    /// The scopes of the new account. One with `organization:write` is an administrator.
    pub scopes: ScopeList,
    /// The time of expiry, in whole seconds.
    pub expires_at: Timestamp,
    /// The secret, sealed for all administrators.
    pub sealed: SealedInvitation,
}

/// The secret of an invitation, sealed under the org key of an epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedInvitation {
    /// The epoch of the org key.
    pub key_epoch: u64,
    /// The nonce, 12 bytes.
    pub nonce: Base64,
    /// The ciphertext and its tag, 48 bytes.
    pub value: Base64,
    /// An administrator's signature of the terms, 64 bytes.
    pub signature: Base64,
}

/// Requests all invitations that are not confirmed, withdrawn or expired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListInvitations;

/// The invitations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationsAnswer {
    /// One for each, in the order of their names.
    pub invitations: Vec<InvitationRecord>,
}

/// An invitation as the vault stores it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationRecord {
    /// The terms.
    #[serde(flatten)]
    pub invitation: NewInvitation,
    /// The client id of the account that invited.
    pub invited_by: String,
    /// The time of the invitation.
    pub created_at: Timestamp,
    /// The request of the invited person, after it has joined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<JoinBody>,
}

/// The state of an invitation, for the invited person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InvitationStatus {
    /// It can be used.
    Pending,
    /// A request to join waits for an administrator.
    Joined,
    /// The account is active.
    Confirmed,
}

/// Withdraws an invitation, also one whose request to join is not yet confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WithdrawInvitation {
    /// The id.
    pub id: InvitationId,
}

call! {
    Invite: POST "/api/v1/organization/invitations", Some(Scope::OrganizationWrite), Update, Credential -> super::Done,
    request: |call, base| with_json(bare::<Self>(base, None), &call.invitation),
    what: "it does not confirm the invitation"
}

call! {
    ListInvitations: GET "/api/v1/organization/invitations", Some(Scope::OrganizationWrite), Read, List
        -> InvitationsAnswer,
    request: |_call, base| bare::<Self>(base, None),
    what: "it is not a list of invitations"
}

call! {
    WithdrawInvitation: DELETE "/api/v1/organization/invitations/{id}", Some(Scope::OrganizationWrite), Update, Credential
        -> super::Done,
    request: |call, base| bare_at::<Self>(base, &call.id.to_string()),
    what: "it does not confirm that the invitation is withdrawn"
}
