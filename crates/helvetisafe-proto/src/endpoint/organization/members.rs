//! `/api/v1/organization/members`: lists, confirms and disables accounts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{InvitationId, Sha256, call};
use crate::endpoint::{bare, with_json};
use crate::{Base64, Scope, ScopeList};

/// Requests all accounts of the organization.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListMembers;

/// The accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MembersAnswer {
    /// One for each, in the order of their client ids, without those that wait for a confirmation.
    pub members: Vec<Member>,
}

/// An account, as the vault states it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The client id.
    pub account: String,
    /// The name for people, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The scopes.
    pub scopes: ScopeList,
    /// The state.
    pub status: MemberStatus,
    /// The SPKI of its RSA key, in DER, if the vault has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<Base64>,
    /// The 32 bytes of its verification key, for an administrator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification_key: Option<Base64>,
    /// The time of its creation.
    pub created_at: Timestamp,
    /// The time at which it was disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<Timestamp>,
}

/// The state of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MemberStatus {
    /// It can be used.
    Active,
    /// It was disabled.
    Disabled,
}

/// Confirms a request to join: the account becomes active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirm {
    /// The content.
    pub confirmation: Confirmation,
}

/// The body of a confirmation. In one transaction the vault compares epoch and hash with what it stores, appends the
/// entries, stores the wrapped key, and activates the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// The invitation whose request is confirmed.
    pub invitation: InvitationId,
    /// The SHA-256 of the account's SPKI.
    pub public_key_hash: Sha256,
    /// The epoch of the wrapped org key.
    pub key_epoch: u64,
    /// Base64 of the org key, wrapped for the account's RSA key.
    pub encrypted_org_key: String,
    /// The next entries of the chain: that of the member and, for an administrator, that of the administrator.
    pub entries: Vec<Base64>,
}

/// Disables an account: its tokens and its wrapped keys are removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disable {
    /// The content.
    pub disabling: Disabling,
}

/// The body of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disabling {
    /// The client id.
    pub account: String,
    /// The next entry of the chain.
    pub entry: Base64,
}

call! {
    ListMembers: GET "/api/v1/organization/members", Some(Scope::OrganizationRead), Read, List -> MembersAnswer,
    request: |_call, base| bare::<Self>(base, None),
    what: "it is not a list of members"
}

call! {
    Confirm: POST "/api/v1/organization/members", Some(Scope::OrganizationWrite), Update, Credential -> super::Done,
    request: |call, base| with_json(bare::<Self>(base, None), &call.confirmation),
    what: "it does not confirm the member"
}

call! {
    Disable: POST "/api/v1/organization/members/disable", Some(Scope::OrganizationWrite), Update, Credential
        -> super::Done,
    request: |call, base| with_json(bare::<Self>(base, None), &call.disabling),
    what: "it does not confirm that the account is disabled"
}
