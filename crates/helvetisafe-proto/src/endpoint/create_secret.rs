//! `POST /api/v1/secrets`: a new secret; 409 when the name exists.

use http::{Method, Request, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{BodySize, Endpoint, json, with_json};
use crate::retry::Repeat;
use crate::{ApiError, BaseUrl, KeyName, Scope, time};

/// Sends a new secret.
#[derive(Clone, Debug)]
pub struct CreateSecret {
    /// What to store.
    pub secret: NewSecret,
}

/// The body of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewSecret {
    /// Its name.
    pub key: KeyName,
    /// Base64 of the ciphertext followed by its 16-byte tag.
    pub value: String,
    /// Base64 of the 12-byte nonce.
    pub nonce: String,
    /// When it shall be gone.
    #[serde(
        rename = "expiresAt",
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "time::write"
    )]
    pub expires_at: Option<Timestamp>,
}

/// The body of a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedSecret {
    /// Its name.
    pub key: String,
    /// When it was created.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "time::write"
    )]
    pub created_at: Option<Timestamp>,
    /// When it will be gone.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "time::write"
    )]
    pub expires_at: Option<Timestamp>,
}

impl Endpoint for CreateSecret {
    type Answer = CreatedSecret;

    const REPEAT: Repeat = Repeat::Create;
    const SCOPE: Option<Scope> = Some(Scope::SecretsWrite);
    const BODY: BodySize = BodySize::Credential;

    fn request(&self, base: &BaseUrl) -> Request<Vec<u8>> {
        with_json(Method::POST, base.join("/api/v1/secrets"), &self.secret)
    }

    fn parse(&self, response: &mut Response<Vec<u8>>) -> Result<CreatedSecret, ApiError> {
        json(response, "it does not describe the created secret")
    }
}
