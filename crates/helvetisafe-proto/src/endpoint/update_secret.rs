//! `PUT /api/v1/secrets/{key}`: a new value for a secret; 404 when the name does not exist.

use http::{Method, Request, Response};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{BodySize, Endpoint, json, with_json};
use crate::retry::Repeat;
use crate::{ApiError, BaseUrl, KeyName, Scope, time};

/// Sends a new value.
#[derive(Clone, Debug)]
pub struct UpdateSecret {
    /// The name of the secret.
    pub key: KeyName,
    /// What to store.
    pub update: SecretUpdate,
}

/// The body of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretUpdate {
    /// Base64 of the ciphertext followed by its 16-byte tag.
    pub value: String,
    /// Base64 of the 12-byte nonce.
    pub nonce: String,
    /// What becomes of the expiry.
    #[serde(rename = "expiresAt", default, skip_serializing_if = "Expiry::is_keep")]
    pub expires_at: Expiry,
}

/// What an update does to the expiry of a secret. On the wire: no member, `null`, or a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Expiry {
    /// It stays as it is.
    #[default]
    Keep,
    /// The secret shall not expire any more.
    Never,
    /// The secret shall be gone at this time.
    At(Timestamp),
}

impl Expiry {
    /// The time at which a secret shall be gone; `None` where it shall not, or stays as it is. That is
    /// the expiry of a secret that is created instead of updated.
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
            Self::At(at) => serializer.collect_str(&time::shown(*at)),
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
    /// When it was updated.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "time::write"
    )]
    pub updated_at: Option<Timestamp>,
    /// When it will be gone.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "time::write"
    )]
    pub expires_at: Option<Timestamp>,
}

impl Endpoint for UpdateSecret {
    type Answer = UpdatedSecret;

    const REPEAT: Repeat = Repeat::Write;
    const SCOPE: Option<Scope> = Some(Scope::SecretsWrite);
    const BODY: BodySize = BodySize::Credential;

    fn request(&self, base: &BaseUrl) -> Request<Vec<u8>> {
        with_json(
            Method::PUT,
            base.join(&format!("/api/v1/secrets/{}", self.key)),
            &self.update,
        )
    }

    fn parse(&self, response: &mut Response<Vec<u8>>) -> Result<UpdatedSecret, ApiError> {
        json(response, "it does not describe the updated secret")
    }
}
