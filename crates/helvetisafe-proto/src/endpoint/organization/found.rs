//! `POST /api/v1/organizations`: founds an organization with its first account, which uses up a bootstrap token.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{LockedPrivateKey, OrganizationId, Sha256, call, with_bearer};
use crate::endpoint::{bare, with_json};
use crate::{Base64, ScopeList};

/// Founds an organization.
#[derive(Clone, Debug)]
pub struct FoundOrganization {
    /// The bootstrap token that `helvetisafe-server init` made.
    pub token: SecretString,
    /// The content.
    pub founding: Founding,
}

/// The body of the request. The founder made all of its keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Founding {
    /// The id of the organization, random.
    pub organization: OrganizationId,
    /// The client id of the founder's account, which is also its name in the chain.
    pub account: String,
    /// The name of the founder, for people.
    pub name: String,
    /// The scopes of the founder's account.
    pub scopes: ScopeList,
    /// The SHA-256 of the client secret.
    pub client_secret_hash: Sha256,
    /// The SPKI of the account's RSA key, in DER.
    pub public_key: Base64,
    /// The 32 bytes of the founder's verification key.
    pub verification_key: Base64,
    /// Base64 of the org key, wrapped for the account's RSA key.
    pub encrypted_org_key: String,
    /// The account's private key under a password, if it is to be fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_key: Option<LockedPrivateKey>,
    /// The first entry of the chain.
    pub genesis: Base64,
}

call! {
    FoundOrganization: POST "/api/v1/organizations", None, Update, Credential -> super::Done,
    request: |call, base| with_json(with_bearer(bare::<Self>(base, None), &call.token), &call.founding),
    what: "it does not confirm the organization"
}
