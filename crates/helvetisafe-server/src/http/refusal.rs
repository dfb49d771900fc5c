//! Every answer that is no success, as `{"error": "...", "code": "..."}`.

use std::borrow::Cow;
use std::time::Duration;

use axum::Json;
use axum::http::header::{ACCEPT_ENCODING, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use helvetisafe_proto::{ErrorBody, ErrorCode, Scope};

use crate::shared::NotRead;
use crate::store::StoreError;
use crate::token::NoRandomness;

/// The most bytes of a parser's message that are sent back; it may quote the client.
const MAX_QUOTED: usize = 300;

/// The `Retry-After` of a shortage that passes.
const SHORT: Duration = Duration::from_secs(1);

/// An answer that is no success.
#[derive(Debug)]
pub(super) struct Refusal {
    reason: Reason,
    error: Cow<'static, str>,
    header: Option<(HeaderName, HeaderValue)>,
}

/// The source of the status of a refusal.
#[derive(Clone, Copy, Debug)]
enum Reason {
    /// A code of the table that server and client share.
    Code(ErrorCode),
    /// A refusal of the token endpoint, RFC 6749 section 5.2, whose text is a code of that section.
    OAuth {
        status: StatusCode,
        description: &'static str,
    },
}

impl Refusal {
    /// RFC 9112 section 3.2.
    pub(super) fn invalid_host() -> Self {
        Self::new(ErrorCode::InvalidHost, "send one valid Host header")
    }

    pub(super) fn repeated_header() -> Self {
        Self::new(ErrorCode::RepeatedHeader, "send Content-Type once")
    }

    /// RFC 6750 section 2: one method of sending a token per request.
    pub(super) fn several_credentials() -> Self {
        Self::new(
            ErrorCode::SeveralCredentials,
            "send Authorization or X-Aegis-Token, not both, and once",
        )
    }

    pub(super) fn no_credential() -> Self {
        Self::unauthorized(
            ErrorCode::MissingCredential,
            "send an access token or an API token",
        )
    }

    pub(super) fn invalid_token() -> Self {
        Self::unauthorized(
            ErrorCode::InvalidToken,
            "the token is unknown, expired or revoked",
        )
    }

    fn unauthorized(code: ErrorCode, error: &'static str) -> Self {
        // RFC 9110 section 15.5.2 asks for the header.
        Self::new(code, error).with_header(WWW_AUTHENTICATE, "Bearer")
    }

    pub(super) fn missing_scope(scope: Scope) -> Self {
        Self::new(ErrorCode::MissingScope, format!("missing scope: {scope}"))
    }

    pub(super) fn no_such_secret() -> Self {
        Self::new(ErrorCode::SecretNotFound, "there is no such secret")
    }

    pub(super) fn secret_exists() -> Self {
        Self::new(ErrorCode::SecretExists, "the secret exists already")
    }

    pub(super) fn unknown_path() -> Self {
        Self::new(ErrorCode::UnknownPath, "there is no such path")
    }

    pub(super) fn wrong_method() -> Self {
        Self::new(
            ErrorCode::MethodNotAllowed,
            "the path does not have this method",
        )
    }

    pub(super) fn too_large(limit: usize) -> Self {
        let error = format!("the body is larger than {limit} bytes");
        Self::new(ErrorCode::BodyTooLarge, error)
    }

    pub(super) fn wrong_media_type() -> Self {
        Self::new(
            ErrorCode::WrongMediaType,
            "the body has to be application/json",
        )
    }

    /// RFC 9110 section 12.5.3 asks for the header.
    pub(super) fn unknown_encoding() -> Self {
        Self::new(
            ErrorCode::UnknownEncoding,
            "the body must not have a content coding",
        )
        .with_header(ACCEPT_ENCODING, "identity")
    }

    /// The client went away or broke the framing; what is sent here seldom arrives.
    pub(super) fn cut_short() -> Self {
        Self::new(ErrorCode::BodyCutShort, "the body ended early")
    }

    pub(super) fn too_slow() -> Self {
        Self::new(ErrorCode::BodyTooSlow, "the body came too slowly")
    }

    pub(super) fn not_an_object() -> Self {
        Self::new(ErrorCode::NotAnObject, "the body has to be a JSON object")
    }

    /// 422 whether the text is not JSON or not the JSON that the call takes.
    pub(super) fn bad_json(error: &serde_json::Error) -> Self {
        let mut text = format!("the body is not what the call takes: {error}");
        text.truncate(text.floor_char_boundary(MAX_QUOTED));
        Self::new(ErrorCode::InvalidBody, text)
    }

    pub(super) fn invalid_name(error: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::InvalidName, error)
    }

    pub(super) fn invalid_nonce() -> Self {
        Self::new(
            ErrorCode::InvalidNonce,
            "nonce has to be padded base64 of 12 bytes",
        )
    }

    pub(super) fn invalid_value() -> Self {
        Self::new(
            ErrorCode::InvalidValue,
            "value has to be padded base64 of at least 16 bytes",
        )
    }

    pub(super) fn expiry_in_the_past() -> Self {
        Self::new(ErrorCode::ExpiryInThePast, "expiresAt has passed")
    }

    pub(super) fn too_many_requests(wait: Duration) -> Self {
        Self::new(
            ErrorCode::TooManyRequests,
            "the account makes too many requests",
        )
        .with_wait(wait)
    }

    pub(super) fn too_many_logins(wait: Duration) -> Self {
        Self::new(
            ErrorCode::TooManyLogins,
            "the account fetches too many tokens",
        )
        .with_wait(wait)
    }

    pub(super) fn too_many_failed_logins(wait: Duration) -> Self {
        Self::new(
            ErrorCode::TooManyFailedLogins,
            "too many logins of the client failed",
        )
        .with_wait(wait)
    }

    /// The memory for bodies, or that for answers, is used up.
    pub(super) fn overloaded() -> Self {
        Self::new(
            ErrorCode::Overloaded,
            "too many large requests and answers are in flight",
        )
        .with_wait(SHORT)
    }

    /// A refusal of the token endpoint, RFC 6749 section 5.2: a code, and what it means here.
    pub(super) fn oauth(code: &'static str, description: &'static str) -> Self {
        let status = StatusCode::BAD_REQUEST;
        Self {
            reason: Reason::OAuth {
                status,
                description,
            },
            error: code.into(),
            header: None,
        }
    }

    /// The client is unknown or its secret is wrong; the answer does not say which.
    pub(super) fn invalid_client() -> Self {
        Self {
            reason: Reason::OAuth {
                status: StatusCode::UNAUTHORIZED,
                description: "the client is unknown or its secret is wrong",
            },
            error: "invalid_client".into(),
            header: None,
        }
        .with_header(WWW_AUTHENTICATE, "Basic realm=\"helvetisafe\"")
    }

    fn new(code: ErrorCode, error: impl Into<Cow<'static, str>>) -> Self {
        Self {
            reason: Reason::Code(code),
            error: error.into(),
            header: None,
        }
    }

    fn with_header(self, name: HeaderName, value: &'static str) -> Self {
        Self {
            header: Some((name, HeaderValue::from_static(value))),
            ..self
        }
    }

    /// RFC 6585 section 4.
    fn with_wait(self, wait: Duration) -> Self {
        Self {
            header: Some((RETRY_AFTER, whole_seconds(wait).into())),
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
                Self::new(ErrorCode::Busy, "the vault is busy").with_wait(SHORT)
            }
            _ => Self::new(ErrorCode::DatabaseFailed, "the vault's database failed"),
        }
    }
}

impl From<NotRead> for Refusal {
    fn from(error: NotRead) -> Self {
        match error {
            NotRead::Store(error) => error.into(),
            NotRead::Overloaded => Self::overloaded(),
        }
    }
}

impl From<NoRandomness> for Refusal {
    fn from(error: NoRandomness) -> Self {
        report(&error);
        Self::new(ErrorCode::NoRandomness, "the vault has no randomness")
    }
}

/// Reports to the operator of the vault what the client does not learn. An embedded vault has no log of
/// its own; standard error is where a developer looks.
pub(crate) fn report(error: &dyn std::error::Error) {
    eprintln!("helvetisafe-server: {error}");
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, code, description) = match self.reason {
            Reason::Code(code) => (code.status(), Some(code), None),
            Reason::OAuth {
                status,
                description,
            } => (status, None, Some(description.to_owned())),
        };
        let body = ErrorBody {
            error: self.error.into_owned(),
            code,
            error_description: description,
        };
        let mut response = (status, Json(body)).into_response();
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}
