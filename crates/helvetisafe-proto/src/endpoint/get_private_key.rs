//! `GET /api/v1/credentials/private-key`: returns the account's RSA key, encrypted under its password.

use http::{Method, Request, Response};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{AnswerSize, Endpoint, bare, json};
use crate::retry::Repeat;
use crate::{ApiError, BaseUrl, Scope};

/// Requests the locked private key; needed only if a password is the key source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/api/v1/credentials/private-key";
    const SCOPE: Option<Scope> = Some(Scope::CredentialsRead);
    const REPEAT: Repeat = Repeat::Read;
    const ANSWER: AnswerSize = AnswerSize::Credential;
    const SENSITIVE: bool = true;

    fn request(&self, base: &BaseUrl) -> Request<Vec<u8>> {
        bare::<Self>(base, None)
    }

    fn parse(&self, response: Response<Vec<u8>>) -> Result<PrivateKeyAnswer, ApiError> {
        json(
            &response.map(Zeroizing::new),
            "it is not a locked private key",
        )
    }
}
