//! `GET /api/v1/credentials/org-key`: returns the org key, wrapped for this account's RSA key.

use http::{Method, Request, Response};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{AnswerSize, Endpoint, bare, json};
use crate::retry::Repeat;
use crate::{ApiError, BaseUrl, Scope, key_epoch};

/// Requests the wrapped org key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GetOrgKey;

/// The wrapped org key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrgKeyAnswer {
    /// Base64 of the RSA-OAEP ciphertext, as long as the account's modulus.
    pub encrypted_org_key: String,
    /// The epoch of the key, if the server counts them.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "key_epoch::lenient"
    )]
    pub key_epoch: Option<u64>,
}

impl Endpoint for GetOrgKey {
    type Answer = OrgKeyAnswer;

    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/api/v1/credentials/org-key";
    const SCOPE: Option<Scope> = Some(Scope::CredentialsRead);
    const REPEAT: Repeat = Repeat::Read;
    const ANSWER: AnswerSize = AnswerSize::Credential;
    const SENSITIVE: bool = true;

    fn request(&self, base: &BaseUrl) -> Request<Vec<u8>> {
        bare::<Self>(base, None)
    }

    fn parse(&self, response: Response<Vec<u8>>) -> Result<OrgKeyAnswer, ApiError> {
        json(&response.map(Zeroizing::new), "it is not a wrapped org key")
    }
}
