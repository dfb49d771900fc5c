//! `GET /api/v1/account`: returns the account of the credential and its organization.

use serde::{Deserialize, Serialize};

use super::{OrganizationId, call};
use crate::endpoint::bare;
use crate::{Scope, ScopeList};

/// Requests the account of the credential.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GetAccount;

/// The account of the credential, as the vault states it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountAnswer {
    /// The organization.
    pub organization: OrganizationId,
    /// The number of the present org key; the first one has 1.
    pub key_epoch: u64,
    /// The client id.
    pub account: String,
    /// The name for people, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The scopes of the account.
    pub scopes: ScopeList,
    /// The scopes of the credential: a part of the account's.
    pub granted: ScopeList,
    /// True if the organization has a signed chain. One that `dev` or the test library made has none.
    pub has_chain: bool,
}

call! {
    GetAccount: GET "/api/v1/account", Some(Scope::CredentialsRead), Read, Credential -> AccountAnswer,
    request: |_call, base| bare::<Self>(base, None),
    what: "it does not describe the account"
}
