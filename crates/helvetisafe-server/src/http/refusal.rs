//! Error responses: `{"error": "...", "code": "..."}`.

mod failure;
mod response;

use std::borrow::Cow;
use std::fmt::Display;
use std::time::Duration;

use axum::http::StatusCode;
use helvetisafe_proto::{ErrorCode, Scope};

#[cfg(feature = "faults")]
pub(crate) use failure::report;
pub(crate) use failure::report_store;

/// The largest part of a parser's message in a response, in bytes. The message may quote the request.
const MAX_MESSAGE_LEN: usize = 300;

/// The `Retry-After` of a temporary shortage.
const SHORT_WAIT: Duration = Duration::from_secs(1);

/// An error response.
#[derive(Debug)]
pub(super) struct Refusal {
    reason: Reason,
    error: Cow<'static, str>,
    header: Option<Header>,
}

/// The reason of a refusal, which determines its status.
#[derive(Clone, Copy, Debug)]
enum Reason {
    /// A code of the wire crate's table.
    Code(ErrorCode),
    /// An error of the token endpoint. Its text is a code of RFC 6749 section 5.2.
    OAuth {
        status: StatusCode,
        description: &'static str,
    },
}

/// The header of a refusal.
#[derive(Clone, Copy, Debug)]
enum Header {
    /// `WWW-Authenticate`, which RFC 9110 section 15.5.2 requires.
    Authenticate(&'static str),
    /// `Accept-Encoding: identity`, RFC 9110 section 12.5.3.
    AcceptIdentity,
    /// `Retry-After`, RFC 9110 section 10.2.3.
    RetryAfter(Duration),
}

/// Refusals without details.
impl Refusal {
    pub(super) const INVALID_HOST: Self = Self::new(
        ErrorCode::InvalidHost,
        "the Host header is missing, repeated or invalid: send one valid Host header",
    );
    pub(super) const REPEATED_HEADER: Self = Self::new(
        ErrorCode::RepeatedHeader,
        "the request has more than one Content-Type header: send it once",
    );
    pub(super) const INVALID_LIMIT: Self = Self::new(
        ErrorCode::InvalidQuery,
        "limit has to be a whole number from 1",
    );
    pub(super) const INVALID_AFTER: Self = Self::new(
        ErrorCode::InvalidQuery,
        "after has to be the name of a secret",
    );
    pub(super) const INVALID_BEFORE: Self = Self::new(
        ErrorCode::InvalidQuery,
        "before has to be the id of an act: 16 hexadecimal digits",
    );
    pub(super) const INVALID_FROM: Self = Self::new(
        ErrorCode::InvalidQuery,
        "from has to be the number of an entry, once",
    );
    pub(super) const REPEATED_PARAMETER: Self = Self::new(
        ErrorCode::InvalidQuery,
        "the query has a parameter more than once: send each once",
    );
    /// RFC 6750 section 2: a request must use one method of sending a token.
    pub(super) const SEVERAL_CREDENTIALS: Self = Self::new(
        ErrorCode::SeveralCredentials,
        "the request has more than one credential: send Authorization or X-Aegis-Token, once",
    );
    pub(super) const NO_CREDENTIAL: Self = Self::with_header(
        ErrorCode::MissingCredential,
        "the request has no credential: send an access token or an API token",
        Header::Authenticate("Bearer"),
    );
    pub(super) const INVALID_TOKEN: Self = Self::with_header(
        ErrorCode::InvalidToken,
        "the token is unknown, expired or revoked",
        Header::Authenticate("Bearer"),
    );
    /// The client is unknown or its secret is wrong; the response does not reveal which.
    pub(super) const INVALID_CLIENT: Self = Self {
        reason: Reason::OAuth {
            status: StatusCode::UNAUTHORIZED,
            description: "the client is unknown or its secret is wrong",
        },
        error: Cow::Borrowed("invalid_client"),
        header: Some(Header::Authenticate("Basic realm=\"helvetisafe\"")),
    };
    pub(super) const NO_SUCH_SECRET: Self =
        Self::new(ErrorCode::SecretNotFound, "there is no such secret");
    pub(super) const SECRET_EXISTS: Self =
        Self::new(ErrorCode::SecretExists, "the secret exists already");
    pub(super) const OTHER_VERSION: Self = Self::new(
        ErrorCode::VersionMismatch,
        "the secret has another version than If-Match names: read it again",
    );
    pub(super) const OTHER_KEY_EPOCH: Self = Self::new(
        ErrorCode::KeyEpochMismatch,
        "keyEpoch is not that of the present org key: fetch the org key, and seal again",
    );
    pub(super) const NO_KEY_EPOCH: Self = Self::new(
        ErrorCode::KeyEpochMismatch,
        "keyEpoch is missing, and the org key has been replaced: send the epoch of the key that sealed the value",
    );
    pub(super) const NO_SUCH_RECORD: Self = Self::new(
        ErrorCode::RecordNotFound,
        "there is none of this id in the organization",
    );
    pub(super) const ID_TAKEN: Self = Self::new(
        ErrorCode::IdTaken,
        "the vault has other content under this id: choose another one",
    );
    /// An API token would otherwise outlive its own expiry or revocation, or reach every secret.
    pub(super) const NEEDS_ACCESS_TOKEN: Self = Self::new(
        ErrorCode::NeedsAccessToken,
        "an API token cannot do this: send an access token of the account",
    );
    pub(super) const UNKNOWN_PATH: Self =
        Self::new(ErrorCode::UnknownPath, "there is no such path");
    pub(super) const WRONG_METHOD: Self = Self::new(
        ErrorCode::MethodNotAllowed,
        "the path does not have this method: the header Allow lists its methods",
    );
    pub(super) const WRONG_MEDIA_TYPE: Self = Self::new(
        ErrorCode::WrongMediaType,
        "the body is of another type than the call takes: send application/json",
    );
    pub(super) const UNKNOWN_ENCODING: Self = Self::with_header(
        ErrorCode::UnknownEncoding,
        "the body has a content coding, such as gzip: send it without one",
        Header::AcceptIdentity,
    );
    pub(super) const INVALID_TRANSFER_ENCODING: Self = Self::new(
        ErrorCode::InvalidTransferEncoding,
        "the body has a transfer coding other than chunked: send it without one, or with chunked alone",
    );
    /// The client closed the connection or broke the framing, so it seldom receives this.
    pub(super) const CUT_SHORT: Self = Self::new(
        ErrorCode::BodyCutShort,
        "the body ended early: send all of it",
    );
    pub(super) const TOO_SLOW: Self = Self::new(
        ErrorCode::BodyTooSlow,
        "the body arrived too slowly: send the request again",
    );
    pub(super) const NOT_AN_OBJECT: Self = Self::new(
        ErrorCode::NotAnObject,
        "the body is not a JSON object: send the object of the call",
    );
    pub(super) const INVALID_NONCE: Self = Self::new(
        ErrorCode::InvalidNonce,
        "nonce is not valid: send padded base64 of 12 bytes",
    );
    pub(super) const INVALID_VALUE: Self = Self::new(
        ErrorCode::InvalidValue,
        "value is not valid: send padded base64 of at least 16 bytes",
    );
    pub(super) const EXPIRY_IN_THE_PAST: Self = Self::new(
        ErrorCode::ExpiryInThePast,
        "expiresAt has passed: send a time in the future",
    );
    pub(super) const INVALID_EXPIRY: Self = Self::new(
        ErrorCode::InvalidExpiry,
        "expiresAt is not valid: send a time of RFC 3339 with an offset, or null",
    );
    /// The memory budget of bodies or of answers is used up.
    pub(super) const OVERLOADED: Self = Self::with_header(
        ErrorCode::Overloaded,
        "too many large requests and answers are in flight: retry later",
        Header::RetryAfter(SHORT_WAIT),
    );
    pub(super) const BUSY: Self = Self::with_header(
        ErrorCode::Busy,
        "the vault's database is busy: retry later",
        Header::RetryAfter(SHORT_WAIT),
    );
}

/// Refusals with details.
impl Refusal {
    pub(super) fn missing_scope(scope: Scope) -> Self {
        Self::with_text(ErrorCode::MissingScope, format!("missing scope: {scope}"))
    }

