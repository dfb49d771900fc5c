//! The transports that record responses and writes.

use std::borrow::Cow;
use std::sync::Arc;

use helvetisafe::{ErrorCode, Timestamp, Transport, TransportError};
use http::{Method, Request, Response, StatusCode};
use serde::Deserialize;

use super::entry::CacheEntry;
use super::recorder::{Change, Recorder};
use super::resource::{self, is_secret};

/// Sends requests through another transport, and records the responses.
pub(crate) struct RecordingTransport {
    inner: Arc<dyn Transport>,
    recorder: Recorder,
}

impl RecordingTransport {
    pub(crate) fn new(inner: Arc<dyn Transport>, recorder: Recorder) -> Self {
        Self { inner, recorder }
    }

    fn record(&self, request: &Request<Vec<u8>>, at: Timestamp, response: &Response<Vec<u8>>) {
        let Some(resource) = resource::of_path(request.uri().path()) else {
            return;
        };
        match response.status() {
            StatusCode::OK => {
                if let Some(entry) = CacheEntry::new(at, response.body()) {
                    self.recorder.record(resource, Change::Entry(entry));
                }
            }
            // A 404 for the list or a credential says nothing about the secrets.
            StatusCode::NOT_FOUND if is_secret(resource) && is_absence(response) => {
                self.recorder.record(resource, Change::Gone(at));
            }
            _ => {}
        }
    }
}

/// Returns true if the body of a 404 is the vault's error about a secret, as the library reads it. The page of
/// a proxy is none.
fn is_from_vault(body: &[u8]) -> bool {
    let error: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    error["error"].is_string() && error["code"] != ErrorCode::UnknownPath.as_str()
}

/// Sends requests through another transport, and records which secrets they write or delete.
pub(crate) struct WriteTransport {
    inner: Arc<dyn Transport>,
    recorder: Recorder,
}

impl WriteTransport {
    pub(crate) fn new(inner: Arc<dyn Transport>, recorder: Recorder) -> Self {
        Self { inner, recorder }
    }
}

impl Transport for WriteTransport {
    fn send(&self, request: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        let outcome = self.inner.send(request);
        if let Some(resource) = written(request) {
            // A response to an earlier request may be older than the write.
            let at = Timestamp::now();
            let change = match &outcome {
                Ok(response) if is_absence(response) => Some(Change::Gone(at)),
                Ok(response) if response.status().is_client_error() => None,
                Ok(response)
                    if response.status().is_success() && request.method() == Method::DELETE =>
                {
                    Some(Change::Gone(at))
                }
                // Without an answer it may have been written.
                _ => Some(Change::Replaced(at)),
            };
            if let Some(change) = change {
                self.recorder.record(&resource, change);
            }
        }
        outcome
    }
}

/// Returns the resource of the secret that a request writes or deletes.
fn written(request: &Request<Vec<u8>>) -> Option<String> {
    let resource = resource::of_path(request.uri().path())?;
    match *request.method() {
        Method::PUT | Method::DELETE => is_secret(resource).then(|| resource.to_owned()),
        Method::POST if resource == resource::LIST => {
            let body: NewSecret<'_> = serde_json::from_slice(request.body()).ok()?;
            Some(format!("{resource}/{}", body.key))
        }
        _ => None,
    }
}

/// The name in the request that creates a secret.
#[derive(Deserialize)]
struct NewSecret<'a> {
    #[serde(borrow)]
    key: Cow<'a, str>,
}

/// Returns true if the vault answers that there is no such secret.
fn is_absence(response: &Response<Vec<u8>>) -> bool {
    response.status() == StatusCode::NOT_FOUND && is_from_vault(response.body())
}

impl Transport for RecordingTransport {
    fn send(&self, request: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        // The response is at least as new as this.
        let at = Timestamp::now();
        let response = self.inner.send(request)?;
        if request.method() == Method::GET {
            self.record(request, at, &response);
        }
        Ok(response)
    }
}
