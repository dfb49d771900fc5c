//! `DELETE /api/v1/secrets/{key}`: 204 and no body; 404 when the name does not exist.

use http::{Method, Request, Response};

use super::{BodySize, Endpoint, bare, success};
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

    fn parse(&self, response: &Response<Vec<u8>>) -> Result<(), ApiError> {
        success(response)
    }
}