    pub(super) fn too_large(limit: usize) -> Self {
        let error = format!("the body is larger than {limit} bytes");
        Self::with_text(ErrorCode::BodyTooLarge, error)
    }

    /// The body is not JSON, or not the JSON of the call; both are 422.
    pub(super) fn bad_json(error: &serde_json::Error) -> Self {
        let mut text = format!("the body does not match the call: {error}");
        text.truncate(text.floor_char_boundary(MAX_MESSAGE_LEN));
        Self::with_text(ErrorCode::InvalidBody, text)
    }

    pub(super) fn missing_member(name: &str) -> Self {
        Self::with_text(ErrorCode::MissingMember, format!("the body has no {name}"))
    }

    pub(super) fn invalid_member(name: &str, problem: impl Display) -> Self {
        let text = format!("{name} is not valid: {problem}");
        Self::with_text(ErrorCode::InvalidMember, text)
    }

    /// A refusal of an administrative call.
    pub(super) const fn of_code(code: ErrorCode) -> Self {
        match code {
            ErrorCode::InvalidInvitation | ErrorCode::InvalidBootstrap => {
                Self::with_header(code, code.advice(), Header::Authenticate("Bearer"))
            }
            _ => Self::new(code, code.advice()),
        }
    }

    pub(super) fn invalid_name(error: String) -> Self {
        Self::with_text(ErrorCode::InvalidName, error)
    }

    /// An account or a client has reached a rate limit.
    pub(super) fn too_many(code: ErrorCode, wait: Duration) -> Self {
        let error = match code {
            ErrorCode::TooManyLogins => "the account fetches too many tokens",
            ErrorCode::TooManyFailedLogins => "too many logins of the client failed",
            _ => "the account makes too many requests",
        };
        Self::with_header(code, error, Header::RetryAfter(wait))
    }

    /// An error of the token endpoint: a code of RFC 6749 section 5.2 and its meaning here.
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

    const fn new(code: ErrorCode, error: &'static str) -> Self {
        Self::of(code, Cow::Borrowed(error), None)
    }

    const fn with_header(code: ErrorCode, error: &'static str, header: Header) -> Self {
        Self::of(code, Cow::Borrowed(error), Some(header))
    }

    fn with_text(code: ErrorCode, error: String) -> Self {
        Self::of(code, error.into(), None)
    }

    const fn of(code: ErrorCode, error: Cow<'static, str>, header: Option<Header>) -> Self {
        Self {
            reason: Reason::Code(code),
            error,
            header,
        }
    }
}
