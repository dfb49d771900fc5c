//! The request to the token endpoint, RFC 6749 sections 2.3.1 and 4.4.2.

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::head::{check_encoding, has_media_type};
use super::{Refusal, body};
use crate::budget::Share;
use crate::shared::Shared;

/// The largest form in bytes. It is small since its sender is not authenticated yet.
const MAX_FORM_LEN: usize = 16 * 1024;

/// The form of a token request. A parameter without a value is ignored, RFC 6749 section 3.2.
#[derive(Default)]
pub(super) struct TokenForm {
    pub(super) grant_type: Option<String>,
    pub(super) scope: Option<String>,
    client_id: Option<String>,
    client_secret: Option<SecretString>,
}

/// The credentials of the client that requests a token.
pub(super) struct ClientCredentials {
    pub(super) client_id: String,
    pub(super) client_secret: SecretString,
}

/// The form of a token request, and its share of the memory budget.
pub(super) struct SentForm(pub(super) TokenForm, pub(super) Share);

impl FromRequest<Arc<Shared>> for SentForm {
    type Rejection = Refusal;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, Refusal> {
        check_encoding(request.headers())?;
        if !has_media_type(request.headers(), "application/x-www-form-urlencoded") {
            return Err(invalid_request(
                "the body is not a form: send application/x-www-form-urlencoded",
            ));
        }
        let limit = shared.settings.body_limit.min(MAX_FORM_LEN);
        let (body, share) = body::read(request.into_body(), shared, limit).await?;
        TokenForm::parse(&Zeroizing::new(body)).map(|form| Self(form, share))
    }
}

impl TokenForm {
    fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let mut form = Self::default();
        for (name, value) in form_urlencoded::parse(body).filter(|(_, value)| !value.is_empty()) {
            let value = value.into_owned();
            let was_sent = match &*name {
                "grant_type" => form.grant_type.replace(value).is_some(),
                "scope" => form.scope.replace(value).is_some(),
                "client_id" => form.client_id.replace(value).is_some(),
                "client_secret" => form.client_secret.replace(value.into()).is_some(),
                _ => false,
            };
            if was_sent {
                return Err(invalid_request("a parameter is sent twice: send each once"));
            }
        }
        Ok(form)
    }

    /// Returns the client's credentials, from either the form or HTTP Basic.
    pub(super) fn credentials(self, headers: &HeaderMap) -> Result<ClientCredentials, Refusal> {
        let Some(header) = headers.get(AUTHORIZATION) else {
            let (client_id, client_secret) = self
                .client_id
                .zip(self.client_secret)
                .ok_or(Refusal::INVALID_CLIENT)?;
            return Ok(ClientCredentials {
                client_id,
                client_secret,
            });
        };
        if self.client_secret.is_some() {
            return Err(invalid_request(
                "the client authenticates twice: use the form or HTTP Basic, not both",
            ));
        }
        let basic = header
            .to_str()
            .ok()
            .and_then(basic)
            .ok_or(Refusal::INVALID_CLIENT)?;
        if self
            .client_id
            .is_some_and(|client_id| client_id != basic.client_id)
        {
            return Err(invalid_request(
                "the form and the Authorization header name different clients",
            ));
        }
        Ok(basic)
    }
}

/// Reads HTTP Basic, RFC 7617. Both parts are form-encoded, RFC 6749 section 2.3.1.
fn basic(header: &str) -> Option<ClientCredentials> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes = Zeroizing::new(BASE64_STANDARD.decode(encoded.trim()).ok()?);
    let (client_id, client_secret) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
    Some(ClientCredentials {
        client_id: form_decoded(client_id),
        client_secret: form_decoded(client_secret).into(),
    })
}

fn form_decoded(text: &str) -> String {
    form_urlencoded::parse(text.as_bytes())
        .next()
        .map(|(name, _)| name.into_owned())
        .unwrap_or_default()
}

pub(super) fn invalid_request(description: &'static str) -> Refusal {
    Refusal::oauth("invalid_request", description)
}
