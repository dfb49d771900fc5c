mod code;

use std::fmt;

use http::header::LOCATION;
use http::{Response, StatusCode, Uri};
use serde::{Deserialize, Serialize};

use crate::Scope;

pub use code::{ErrorCode, UnknownErrorCode};

/// What an answer that is not a success means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// 401, or the token endpoint refused the client.
    Auth,
    /// 403: the credential is known but not allowed to do this.
    Forbidden,
    /// 404: there is no such secret.
    NotFound,
    /// 409: the secret exists already.
    Conflict,
    /// 429: too many requests.
    RateLimited,
    /// Any other status, a redirect, or an answer that cannot be read.
    Api,
}

/// The one table between statuses and kinds; both directions are made from it.
const TABLE: [(StatusCode, Kind); 5] = [
    (StatusCode::UNAUTHORIZED, Kind::Auth),
    (StatusCode::FORBIDDEN, Kind::Forbidden),
    (StatusCode::NOT_FOUND, Kind::NotFound),
    (StatusCode::CONFLICT, Kind::Conflict),
    (StatusCode::TOO_MANY_REQUESTS, Kind::RateLimited),
];

impl From<StatusCode> for Kind {
    fn from(status: StatusCode) -> Self {
        TABLE
            .iter()
            .find(|(code, _)| *code == status)
            .map_or(Self::Api, |&(_, kind)| kind)
    }
}

impl Kind {
    /// The status that a server answers with; `None` for [`Kind::Api`], which has many.
    #[must_use]
    pub fn status(self) -> Option<StatusCode> {
        TABLE
            .iter()
            .find(|(_, kind)| *kind == self)
            .map(|&(code, _)| code)
    }
}

/// The body of an error: `{"error": "text", "code": "secret_not_found"}`. Where the token endpoint refuses
/// the client it is `{"error": "invalid_client", "error_description": "text"}` (RFC 6749 section 5.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// What is wrong, in words; at the token endpoint a code.
    pub error: String,
    /// The reason, for programs. Unknown codes, and values of other types, are read as none.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "code::lenient"
    )]
    pub code: Option<ErrorCode>,
    /// At the token endpoint, what is wrong in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_description: Option<String>,
}

