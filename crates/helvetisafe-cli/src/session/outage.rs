//! The state of the vault as its requests show it: down since when and why, or up again; and the refusal of the account.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub(crate) use super::episode::Change;
use super::episode::Episode;
use helvetisafe::{Failure as Cause, Transport, TransportError};
use http::{Request, Response, StatusCode};

/// The time after a failure of the vault in which cached entries are used at once.
const PAUSE: Duration = Duration::from_secs(5);

pub(crate) type Outcome = Result<Response<Vec<u8>>, TransportError>;

/// The last outage of the vault, shared by the threads of a process.
#[derive(Clone, Default)]
pub(crate) struct Outage(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    outage: Episode<NoAnswer>,
    /// The time until which cached entries are used at once.
    pause_until: Option<Instant>,
    /// The refusal of the account, with the possible reasons.
    refusal: Episode<String>,
}

/// A failure of the vault to answer.
#[derive(Clone)]
pub(crate) struct NoAnswer {
    host: String,
    failure: Result<StatusCode, TransportError>,
}

impl Outage {
    /// Notes the outcomes of a transport.
    pub(crate) fn observe(&self, inner: Arc<dyn Transport>) -> Observed {
        Observed {
            inner,
            outage: self.clone(),
        }
    }

    /// Returns the failure, if the vault failed so recently that it is not asked again.
    pub(super) fn current(&self) -> Option<NoAnswer> {
        let state = self.lock();
        let is_current = state
            .pause_until
            .is_some_and(|until| Instant::now() < until);
        state.outage.cause().filter(|_| is_current)
    }

    /// Returns the failure of the last outage.
    pub(super) fn last(&self) -> Option<NoAnswer> {
        self.lock().outage.cause()
    }

    /// Returns the change since the last call. An outage that has ended before it was reported is left out.
    pub(crate) fn take_change(&self) -> Option<Change<NoAnswer>> {
        self.lock().outage.take_change()
    }

    /// Notes that the vault has refused the account of a call. `reasons` is asked at the begin.
    pub(crate) fn note_refusal(&self, reasons: impl FnOnce() -> String) {
        let mut state = self.lock();
        if !state.refusal.is_on() {
            state.refusal.begin(reasons());
        }
    }

    /// Returns the begin of a refusal of the account, or its end, since the last call.
    pub(crate) fn take_refusal(&self) -> Option<Change<String>> {
        self.lock().refusal.take_change()
    }

    fn begin(&self, cause: NoAnswer) {
        let mut state = self.lock();
        state.pause_until = may_pass(&cause.failure).then(|| Instant::now() + PAUSE);
        state.outage.begin(cause);
    }

    /// Notes an answer. The vault answers no call of an account that it refuses with success.
    fn end(&self, status: StatusCode) {
        let mut state = self.lock();
        state.pause_until = None;
        state.outage.end();
        if status.is_success() {
            state.refusal.end();
        }
    }

    /// The state is valid even after a panic, so poison does not matter.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NoAnswer {
    /// Returns the failure of a request; `None` if the vault answered, or if the client repeats the request at once.
    fn of(request: &Request<Vec<u8>>, outcome: &Outcome) -> Option<Self> {
        let failure = match outcome {
            Ok(response) if is_outage(response.status()) => Ok(response.status()),
            Err(error) if error.failure() != Cause::DeadConnection => Err(error.clone()),
            _ => return None,
        };
        let host = request.uri().authority().map(ToString::to_string);
        Some(Self {
            host: host.unwrap_or_default(),
            failure,
        })
    }

    /// Returns the failure of a request if a later one may succeed. Until then a cached entry serves.
    pub(super) fn of_passing(request: &Request<Vec<u8>>, outcome: &Outcome) -> Option<Self> {
        Self::of(request, outcome).filter(|it| may_pass(&it.failure))
    }

    /// Returns the failure as the outcome of another request.
    pub(super) fn into_outcome(self) -> Outcome {
        self.failure.map(|status| {
            let mut response = Response::new(Vec::new());
            *response.status_mut() = status;
            response
        })
    }
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.failure {
            Ok(status) => write!(f, "{} answers with status {}", self.host, status.as_u16()),
            Err(error) => write!(f, "{}: {error}", self.host),
        }
    }
}

