//! The transport that answers from the cache, from the vault, or from both.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use helvetisafe::{AttemptLimits, Failure as Cause, Transport, TransportError};
use http::header::AUTHORIZATION;
use http::{Method, Request, Response, StatusCode};
use jiff::SignedDuration;

use super::args::Mode;
use super::cached::{Cached, Found};
use crate::offline_cache::{Miss, ORG_KEY, RecordingTransport, is_data, of_path};
use crate::session::outage::{NoAnswer, Outage, Outcome};

/// The access token that the cache hands out, and the header with it. It is never sent to a vault.
const TOKEN: &str = r#"{"access_token":"offline","expires_in":3600}"#;
const PLACEHOLDER: &str = "Bearer offline";
/// The vault's response for an expired secret.
const GONE: &str = r#"{"error":"not found","code":"secret_not_found"}"#;

/// The cache and its use, shared by the threads of a process.
pub(super) struct Shared {
    pub(super) mode: Mode,
    pub(super) cached: Cached,
    pub(super) outage: Outage,
    /// The time that a request waits for the vault if the cache can serve it.
    pub(super) wait: Duration,
    /// Set while the cache can serve all that is requested.
    pub(super) can_serve_all: AtomicBool,
    /// Set once cached resources are no longer requested from the vault.
    pub(super) is_late: AtomicBool,
    /// Set once an entry was used.
    pub(super) has_served: AtomicBool,
    /// Set if the token that the client has last got is from the vault.
    pub(super) has_new_token: AtomicBool,
    /// Set once `--prefer-offline` needs the vault, for which the cached keys may be too old.
    needs_vault: AtomicBool,
    /// The age of the oldest entry that was used in place of the vault's answer.
    oldest: Mutex<Option<SignedDuration>>,
}

impl Shared {
    pub(super) fn new(mode: Mode, cached: Cached, outage: Outage, wait: Duration) -> Self {
        Self {
            mode,
            cached,
            outage,
            wait,
            can_serve_all: AtomicBool::new(true),
            is_late: AtomicBool::default(),
            has_served: AtomicBool::default(),
            has_new_token: AtomicBool::default(),
            needs_vault: AtomicBool::default(),
            oldest: Mutex::default(),
        }
    }

    /// Returns the age of the oldest entry that was used in place of the vault's answer since the last call.
    pub(super) fn take_oldest(&self) -> Option<SignedDuration> {
        let mut oldest = self.oldest.lock().unwrap_or_else(PoisonError::into_inner);
        oldest.take()
    }

    fn replay(&self, request: &Request<Vec<u8>>) -> Result<Found, Miss> {
        if is_token(request) {
            let found = self.cached.find(ORG_KEY)?;
            return Ok(Found {
                body: TOKEN.into(),
                ..found
            });
        }
        self.cached.find(resource(request).ok_or(Miss::Absent)?)
    }

    fn serve(&self, request: &Request<Vec<u8>>, found: Found) -> Outcome {
        self.has_served.store(true, Ordering::Relaxed);
        if is_token(request) {
            self.has_new_token.store(false, Ordering::Relaxed);
        }
        Ok(Response::new(found.body))
    }

    /// Serves an entry in place of the vault's answer.
    fn serve_instead(&self, request: &Request<Vec<u8>>, found: Found) -> Outcome {
        if resource(request).is_some_and(is_data) {
            let mut oldest = self.oldest.lock().unwrap_or_else(PoisonError::into_inner);
            *oldest = (*oldest).max(Some(found.age));
        }
        self.serve(request, found)
    }
}

pub(super) struct OfflineTransport {
    pub(super) shared: Arc<Shared>,
    pub(super) vault: RecordingTransport,
}

impl Transport for OfflineTransport {
    fn send(&self, request: &Request<Vec<u8>>) -> Outcome {
        let shared = &self.shared;
        let needs_vault = &shared.needs_vault;
        let is_key = !resource(request).is_some_and(is_data);
        match (shared.mode, shared.replay(request)) {
            (Mode::Only, Ok(found)) => shared.serve(request, found),
            (Mode::Only, Err(Miss::Expired)) => Ok(response(StatusCode::NOT_FOUND, GONE)),
            (Mode::Only, Err(_)) => Err(not_cached()),
            (Mode::First, Ok(found)) if !(is_key && needs_vault.load(Ordering::SeqCst)) => {
                shared.serve(request, found)
            }
            (_, replayed) => {
                needs_vault.store(true, Ordering::SeqCst);
                self.vault_first(request, replayed.ok())
            }
        }
    }
}

impl OfflineTransport {
    fn vault_first(&self, request: &Request<Vec<u8>>, cached: Option<Found>) -> Outcome {
        let shared = &self.shared;
        let outage = shared.outage.current();
        let cached = match cached {
            Some(found) if outage.is_some() || shared.is_late.load(Ordering::Relaxed) => {
                return shared.serve_instead(request, found);
            }
            cached => cached,
        };
        if has_placeholder(request) {
            // A refusal makes the client fetch a token.
            let refused = || Ok(response(StatusCode::UNAUTHORIZED, ""));
            return outage.map_or_else(refused, NoAnswer::into_outcome);
        }
        let outcome = self.ask(request, cached.is_some());
        match cached {
            Some(found) if self.failed(request, &outcome) => shared.serve_instead(request, found),
            _ => outcome,
        }
    }

    /// Sends a request to the vault; for a short time only, if the cache can serve it.
    fn ask(&self, request: &Request<Vec<u8>>, is_cached: bool) -> Outcome {
        let shared = &self.shared;
        let outcome = if is_cached && shared.can_serve_all.load(Ordering::Relaxed) {
            let mut request = request.clone();
            if let Some(limits) = request.extensions_mut().get_mut::<AttemptLimits>() {
                limits.time = limits.time.min(shared.wait);
            }
            self.vault.send(&request)
        } else {
            self.vault.send(request)
        };
        if is_token(request) && outcome.as_ref().is_ok_and(|it| it.status().is_success()) {
            shared.has_new_token.store(true, Ordering::Relaxed);
        }
        outcome
    }

    /// Returns true if the vault did not answer. The end of the caller's own time shows nothing about the vault.
    fn failed(&self, request: &Request<Vec<u8>>, outcome: &Outcome) -> bool {
        let limits = request.extensions().get::<AttemptLimits>();
        let had_time = limits.is_none_or(|limits| limits.time >= self.shared.wait);
        let timed_out = matches!(outcome, Err(error) if error.failure() == Cause::TimedOut);
        (had_time || !timed_out) && NoAnswer::of_passing(request, outcome).is_some()
    }
}

/// Returns the cached resource that a request is for.
fn resource(request: &Request<Vec<u8>>) -> Option<&str> {
    of_path(request.uri().path()).filter(|_| request.method() == Method::GET)
}

fn is_token(request: &Request<Vec<u8>>) -> bool {
    request.method() == Method::POST && request.uri().path().ends_with("/oauth/token")
}

fn has_placeholder(request: &Request<Vec<u8>>) -> bool {
    let sent = request.headers().get(AUTHORIZATION);
    sent.is_some_and(|sent| sent == PLACEHOLDER)
}

fn response(status: StatusCode, body: &str) -> Response<Vec<u8>> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response
}

fn not_cached() -> TransportError {
    TransportError::with_source(Cause::NotSent, "it is not in the offline cache")
}
