//! `GET /api/v1/credentials/private-key`: the account's RSA key, locked by its password.

use http::{Method, Request, Response};
use serde::{Deserialize, Serialize};

use super::{BodySize, Endpoint, bare, json};
use crate::retry::Repeat;
use crate::{ApiError, BaseUrl, Scope};

/// Asks for the locked private key; only needed where a password is the key source.
#[derive(Clone, Copy, Debug)]
pub struct GetPrivateKey;

/// A private key as a JWK under AES-256-GCM, with the salt of its Argon2id key. All base64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivateKeyAnswer {
    /// The ciphertext, without its tag.
    pub encrypted_private_key: String,
    /// The 12-byte nonce.
    pub nonce: String,
    /// The salt.
    pub salt: String,
    /// The 16-byte tag.
    pub auth_tag: String,
}

impl Endpoint for GetPrivateKey {
    type Answer = PrivateKeyAnswer;

    const REPEAT: Repeat = Repeat::Read;
    const SCOPE: Option<Scope> = Some(Scope::CredentialsRead);
    const BODY: BodySize = BodySize::Credential;

    fn request(&self, base: &BaseUrl) -> Request<Vec<u8>> {
        bare(Method::GET, base.join("/api/v1/credentials/private-key"))
    }

    fn parse(&self, response: &mut Response<Vec<u8>>) -> Result<PrivateKeyAnswer, ApiError> {
        json(response, "it is not a locked private key")
    }
}
