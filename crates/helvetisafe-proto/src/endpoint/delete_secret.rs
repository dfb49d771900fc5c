//! `DELETE /api/v1/secrets/{key}`: 204 and no body; 404 when the name does not exist.

use http::{Method, Request, Response};
use serde::de::IgnoredAny;

use super::{BodySize, Endpoint, bare, json, success};
use crate::retry::Repeat;
use crate::{ApiError, BaseUrl, KeyName, Scope};

/// Deletes one secret.
#[derive(Clone, Debug)]
pub struct DeleteSecret {
    /// Its name.
    pub key: KeyName,
}

impl Endpoint for DeleteSecret {
    type Answer = ();

    const REPEAT: Repeat = Repeat::Write;
    const SCOPE: Option<Scope> = Some(Scope::SecretsDelete);
    const BODY: BodySize = BodySize::Credential;

    fn request(&self, base: &BaseUrl) -> Request<Vec<u8>> {
        bare(
            Method::DELETE,
            base.join(&format!("/api/v1/secrets/{}", self.key)),
        )
    }

    /// There is no body, or JSON that says nothing. Anything else, such as the page of a proxy that
    /// asks for a login, is not the vault's word that the secret is gone.
    fn parse(&self, response: &mut Response<Vec<u8>>) -> Result<(), ApiError> {
        success(response)?;
        if response.body().is_empty() {
            return Ok(());
        }
        json(response, "it does not say that the secret is deleted").map(|IgnoredAny| ())
    }
}