/// A server's refusal, or an answer that is none.
///
/// `Display` and `Debug` never show what the server wrote, the host of a redirect aside, since a
/// hostile server could echo a credential into a log that way; [`ApiError::server_text`] gives it,
/// escaped and bounded.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct ApiError {
    problem: Problem,
    kind: Kind,
    code: Option<ErrorCode>,
    server_text: Option<Box<str>>,
    missing_scope: Option<Scope>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Problem {
    #[error("the server answered {}", shown(*.0))]
    Status(StatusCode),
    #[error("the token endpoint refused the client ({code}, {})", shown(*.status))]
    Token {
        status: StatusCode,
        code: &'static str,
    },
    #[error("the server answered {} and redirects to {to}, which is never followed", shown(*.status))]
    Redirect { status: StatusCode, to: String },
    #[error("the answer is malformed: {0}")]
    Malformed(&'static str),
    #[error("the answer ends early")]
    Truncated,
}

/// The number of a status and its reason from the registry, never the server's own phrase.
fn shown(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

impl ApiError {
    /// The most bytes of a server's error text that are kept.
    pub const MAX_TEXT: usize = 4096;

    /// An answer that is no success. Any body will do: JSON, a proxy's HTML page, or none.
    #[must_use]
    pub fn from_response(response: &Response<Vec<u8>>) -> Self {
        let status = response.status();
        if status.is_redirection() {
            let to = redirect_host(response);
            return Self::new(Problem::Redirect { status, to }, Kind::Api);
        }
        let body = error_body(response);
        let code = body.as_ref().and_then(|body| code_for(body, status));
        let text = body.map(|body| body.error);
        let missing_scope = (status == StatusCode::FORBIDDEN)
            .then(|| text.as_deref().and_then(named_scope))
            .flatten();
        Self {
            problem: Problem::Status(status),
            kind: Kind::from(status),
            code,
            server_text: text.as_deref().map(escaped),
            missing_scope,
        }
    }

    /// A token endpoint's answer that is no success: RFC 6749 section 5.2 says that a refusal is
    /// 400 or 401 with a code.
    #[must_use]
    pub fn from_token_response(response: &Response<Vec<u8>>) -> Self {
        let status = response.status();
        let refused = [
            StatusCode::BAD_REQUEST,
            StatusCode::UNAUTHORIZED,
            StatusCode::FORBIDDEN,
        ];
        if !refused.contains(&status) {
            return Self::from_response(response);
        }
        let body = error_body(response);
        let of_body = body.as_ref().and_then(|body| code_for(body, status));
        let code = body
            .as_ref()
            .and_then(|body| oauth_code(&body.error))
            .unwrap_or("no code");
        let text = body.and_then(|body| body.error_description);
        Self {
            problem: Problem::Token { status, code },
            kind: Kind::Auth,
            code: of_body,
            server_text: text.as_deref().map(escaped),
            missing_scope: None,
        }
    }

    /// A success whose body is not what the call promises; `what` says how.
    #[must_use]
    pub fn malformed(what: &'static str) -> Self {
        Self::new(Problem::Malformed(what), Kind::Api)
    }

    /// A success whose body stops in the middle of what it says.
    pub(crate) fn truncated() -> Self {
        Self::new(Problem::Truncated, Kind::Api)
    }

    /// Whether the body of a success stops in the middle. Only the end of the connection told where
    /// it ends (RFC 9112 section 6.3, item 8), so the connection may have been lost: as good as no
    /// answer.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.problem == Problem::Truncated
    }

    fn new(problem: Problem, kind: Kind) -> Self {
        Self {
            problem,
            kind,
            code: None,
            server_text: None,
            missing_scope: None,
        }
    }

    /// What it means.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The status; `None` for a success whose body is malformed or ends early.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        match self.problem {
            Problem::Status(status)
            | Problem::Token { status, .. }
            | Problem::Redirect { status, .. } => Some(status),
            Problem::Malformed(_) | Problem::Truncated => None,
        }
    }

    /// The reason that the server gave for programs; `None` where it gave none that belongs to the status
    /// of the answer. [`Self::kind`] never depends on it.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        self.code
    }

    /// The scope that a 403 named as missing.
    #[must_use]
    pub fn missing_scope(&self) -> Option<Scope> {
        self.missing_scope
    }

    /// What the server wrote about it, with control characters escaped and at most
    /// [`Self::MAX_TEXT`] bytes long. It is the server's word: do not trust it, and do not log it
    /// where a credential must not stand.
    #[must_use]
    pub fn server_text(&self) -> Option<&str> {
        self.server_text.as_deref()
    }
}

impl fmt::Debug for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiError")
            .field("kind", &self.kind)
            .field("problem", &self.problem)
            .finish_non_exhaustive()
    }
}

fn error_body(response: &Response<Vec<u8>>) -> Option<ErrorBody> {
    // The reader takes an array for a struct.
    let body = response.body().trim_ascii_start();
    body.starts_with(b"{")
        .then(|| serde_json::from_slice(body).ok())
        .flatten()
}

/// A server may send any code with any status; one that does not fit says nothing.
fn code_for(body: &ErrorBody, status: StatusCode) -> Option<ErrorCode> {
    body.code.filter(|code| code.status() == status)
}

fn redirect_host(response: &Response<Vec<u8>>) -> String {
    response
        .headers()
        .get(LOCATION)
        .and_then(|location| Uri::try_from(location.as_bytes()).ok())
        .and_then(|location| location.host().map(str::to_owned))
        .unwrap_or_else(|| "an unnamed host".to_owned())
}

fn named_scope(text: &str) -> Option<Scope> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == ':' || c == '_';
    text.split(|c| !is_part(c))
        .find_map(|word| word.parse().ok())
}

/// The codes of RFC 6749 section 5.2. Only these are shown; any other text is the server's own.
fn oauth_code(code: &str) -> Option<&'static str> {
    let codes = [
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    ];
    codes.into_iter().find(|known| *known == code)
}

fn escaped(text: &str) -> Box<str> {
    let mut shown = String::new();
    for c in text.chars() {
        let escaped = if is_unsafe(c) {
            c.escape_default().to_string()
        } else {
            c.to_string()
        };
        if shown.len() + escaped.len() > ApiError::MAX_TEXT {
            break;
        }
        shown.push_str(&escaped);
    }
    shown.into_boxed_str()
}

/// Controls, and the format characters that reorder or hide text.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests;
