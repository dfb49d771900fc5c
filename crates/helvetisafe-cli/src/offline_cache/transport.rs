//! The transport that records responses.

use std::sync::Arc;

use helvetisafe::{ErrorCode, Timestamp, Transport, TransportError};
use http::{Method, Request, Response, StatusCode};

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
            StatusCode::NOT_FOUND if is_secret(resource) && is_from_vault(response.body()) => {
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
