//! The response of a refusal: its status, headers and body.

use std::time::Duration;

use axum::Json;
use axum::http::HeaderValue;
use axum::http::header::{ACCEPT_ENCODING, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use helvetisafe_proto::ErrorBody;

use super::{Header, Reason, Refusal};

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
        if let Some(code) = code {
            // For metrics and the access log.
            response.extensions_mut().insert(code);
        }
        if let Some(header) = self.header {
            let (name, value) = header.into_pair();
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl Header {
    fn into_pair(self) -> (HeaderName, HeaderValue) {
        match self {
            Self::Authenticate(scheme) => (WWW_AUTHENTICATE, HeaderValue::from_static(scheme)),
            Self::AcceptIdentity => (ACCEPT_ENCODING, HeaderValue::from_static("identity")),
            Self::RetryAfter(wait) => (RETRY_AFTER, whole_seconds(wait).into()),
        }
    }
}

/// Rounds up, so that no client retries too early.
fn whole_seconds(wait: Duration) -> u64 {
    let is_part = wait.subsec_nanos() > 0;
    wait.as_secs().saturating_add(u64::from(is_part)).max(1)
}
