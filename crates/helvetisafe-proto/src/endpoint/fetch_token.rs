//! `POST /oauth/token`: fetches an access token for a service account, RFC 6749 section 4.4.

use std::fmt;
use std::time::Duration;

use form_urlencoded::byte_serialize;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response};
use secrecy::{ExposeSecret, SecretString};
use serde::de::{self, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use zeroize::Zeroizing;

use super::{AnswerSize, Endpoint, bare, json};
use crate::auth::{DEFAULT_TOKEN_LIFE, Token};
use crate::retry::Repeat;
use crate::{ApiError, BaseUrl, Scope, ScopeList, Scopes};

/// Requests an access token with a client id and a client secret.
pub struct FetchToken<'a> {
    /// The client id.
    pub client_id: &'a str,
    /// The client secret.
    pub client_secret: &'a SecretString,
    /// The requested scopes.
    pub scopes: &'a ScopeList,
}

/// The body of a success.
#[derive(Deserialize)]
pub struct TokenAnswer {
    /// The token.
    pub access_token: SecretString,
    /// Its lifetime; 3600 s if absent. On the wire it is a number of seconds, or a text with one. A fraction is
    /// cut off, and a negative number counts as zero.
    #[serde(default, deserialize_with = "lifetime")]
    pub expires_in: Option<Duration>,
    /// `Bearer`, in upper or lower case.
    pub token_type: Option<String>,
    /// The granted scopes, where they differ from the requested ones: a text, separated by spaces, or a list of
    /// texts. Unknown scopes are left out. Any other value counts as absent.
    #[serde(default, deserialize_with = "granted")]
    pub scope: Option<Scopes>,
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
        let life = answer.expires_in.unwrap_or(DEFAULT_TOKEN_LIFE);
        Ok(AccessToken {
            token,
            life,
            granted: answer.scope,
        })
    }
}

impl FetchToken<'_> {
    /// The form, built in one allocation so that no other copy of the secret exists.
    fn form(&self) -> Vec<u8> {
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", self.client_id),
            ("client_secret", self.client_secret.expose_secret()),
            ("scope", self.scopes.as_str()),
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

fn lifetime<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    // Not an untagged enum: with its feature `arbitrary_precision`, serde_json passes it no number.
    let seconds = match Value::deserialize(deserializer)? {
        Value::Null => return Ok(None),
        Value::Number(seconds) => match seconds.as_u64() {
            Some(seconds) => return Ok(Some(Duration::from_secs(seconds))),
            None => seconds.as_f64(),
        },
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let seconds = seconds.filter(|seconds: &f64| !seconds.is_nan());
    let seconds = seconds.ok_or_else(|| de::Error::custom("not a number of seconds"))?;
    let seconds = seconds.max(0.0).trunc();
    Ok(Some(
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX),
    ))
}

fn granted<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Scopes>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Scope {
        Text(String),
        List(Vec<String>),
        Other(IgnoredAny),
    }

    Ok(match Scope::deserialize(deserializer)? {
        Scope::Text(text) => Some(known_scopes(text.split_ascii_whitespace())),
        Scope::List(list) => Some(known_scopes(list.iter().map(String::as_str))),
        Scope::Other(_) => None,
    })
}

fn known_scopes<'a>(names: impl Iterator<Item = &'a str>) -> Scopes {
    names
        .filter_map(|name| name.parse::<Scope>().ok())
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
