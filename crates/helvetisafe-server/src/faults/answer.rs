//! Answers in place of the vault's.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};

/// An answer in place of the vault's.
#[derive(Clone, Debug)]
#[must_use]
pub struct Answer {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Answer {
    /// Makes an answer with an empty body.
    pub fn status(status: StatusCode) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// Makes an error response with the body `{"error": "..."}`.
    pub fn error(status: StatusCode, text: &str) -> Self {
        let body = serde_json::json!({ "error": text });
        Self::status(status).json(body.to_string())
    }

    /// Makes the HTML error page of a gateway.
    pub fn html_page(status: StatusCode) -> Self {
        let title = status.to_string();
        let page = format!(
            "<!DOCTYPE html>\n<html><head><title>{title}</title></head>\n\
             <body><center><h1>{title}</h1></center><hr><center>gateway</center></body></html>\n"
        );
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        Self::status(status).header(CONTENT_TYPE, html).body(page)
    }

    /// Makes a redirect with status 302.
    pub fn redirect(location: HeaderValue) -> Self {
        Self::status(StatusCode::FOUND).header(LOCATION, location)
    }

    /// Adds a header.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Adds `Retry-After` in seconds, rounded up.
    pub fn retry_after(self, wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.header(RETRY_AFTER, seconds.into())
    }

    /// Sets the body.
    pub fn body(self, body: impl Into<Bytes>) -> Self {
        Self {
            body: body.into(),
            ..self
        }
    }

    /// Sets the body with the content type of JSON. The body need not be JSON.
    pub fn json(self, body: impl Into<Bytes>) -> Self {
        let json = HeaderValue::from_static("application/json");
        self.header(CONTENT_TYPE, json).body(body)
    }

    pub(super) fn name(&self) -> String {
        format!("answer {}", self.status.as_u16())
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        response.headers_mut().extend(self.headers);
        response
    }
}
