//! `DELETE /api/v1/secrets/{key}`: deletes a secret; 204 and no body; 404 when the name does not exist.

use http::{Method, Request, Response};
use serde::de::IgnoredAny;

use super::{AnswerSize, Endpoint, bare, json, success};
use crate::retry::Repeat;
use crate::{ApiError, BaseUrl, KeyName, Scope};

/// Deletes one secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteSecret {
    /// Its name.
    pub key: KeyName,
}

impl Endpoint for DeleteSecret {
    type Answer = ();

    const METHOD: Method = Method::DELETE;
    const PATH: &'static str = "/api/v1/secrets/{key}";
    const SCOPE: Option<Scope> = Some(Scope::SecretsDelete);
    const REPEAT: Repeat = Repeat::Delete;
    const ANSWER: AnswerSize = AnswerSize::Credential;
    const SENSITIVE: bool = false;
    const HAS_IDEMPOTENCY_KEY: bool = true;

    fn request(&self, base: &BaseUrl) -> Request<Vec<u8>> {
        bare::<Self>(base, Some(&self.key))
    }

    /// Accepts no body, or any JSON object. Anything else, such as the login page of a proxy, does not
    /// confirm that the vault deleted the secret.
    fn parse(&self, response: Response<Vec<u8>>) -> Result<(), ApiError> {
        success(&response)?;
        if response.body().is_empty() {
            return Ok(());
        }
        json(&response, "it does not say that the secret is deleted").map(|IgnoredAny| ())
    }
}
