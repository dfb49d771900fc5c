//! `GET /api/v1/secrets`: lists the names and dates of all secrets, in the server's order.

use http::{Method, Request, Response};
use serde::{Deserialize, Serialize};

use super::{AnswerSize, Endpoint, bare, json};
use crate::retry::Repeat;
use crate::{ApiError, BaseUrl, Scope, Time, Version, version};

/// Requests the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListSecrets;

/// The body of a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretsAnswer {
    /// The secrets; none if the member is absent.
    #[serde(default)]
    pub keys: Vec<ListedSecret>,
}

/// One secret in the list, without its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedSecret {
    /// The name as listed. A hostile server can choose any text: see [`crate::ListedKey`].
    pub key: String,
    /// The time of its creation.
    #[serde(default, skip_serializing_if = "Time::is_absent")]
    pub created_at: Time,
    /// The time of its last update.
    #[serde(default, skip_serializing_if = "Time::is_absent")]
    pub updated_at: Time,
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
}

impl Endpoint for ListSecrets {
    type Answer = Vec<ListedSecret>;

    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/api/v1/secrets";
    const SCOPE: Option<Scope> = Some(Scope::SecretsList);
    const REPEAT: Repeat = Repeat::Read;
    const ANSWER: AnswerSize = AnswerSize::List;
    const SENSITIVE: bool = false;

    fn request(&self, base: &BaseUrl) -> Request<Vec<u8>> {
        bare::<Self>(base, None)
    }

    fn parse(&self, response: Response<Vec<u8>>) -> Result<Vec<ListedSecret>, ApiError> {
        json(&response, "it is not a list of secrets").map(|answer: SecretsAnswer| answer.keys)
    }
}
