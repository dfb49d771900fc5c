mod code;

use std::fmt;

use http::header::LOCATION;
use http::{Response, StatusCode, Uri};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::Scope;

pub use code::{ErrorCode, UnknownErrorCode};

/// The class of an answer that is not a success. Every decision about a status is made from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// 401, or the token endpoint refused the client.
    Auth,
    /// 403: the credential lacks a right.
    Forbidden,
    /// 404, and the body is the vault's error about a secret: there is no such secret.
    NotFound,
    /// 409: the secret exists already.
    Conflict,
    /// 412: the secret has another version than the request names.
    Changed,
    /// 429: too many requests.
    RateLimited,
    /// 408, 500, 502, 503 or 504: the server cannot answer now, and may later.
    Unavailable,
    /// Any other 4xx: the request is wrong, and stays so.
    Rejected,
    /// Any other status, a redirect, or an answer that cannot be read. Also a 404 that is not the vault's
    /// error about a secret: the path is wrong, or another server answered.
    Api,
}

impl From<StatusCode> for Kind {
    /// The one table of statuses. Of a 404 only the body shows if it is about a secret:
    /// [`ApiError::from_response`] reads it.
    fn from(status: StatusCode) -> Self {
        match status.as_u16() {
            401 => Self::Auth,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            409 => Self::Conflict,
            412 => Self::Changed,
            429 => Self::RateLimited,
            408 | 500 | 502 | 503 | 504 => Self::Unavailable,
            400..=499 => Self::Rejected,
            _ => Self::Api,
        }
    }
}

/// The body of an error: `{"error": "text", "code": "secret_not_found"}`. Where the token endpoint refuses
/// the client it is `{"error": "invalid_client", "error_description": "text"}` (RFC 6749 section 5.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// The problem in words; at the token endpoint a code.
    pub error: String,
    /// The reason, for programs. Unknown codes and values of other types are read as `None`.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "code::lenient"
    )]
    pub code: Option<ErrorCode>,
    /// The problem in words, at the token endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_description: Option<String>,
}

/// Members that web frameworks add to the body of an error, and the vault does not.
#[derive(Default, Deserialize)]
#[serde(default)]
struct FrameworkBody {
    status: Option<IgnoredAny>,
    path: Option<IgnoredAny>,
    timestamp: Option<IgnoredAny>,
}

impl FrameworkBody {
    fn is_in(text: &[u8]) -> bool {
        let body = serde_json::from_slice(text).unwrap_or_else(|_| Self::default());
        body.status.is_some() || body.path.is_some() || body.timestamp.is_some()
    }
}

/// A refusal of the server, or an answer that cannot be read.
///
/// `Display` and `Debug` never show the server's own text, except for the host of a redirect: a hostile
/// server could echo a credential into a log. [`ApiError::server_text`] returns the text, escaped and
/// bounded.
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
    #[error("the server answered {}{}", shown(*.status), located(.url.as_deref()))]
    Status {
        status: StatusCode,
        url: Option<Box<str>>,
    },
    #[error("the token endpoint refused the client ({code}, {})", shown(*.status))]
    Token {
        status: StatusCode,
        code: &'static str,
    },
    #[error("the server answered {} and redirects to {to}, which is never followed", shown(*.status))]
    Redirect { status: StatusCode, to: String },
    #[error("the answer{} is malformed: {what}", located(.url.as_deref()))]
    Malformed {
        what: &'static str,
        url: Option<Box<str>>,
    },
    #[error("the answer ends early")]
    Truncated,
}