fn is_outage(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS
        )
}

fn may_pass(failure: &Result<StatusCode, TransportError>) -> bool {
    let Err(error) = failure else { return true };
    !matches!(
        error.failure(),
        Cause::Tls | Cause::Proxy | Cause::TooLarge | Cause::Malformed | Cause::Redirected
    )
}

/// A transport whose outcomes show outages.
pub(crate) struct Observed {
    inner: Arc<dyn Transport>,
    outage: Outage,
}

impl Transport for Observed {
    fn send(&self, request: &Request<Vec<u8>>) -> Outcome {
        let outcome = self.inner.send(request);
        match (NoAnswer::of(request, &outcome), &outcome) {
            (Some(cause), _) => self.outage.begin(cause),
            (None, Ok(response)) => self.outage.end(response.status()),
            (None, Err(_)) => {}
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request<Vec<u8>> {
        let request = Request::get("https://vault.example/api/v1/secrets");
        request.body(Vec::new()).unwrap()
    }

    /// Lets a vault have this outcome.
    fn send(outage: &Outage, outcome: &Outcome) {
        let outcome = match outcome {
            Ok(response) => Ok(response.status()),
            Err(error) => Err(error.clone()),
        };
        let inner = move |_: &Request<Vec<u8>>| {
            let outcome = outcome.clone();
            outcome.map(|status| {
                let mut response = Response::new(Vec::new());
                *response.status_mut() = status;
                response
            })
        };
        let _ = outage.observe(Arc::new(inner)).send(&request());
    }

    fn down() -> Outcome {
        Err(TransportError::with_source(Cause::NotSent, "refused"))
    }

    fn up() -> Outcome {
        Ok(Response::new(Vec::new()))
    }

    #[test]
    fn each_change_is_reported_once() {
        let outage = Outage::default();
        send(&outage, &up());
        assert!(outage.take_change().is_none());
        send(&outage, &down());
        send(&outage, &down());
        let Some(Change::Began(cause)) = outage.take_change() else {
            panic!("no outage")
        };
        let cause = cause.to_string();
        assert!(cause.starts_with("vault.example: ") && cause.contains("refused"));
        send(&outage, &down());
        assert!(outage.take_change().is_none());
        send(&outage, &up());
        assert!(matches!(outage.take_change(), Some(Change::Ended(_))));
        assert!(outage.take_change().is_none());
    }

    #[test]
    fn an_outage_that_was_not_reported_has_no_end() {
        let outage = Outage::default();
        send(&outage, &down());
        send(&outage, &up());
        assert!(outage.take_change().is_none());
    }

    #[test]
    fn a_refusal_of_the_account_is_reported_once_and_ends_with_a_success() {
        let outage = Outage::default();
        let refused = || {
            let mut response = Response::new(Vec::new());
            *response.status_mut() = StatusCode::UNAUTHORIZED;
            Ok(response)
        };
        for _ in 0..2 {
            send(&outage, &refused());
            outage.note_refusal(|| "disabled".to_owned());
        }
        assert!(matches!(outage.take_refusal(), Some(Change::Began(it)) if it == "disabled"));
        for outcome in [refused(), down()] {
            send(&outage, &outcome);
            assert!(outage.take_refusal().is_none());
        }
        send(&outage, &up());
        assert!(matches!(outage.take_refusal(), Some(Change::Ended(_))));
        assert!(outage.take_refusal().is_none());
    }

    #[test]
    fn only_a_failure_that_may_pass_lets_the_cache_serve() {
        let status = |code| {
            let mut response = Response::new(Vec::new());
            *response.status_mut() = StatusCode::from_u16(code).unwrap();
            Ok(response)
        };
        for (outcome, is_current) in [
            (down(), true),
            (status(503), true),
            (status(429), true),
            (status(403), false),
            (Err(TransportError::new(Cause::Tls)), false),
            (Err(TransportError::new(Cause::DeadConnection)), false),
        ] {
            let outage = Outage::default();
            send(&outage, &outcome);
            assert_eq!(outage.current().is_some(), is_current, "{outcome:?}");
        }
    }
}
