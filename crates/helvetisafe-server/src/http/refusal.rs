//! Every answer that is no success, as `{"error": "..."}`.

use std::borrow::Cow;
use std::time::Duration;

use axum::Json;
use axum::http::header::{HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use helvetisafe_proto::{ErrorBody, Kind, Scope};

use crate::store::StoreError;
use crate::token::NoRandomness;

/// The most bytes of a parser's message that are sent back; it may quote the client.
const MAX_QUOTED: usize = 300;

/// An answer that is no success.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    error: Cow<'static, str>,
    description: Option<&'static str>,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Refusal {
    pub(super) fn no_credential() -> Self {
        Self::unauthorized("send an access token or an API token")
    }

    pub(super) fn invalid_token() -> Self {
        Self::unauthorized("the token is unknown, expired or revoked")
    }

    fn unauthorized(error: &'static str) -> Self {
        // RFC 9110 section 15.5.2 asks for the header.
        Self::of(Kind::Auth, error).with_header(WWW_AUTHENTICATE, "Bearer")
    }

    /// RFC 6750 section 2: one method of sending a token per request.
    pub(super) fn two_credentials() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "send Authorization or X-Aegis-Token, not both",
        )
    }

    pub(super) fn missing_scope(scope: Scope) -> Self {
        Self::of(Kind::Forbidden, format!("missing scope: {scope}"))
    }

    pub(super) fn no_such_secret() -> Self {
        Self::of(Kind::NotFound, "there is no such secret")
    }

    pub(super) fn secret_exists() -> Self {
        Self::of(Kind::Conflict, "the secret exists already")
    }

    pub(super) fn unknown_path() -> Self {
        Self::of(Kind::NotFound, "there is no such path")
    }

    pub(super) fn wrong_method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "the path does not have this method",
        )
    }

    pub(super) fn too_large(limit: usize) -> Self {
        let error = format!("the body is larger than {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, error)
    }

    pub(super) fn wrong_media_type() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body has to be application/json",
        )
    }

    /// The client went away or broke the framing; what is sent here seldom arrives.
    pub(super) fn cut_short() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "the body ended early")
    }

    pub(super) fn unprocessable(error: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, error)
    }

    pub(super) fn too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "the body came too slowly")
    }

    /// RFC 6585 section 4.
    pub(super) fn too_many(error: &'static str, wait: Duration) -> Self {
        let refusal = Self::of(Kind::RateLimited, error);
        Self {
            header: Some((RETRY_AFTER, whole_seconds(wait).into())),
            ..refusal
        }
    }

    /// 422 whether the text is not JSON or not the JSON that the call takes.
    pub(super) fn bad_json(error: &serde_json::Error) -> Self {
        let mut text = format!("the body is not what the call takes: {error}");
        text.truncate(text.floor_char_boundary(MAX_QUOTED));
        Self::unprocessable(text)
    }

    /// A refusal of the token endpoint, RFC 6749 section 5.2: a code, and what it means here.
    pub(super) fn oauth(code: &'static str, description: &'static str) -> Self {
        let refusal = Self::new(StatusCode::BAD_REQUEST, code);
        Self {
            description: Some(description),
            ..refusal
        }
    }

    /// The client is unknown or its secret is wrong; which of the two is not told.
    pub(super) fn invalid_client() -> Self {
        let refusal = Self::oauth(
            "invalid_client",
            "the client is unknown or its secret is wrong",
        );
        Self {
            status: StatusCode::UNAUTHORIZED,
            ..refusal
        }
        .with_header(WWW_AUTHENTICATE, "Basic realm=\"helvetisafe\"")
    }

    fn of(kind: Kind, error: impl Into<Cow<'static, str>>) -> Self {
        Self::new(
            kind.status().unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            error,
        )
    }

    fn new(status: StatusCode, error: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            error: error.into(),
            description: None,
            header: None,
        }
    }

    fn with_header(self, name: HeaderName, value: &'static str) -> Self {
        Self {
            header: Some((name, HeaderValue::from_static(value))),
            ..self
        }
    }
}

/// For `Retry-After`, RFC 9110 section 10.2.3. Rounded up: who comes earlier comes in vain.
fn whole_seconds(wait: Duration) -> u64 {
    let is_part = wait.subsec_nanos() > 0;
    wait.as_secs().saturating_add(u64::from(is_part)).max(1)
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        report(&error);
        match error {
            StoreError::PoolTimedOut | StoreError::PoolClosed => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "the vault is busy")
                    .with_header(RETRY_AFTER, "1")
            }
            _ => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the vault's database failed",
            ),
        }
    }
}

impl From<NoRandomness> for Refusal {
    fn from(error: NoRandomness) -> Self {
        report(&error);
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the vault has no randomness",
        )
    }
}

/// Tells the person who runs the vault what the client is not told. An embedded vault has no log of
/// its own; standard error is where a developer looks.
pub(crate) fn report(error: &dyn std::error::Error) {
    eprintln!("helvetisafe-server: {error}");
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = ErrorBody {
            error: self.error.into_owned(),
            error_description: self.description.map(str::to_owned),
        };
        let mut response = (self.status, Json(body)).into_response();
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}
