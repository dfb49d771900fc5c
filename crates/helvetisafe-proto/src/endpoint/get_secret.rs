//! `GET /api/v1/secrets/{key}`: returns one secret's ciphertext.

use std::borrow::Cow;
use std::ops::Range;

use http::{Method, Request, Response};
use serde::{Deserialize, Serialize};

use super::{AnswerSize, Endpoint, bare, json};
use crate::retry::Repeat;
use crate::{ApiError, BaseUrl, KeyName, Scope, Time, Version, key_epoch, version};

/// Requests one secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetSecret {
    /// Its name.
    pub key: KeyName,
}

/// One secret as the server stores it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretRecord {
    /// Its name.
    pub key: KeyName,
    /// Base64 of the ciphertext followed by its 16-byte tag.
    pub value: String,
    /// Base64 of the 12-byte nonce.
    pub nonce: String,
    /// Its expiry.
    #[serde(default, skip_serializing_if = "Time::is_absent")]
    pub expires_at: Time,
    /// The time of the last write.
    #[serde(default, skip_serializing_if = "Time::is_absent")]
    pub updated_at: Time,
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

impl Endpoint for GetSecret {
    type Answer = SecretRecord;

    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/api/v1/secrets/{key}";
    const SCOPE: Option<Scope> = Some(Scope::SecretsRead);
    const REPEAT: Repeat = Repeat::Read;
    const ANSWER: AnswerSize = AnswerSize::Secret;
    const SENSITIVE: bool = false;

    fn request(&self, base: &BaseUrl) -> Request<Vec<u8>> {
        bare::<Self>(base, Some(&self.key))
    }

    /// Refuses an answer for another name as malformed.
    fn parse(&self, response: Response<Vec<u8>>) -> Result<SecretRecord, ApiError> {
        let answer: Answer<'_> = json(&response, NO_SECRET)?;
        if answer.key != self.key {
            return Err(ApiError::malformed(
                "it is for another key than the one asked for",
            ));
        }
        let mut record = SecretRecord {
            key: answer.key,
            value: String::new(),
            nonce: answer.nonce,
            expires_at: answer.expires_at,
            updated_at: answer.updated_at,
            version: answer.version,
            key_epoch: answer.key_epoch,
        };
        record.value = match answer.value {
            Cow::Owned(unescaped) => unescaped,
            Cow::Borrowed(text) => {
                let start = text.as_ptr() as usize - response.body().as_ptr() as usize;
                let place = start..start + text.len();
                cut(response.into_body(), place)?
            }
        };
        Ok(record)
    }
}

const NO_SECRET: &str = "it is not a secret";

/// A [`SecretRecord`] whose value is still a slice of the body.
#[derive(Deserialize)]
struct Answer<'a> {
    key: KeyName,
    #[serde(borrow)]
    value: Cow<'a, str>,
    nonce: String,
    #[serde(default)]
    expires_at: Time,
    #[serde(default)]
    updated_at: Time,
    #[serde(default, deserialize_with = "version::lenient")]
    version: Option<Version>,
    #[serde(default, deserialize_with = "key_epoch::lenient")]
    key_epoch: Option<u64>,
}

/// Returns a part of the body as text, in the body's own memory: moving 1 MiB is cheaper than allocating
/// another.
fn cut(mut body: Vec<u8>, place: Range<usize>) -> Result<String, ApiError> {
    body.truncate(place.end);
    body.drain(..place.start);
    String::from_utf8(body).map_err(|_| ApiError::malformed(NO_SECRET))
}
