//! `/api/v1/account/tokens`: the API tokens of the account of the credential.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ApiTokenId, Sha256, call};
use crate::endpoint::{bare, bare_at, with_json};
use crate::{Scope, ScopeList};

/// Creates an API token. The client has made it, and the vault gets its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateApiToken {
    /// The content.
    pub token: NewApiToken,
}

/// The body of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewApiToken {
    /// The SHA-256 of the token.
    pub hash: Sha256,
    /// A name for people.
    pub name: String,
    /// Its scopes, which the account and the credential of this request must have.
    pub scopes: ScopeList,
    /// The time of expiry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// An API token, without the token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiTokenRecord {
    /// The id.
    pub id: ApiTokenId,
    /// The name for people, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its scopes.
    pub scopes: ScopeList,
    /// The time of its creation, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// The time of expiry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// Requests the API tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListApiTokens;

/// The API tokens that have not expired.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiTokensAnswer {
    /// One for each, in the order of their creation.
    pub tokens: Vec<ApiTokenRecord>,
}

/// Revokes an API token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevokeApiToken {
    /// The id.
    pub id: ApiTokenId,
}

call! {
    CreateApiToken: POST "/api/v1/account/tokens", Some(Scope::TokensWrite), Update, Credential -> ApiTokenRecord,
    request: |call, base| with_json(bare::<Self>(base, None), &call.token),
    what: "it does not describe the created token"
}

call! {
    ListApiTokens: GET "/api/v1/account/tokens", Some(Scope::TokensWrite), Read, List -> ApiTokensAnswer,
    request: |_call, base| bare::<Self>(base, None),
    what: "it is not a list of tokens"
}

call! {
    RevokeApiToken: DELETE "/api/v1/account/tokens/{id}", Some(Scope::TokensWrite), Update, Credential -> super::Done,
    request: |call, base| bare_at::<Self>(base, &call.id.to_string()),
    what: "it does not confirm that the token is revoked"
}
