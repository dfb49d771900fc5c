//! What takes the vault's answers down, and what gives them once more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use helvetisafe::{Failure, Timestamp, Transport, TransportError};
use http::{Method, Request, Response, StatusCode};

use crate::kept::{Answers, Brought, Kept, Recorded, is_secret, resource_of};

/// Passes requests on, and takes down what is read.
pub(super) struct Recorder {
    inner: Arc<dyn Transport>,
    recorded: Recorded,
}

impl Recorder {
    pub(super) fn new(inner: Arc<dyn Transport>, recorded: Recorded) -> Self {
        Self { inner, recorded }
    }

    fn take_down(&self, request: &Request<Vec<u8>>, at: Timestamp, answer: &Response<Vec<u8>>) {
        let Some(resource) = resource_of(request.uri().path()) else {
            return;
        };
        match answer.status() {
            StatusCode::OK => {
                if let Some(kept) = Kept::new(at, answer.body()) {
                    self.recorded.note(resource, Brought::Answer(kept));
                }
            }
            // Without a key, a whole vault is not gone because somebody answered 404.
            StatusCode::NOT_FOUND if is_secret(resource) => {
                self.recorded.note(resource, Brought::Gone(at));
            }
            _ => {}
        }
    }
}

impl Transport for Recorder {
    fn send(&self, request: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        // The answer is at least as new as that.
        let at = Timestamp::now();
        let answer = self.inner.send(request)?;
        if request.method() == Method::GET {
            self.take_down(request, at, &answer);
        }
        Ok(answer)
    }
}

/// Answers from what is kept. It has no network.
pub(super) struct Replay {
    kept: Arc<Answers>,
    is_used: Arc<AtomicBool>,
}

impl Replay {
    /// The client asks for an access token before anything else; this one goes nowhere.
    const TOKEN: &str = r#"{"access_token":"offline","expires_in":3600}"#;

    /// `is_used` becomes true with the first request.
    pub(super) fn new(kept: Arc<Answers>, is_used: Arc<AtomicBool>) -> Self {
        Self { kept, is_used }
    }
}

impl Transport for Replay {
    fn send(&self, request: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        self.is_used.store(true, Ordering::Relaxed);
        if request.method() == Method::POST && request.uri().path().ends_with("/oauth/token") {
            return Ok(Response::new(Self::TOKEN.into()));
        }
        let now = Timestamp::now();
        let kept = resource_of(request.uri().path())
            .filter(|_| request.method() == Method::GET)
            .and_then(|resource| self.kept.get(resource));
        match kept {
            Some(kept) if kept.is_expired(now) => {
                let mut gone = Response::new(Vec::new());
                *gone.status_mut() = StatusCode::NOT_FOUND;
                Ok(gone)
            }
            Some(kept) => Ok(Response::new(kept.body(now))),
            None => Err(TransportError::with_source(
                Failure::NotSent,
                "it is not kept for use offline",
            )),
        }
    }
}
