//! `POST /api/v1/secrets`: creates a secret; 409 when the name exists.

use http::{Method, Request, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AnswerSize, Endpoint, bare, json, with_json};
use crate::retry::Repeat;
use crate::{ApiError, BaseUrl, KeyName, Scope, Time, Version, key_epoch, time, version};

/// Sends a new secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateSecret {
    /// The secret to store.
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
    /// Its expiry.
    #[serde(
        rename = "expiresAt",
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "time::write"
    )]
    pub expires_at: Option<Timestamp>,
    /// The epoch of the org key that sealed the value, for a server that counts them.
    #[serde(rename = "keyEpoch", default, skip_serializing_if = "Option::is_none")]
    pub key_epoch: Option<u64>,
}

/// The body of a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedSecret {
    /// Its name.
    pub key: String,
    /// The time of its creation.
    #[serde(default, skip_serializing_if = "Time::is_absent")]
    pub created_at: Time,
    /// Its expiry.
    #[serde(default, skip_serializing_if = "Time::is_absent")]
    pub expires_at: Time,
    /// Its version, if the server gives versions.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "version::lenient"
    )]
    pub version: Option<Version>,
    /// The epoch of the org key that sealed it, if the server counts them.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "key_epoch::lenient"
    )]
    pub key_epoch: Option<u64>,
}

impl Endpoint for CreateSecret {
    type Answer = CreatedSecret;

    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/api/v1/secrets";
    const SCOPE: Option<Scope> = Some(Scope::SecretsWrite);
    const REPEAT: Repeat = Repeat::Create;
    const ANSWER: AnswerSize = AnswerSize::Credential;
    const SENSITIVE: bool = false;
    const HAS_IDEMPOTENCY_KEY: bool = true;

    fn request(&self, base: &BaseUrl) -> Request<Vec<u8>> {
        with_json(bare::<Self>(base, None), &self.secret)
    }

    fn parse(&self, response: Response<Vec<u8>>) -> Result<CreatedSecret, ApiError> {
        json(&response, "it does not describe the created secret")
    }
}
