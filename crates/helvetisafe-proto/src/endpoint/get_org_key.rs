//! `GET /api/v1/credentials/org-key`: the org key, wrapped for this account's RSA key.

use http::{Method, Request, Response};
use serde::{Deserialize, Serialize};

use super::{BodySize, Endpoint, bare, json};
use crate::retry::Repeat;
use crate::{ApiError, BaseUrl, Scope};

/// Asks for the wrapped org key.
#[derive(Clone, Copy, Debug)]
pub struct GetOrgKey;

/// The wrapped org key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrgKeyAnswer {
    /// Base64 of the RSA-OAEP ciphertext, as long as the account's modulus.
    pub encrypted_org_key: String,
}

impl Endpoint for GetOrgKey {
    type Answer = OrgKeyAnswer;

    const REPEAT: Repeat = Repeat::Read;
    const SCOPE: Option<Scope> = Some(Scope::CredentialsRead);
    const BODY: BodySize = BodySize::Credential;

    fn request(&self, base: &BaseUrl) -> Request<Vec<u8>> {
        bare(Method::GET, base.join("/api/v1/credentials/org-key"))
    }

    fn parse(&self, response: &mut Response<Vec<u8>>) -> Result<OrgKeyAnswer, ApiError> {
        json(response, "it is not a wrapped org key")
    }
}
