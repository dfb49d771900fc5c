//! `PUT /api/v1/secrets/{key}`: replaces the value of a secret; 404 when the name does not exist, 412 when
//! it has another version than the request names.

use http::header::IF_MATCH;
use http::{Method, Request, Response};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{AnswerSize, Endpoint, bare, json, with_json};
use crate::retry::Repeat;
use crate::{ApiError, BaseUrl, KeyName, Scope, Time, Version, key_epoch, time, version};

/// Sends a new value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateSecret {
    /// The name of the secret.
    pub key: KeyName,
    /// The new value.
    pub update: SecretUpdate,
    /// The version that the secret has to have, in `If-Match`; only for servers that give versions.
    pub if_match: Option<Version>,
}

/// The body of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretUpdate {
    /// Base64 of the ciphertext followed by its 16-byte tag.
    pub value: String,
    /// Base64 of the 12-byte nonce.
    pub nonce: String,
    /// The change of the expiry.
    #[serde(rename = "expiresAt", default, skip_serializing_if = "Expiry::is_keep")]
    pub expires_at: Expiry,
    /// The epoch of the org key that sealed the value, for a server that counts them.
    #[serde(rename = "keyEpoch", default, skip_serializing_if = "Option::is_none")]
    pub key_epoch: Option<u64>,
}

/// The change that an update makes to the expiry of a secret. On the wire: no member, `null`, or a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Expiry {
    /// Keeps the expiry.
    #[default]
    Keep,
    /// Removes the expiry.
    Never,
    /// Sets the expiry.
    At(Timestamp),
}

impl Expiry {
    /// Returns the new expiry, if one is set: the expiry of a secret that is created instead of updated.
    #[must_use]
    pub fn time(self) -> Option<Timestamp> {
        match self {
            Self::At(at) => Some(at),
            Self::Keep | Self::Never => None,
        }
    }

    fn is_keep(&self) -> bool {
        *self == Self::Keep
    }
}

impl From<Timestamp> for Expiry {
    fn from(at: Timestamp) -> Self {
        Self::At(at)
    }
}

impl Serialize for Expiry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Keep | Self::Never => serializer.serialize_none(),
            Self::At(at) => serializer.collect_str(&time::format(*at)),
        }
    }
}

impl<'de> Deserialize<'de> for Expiry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Never, Self::At))
    }
}

/// The body of a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdatedSecret {
    /// Its name.
    pub key: String,
    /// The time of the update.
    #[serde(default, skip_serializing_if = "Time::is_absent")]
    pub updated_at: Time,
    /// Its expiry.
    #[serde(default, skip_serializing_if = "Time::is_absent")]
    pub expires_at: Time,
    /// Its new version, if the server gives versions.
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

impl Endpoint for UpdateSecret {
    type Answer = UpdatedSecret;

    const METHOD: Method = Method::PUT;
    const PATH: &'static str = "/api/v1/secrets/{key}";
    const SCOPE: Option<Scope> = Some(Scope::SecretsWrite);
    const REPEAT: Repeat = Repeat::Update;
    const ANSWER: AnswerSize = AnswerSize::Credential;
    const SENSITIVE: bool = false;
    const HAS_IDEMPOTENCY_KEY: bool = true;

    fn request(&self, base: &BaseUrl) -> Request<Vec<u8>> {
        let mut request = with_json(bare::<Self>(base, Some(&self.key)), &self.update);
        if let Some(version) = &self.if_match {
            request
                .headers_mut()
                .insert(IF_MATCH, version.to_entity_tag());
        }
        request
    }

    fn repeat(&self) -> Repeat {
        match self.if_match {
            Some(_) => Repeat::UpdateIf,
            None => Self::REPEAT,
        }
    }

    fn parse(&self, response: Response<Vec<u8>>) -> Result<UpdatedSecret, ApiError> {
        json(&response, "it does not describe the updated secret")
    }
}
