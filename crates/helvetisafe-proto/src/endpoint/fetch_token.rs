//! `POST /oauth/token`: fetches an access token for a service account, RFC 6749 section 4.4.

use std::fmt;
use std::time::Duration;

use form_urlencoded::byte_serialize;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{AnswerSize, Endpoint, bare, json};
use crate::auth::{DEFAULT_TOKEN_LIFE, Token};
use crate::retry::Repeat;
use crate::{ApiError, BaseUrl, Scope, Scopes};

/// Requests an access token with a client id and a client secret.
pub struct FetchToken<'a> {
    /// The client id.
    pub client_id: &'a str,
    /// The client secret.
    pub client_secret: &'a SecretString,
    /// The requested scopes.
    pub scopes: Scopes,
}

/// The body of a success.
#[derive(Deserialize)]
pub struct TokenAnswer {
    /// The token.
    pub access_token: SecretString,
    /// Its lifetime in seconds; 3600 if absent.
    pub expires_in: Option<u64>,
    /// `Bearer`, in upper or lower case.
    pub token_type: Option<String>,
    /// The granted scopes, where they differ from the requested ones.
    pub scope: Option<String>,
}

/// An access token and its lifetime.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// The token, safe to put in a header.
    pub token: Token,
    /// Its lifetime, counted from its receipt.
    pub life: Duration,
    /// The granted scopes, if the server named them; unknown scopes are left out.
    pub granted: Option<Scopes>,
}

impl Endpoint for FetchToken<'_> {
    type Answer = AccessToken;

    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/oauth/token";
    const SCOPE: Option<Scope> = None;
    const REPEAT: Repeat = Repeat::Token;
    const ANSWER: AnswerSize = AnswerSize::Credential;
    const SENSITIVE: bool = true;

    /// The body holds the client secret: wipe it after it is sent.
    fn request(&self, base: &BaseUrl) -> Request<Vec<u8>> {
        let mut request = bare::<Self>(base, None);
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(CONTENT_TYPE, form);
        *request.body_mut() = self.form();
        request
    }

    fn parse(&self, response: Response<Vec<u8>>) -> Result<AccessToken, ApiError> {
        let response = response.map(Zeroizing::new);
        if !response.status().is_success() {
            return Err(ApiError::from_token_response(&response));
        }
        let answer: TokenAnswer = json(&response, "it is not a token answer")?;
        let is_bearer = |kind: &String| kind.eq_ignore_ascii_case("bearer");
        if !answer.token_type.as_ref().is_none_or(is_bearer) {
            return Err(ApiError::malformed("the token is not a bearer token"));
        }
        let token = Token::parse(answer.access_token)
            .map_err(|_| ApiError::malformed("the token cannot stand in a header"))?;
        let life = answer
            .expires_in
            .map_or(DEFAULT_TOKEN_LIFE, Duration::from_secs);
        Ok(AccessToken {
            token,
            life,
            granted: answer.scope.as_deref().map(known_scopes),
        })
    }
}

impl FetchToken<'_> {
    /// The form, built in one allocation so that no other copy of the secret exists.
    fn form(&self) -> Vec<u8> {
        let scopes = self.scopes.to_string();
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", self.client_id),
            ("client_secret", self.client_secret.expose_secret()),
            ("scope", &scopes),
        ];
        let encoded_len = |value: &str| {
            byte_serialize(value.as_bytes())
                .map(str::len)
                .sum::<usize>()
        };
        let length = |(name, value): &(&str, &str)| name.len() + encoded_len(value) + "=&".len();
        let mut form = Vec::with_capacity(fields.iter().map(length).sum());
        for (name, value) in fields {
            if !form.is_empty() {
                form.push(b'&');
            }
            form.extend_from_slice(name.as_bytes());
            form.push(b'=');
            for part in byte_serialize(value.as_bytes()) {
                form.extend_from_slice(part.as_bytes());
            }
        }
        form
    }
}

fn known_scopes(text: &str) -> Scopes {
    text.split_ascii_whitespace()
        .filter_map(|scope| scope.parse::<Scope>().ok())
        .collect()
}

impl fmt::Debug for FetchToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchToken")
            .field("client_id", &self.client_id)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for TokenAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenAnswer")
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}
