//! `GET /api/v1/secrets`: the names and dates of all secrets, in the server's order.

use http::{Method, Request, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{BodySize, Endpoint, bare, json};
use crate::retry::Repeat;
use crate::{ApiError, BaseUrl, Scope, time};

/// Asks for the list.
#[derive(Clone, Copy, Debug)]
pub struct ListSecrets;

/// The list, as it stands on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretsAnswer {
    /// One row per secret.
    pub keys: Vec<ListedSecret>,
}

/// One row of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedSecret {
    /// The name as listed, which a hostile server can choose: see [`crate::ListedKey`].
    pub key: String,
    /// When it was created.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "time::write"
    )]
    pub created_at: Option<Timestamp>,
    /// When it was last written.
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

impl Endpoint for ListSecrets {
    type Answer = Vec<ListedSecret>;

    const REPEAT: Repeat = Repeat::Read;
    const SCOPE: Option<Scope> = Some(Scope::SecretsList);
    const BODY: BodySize = BodySize::List;

    fn request(&self, base: &BaseUrl) -> Request<Vec<u8>> {
        bare(Method::GET, base.join("/api/v1/secrets"))
    }

    fn parse(&self, response: &mut Response<Vec<u8>>) -> Result<Vec<ListedSecret>, ApiError> {
        json(response, "it is not a list of secrets").map(|answer: SecretsAnswer| answer.keys)
    }
}
