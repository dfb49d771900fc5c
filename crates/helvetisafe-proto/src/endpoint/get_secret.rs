//! `GET /api/v1/secrets/{key}`: one secret's ciphertext.

use http::{Method, Request, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{BodySize, Endpoint, bare, json};
use crate::retry::Repeat;
use crate::{ApiError, BaseUrl, KeyName, Scope, time};

/// Asks for one secret.
#[derive(Clone, Debug)]
pub struct GetSecret {
    /// Its name.
    pub key: KeyName,
}

/// One secret as the server holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretRecord {
    /// Its name.
    pub key: KeyName,
    /// Base64 of the ciphertext followed by its 16-byte tag.
    pub value: String,
    /// Base64 of the 12-byte nonce.
    pub nonce: String,
    /// When it will be gone.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "time::write"
    )]
    pub expires_at: Option<Timestamp>,
}

impl Endpoint for GetSecret {
    type Answer = SecretRecord;

    const REPEAT: Repeat = Repeat::Read;
    const SCOPE: Option<Scope> = Some(Scope::SecretsRead);
    const BODY: BodySize = BodySize::Secret;

    fn request(&self, base: &BaseUrl) -> Request<Vec<u8>> {
        bare(
            Method::GET,
            base.join(&format!("/api/v1/secrets/{}", self.key)),
        )
    }

    /// An answer for another name than the one asked for is refused as malformed.
    fn parse(&self, response: &Response<Vec<u8>>) -> Result<SecretRecord, ApiError> {
        let record: SecretRecord = json(response, "it is not a secret")?;
        if record.key != self.key {
            return Err(ApiError::malformed(
                "it is for another key than the one asked for",
            ));
        }
        Ok(record)
    }
}