/// Shows a status with its registered reason, never with the server's own phrase.
fn shown(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

/// Completes a message with the URL of the request.
fn located(url: Option<&str>) -> String {
    url.map_or_else(String::new, |url| format!(" at {url}"))
}

impl ApiError {
    /// The most bytes of [`Self::server_text`].
    pub const MAX_TEXT: usize = 4096;

    /// Reads an answer that is not a success. The body may be JSON, the HTML page of a proxy, or empty.
    #[must_use]
    pub fn from_response<B: AsRef<[u8]>>(response: &Response<B>) -> Self {
        let status = response.status();
        if status.is_redirection() {
            let to = redirect_host(response);
            return Self::new(Problem::Redirect { status, to }, Kind::Api);
        }
        let body = error_body(response);
        let problem = Problem::Status { status, url: None };
        let kind = kind(status, response.body().as_ref(), body.as_ref());
        let error = Self::new(problem, kind);
        let Some(body) = body else {
            return error;
        };
        Self {
            code: body.code,
            server_text: Some(escaped(&body.error)),
            missing_scope: named_scope(&body.error).filter(|_| error.kind == Kind::Forbidden),
            ..error
        }
    }

    /// Reads an answer of the token endpoint that is not a success. By RFC 6749 section 5.2 a refusal is
    /// 400 or 401 with a code.
    #[must_use]
    pub fn from_token_response<B: AsRef<[u8]>>(response: &Response<B>) -> Self {
        let status = response.status();
        if !matches!(status.as_u16(), 400 | 401 | 403) {
            return Self::from_response(response);
        }
        let body = error_body(response);
        let known = body.as_ref().and_then(|body| oauth_code(&body.error));
        let code = known.unwrap_or("no code");
        let of_body = body.as_ref().and_then(|body| body.code);
        // A server that ignores the RFC writes a sentence in place of the code.
        let text = body.and_then(|body| match known {
            Some(_) => body.error_description,
            None => body.error_description.or(Some(body.error)),
        });
        Self {
            code: of_body,
            server_text: text.as_deref().map(escaped),
            ..Self::new(Problem::Token { status, code }, Kind::Auth)
        }
    }

    /// A success whose body is not what the call promises; `what` completes the sentence.
    #[must_use]
    pub fn malformed(what: &'static str) -> Self {
        Self::new(Problem::Malformed { what, url: None }, Kind::Api)
    }

    /// A success whose body stops in the middle.
    pub(crate) fn truncated() -> Self {
        Self::new(Problem::Truncated, Kind::Api)
    }

    /// Returns true if the body of a success stops in the middle, and only the end of the connection said
    /// where it ends (RFC 9112 section 6.3, item 8). The connection may have broken, so this counts as no
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

    /// Adds the URL of the request to the message, for an answer that a wrong URL may explain.
    #[must_use]
    pub fn at(mut self, url: &Uri) -> Self {
        if let Problem::Status { url: shown, .. } | Problem::Malformed { url: shown, .. } =
            &mut self.problem
        {
            *shown = Some(url.to_string().into());
        }
        self
    }

    /// Returns the class of the answer.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the status; `None` for a success whose body is malformed or ends early.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        match self.problem {
            Problem::Status { status, .. }
            | Problem::Token { status, .. }
            | Problem::Redirect { status, .. } => Some(status),
            Problem::Malformed { .. } | Problem::Truncated => None,
        }
    }

    /// Returns the server's reason for programs; `None` if it gave none that belongs to the status.
    /// [`Self::kind`] depends on it for a 404 alone, which `unknown_path` makes a [`Kind::Api`].
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        self.code
    }

    /// Returns the code of RFC 6749 section 5.2 with which the token endpoint refused the client, such as
    /// `invalid_scope`; `None` if it gave another one, or if another call failed.
    #[must_use]
    pub fn oauth_code(&self) -> Option<&'static str> {
        match self.problem {
            Problem::Token { code, .. } => oauth_code(code),
            _ => None,
        }
    }

    /// Returns the scope that a 403 named as missing.
    #[must_use]
    pub fn missing_scope(&self) -> Option<Scope> {
        self.missing_scope
    }

    /// Returns the server's own text, with control characters escaped, at most [`Self::MAX_TEXT`] bytes
    /// long. Do not trust it, and do not log it: it may echo a credential.
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

/// Returns the kind of an answer. A 404 is about a secret only if the vault says so: the page of a proxy, or an
/// unknown path, says nothing about secrets.
fn kind(status: StatusCode, text: &[u8], body: Option<&ErrorBody>) -> Kind {
    let is_about_secret = body.is_some_and(|body| match body.code {
        Some(code) => code != ErrorCode::UnknownPath,
        None => !FrameworkBody::is_in(text),
    });
    match Kind::from(status) {
        Kind::NotFound if !is_about_secret => Kind::Api,
        kind => kind,
    }
}

/// Reads the body of an error, without a code that belongs to another status.
fn error_body<B: AsRef<[u8]>>(response: &Response<B>) -> Option<ErrorBody> {
    let text = response.body().as_ref().trim_ascii_start();
    // The reader accepts an array for a struct.
    if !text.starts_with(b"{") {
        return None;
    }
    let mut body: ErrorBody = serde_json::from_slice(text).ok()?;
    body.code = body.code.filter(|code| code.status() == response.status());
    Some(body)
}

fn redirect_host<B>(response: &Response<B>) -> String {
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

/// Returns a code of RFC 6749 section 5.2. Any other text is the server's own and not shown.
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

/// Returns true for control characters and for format characters that reorder or hide text.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests;
