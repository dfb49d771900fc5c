//! A transport that simulates failures.

use std::sync::{Arc, Mutex};

use helvetisafe::{Failure, TransportError};
use http::{Request as HttpRequest, Response};

/// The simulated failures, in the order of the requests of a call.
#[derive(Default)]
pub(crate) struct Detour {
    pub(crate) line: (&'static str, String),
    pub(crate) failures: Vec<Option<Failure>>,
    pub(crate) always: Option<Failure>,
    pub(crate) requests: usize,
}

/// A transport over real sockets that simulates failures.
pub(crate) fn detour(
    detour: Arc<Mutex<Detour>>,
) -> impl Fn(&HttpRequest<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> + Send + Sync {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    let agent = ureq::Agent::new_with_config(config.build());
    move |request| {
        if let Some(failure) = detour.lock().unwrap().next(request) {
            return Err(TransportError::new(failure));
        }
        let lost = |_| TransportError::new(Failure::Lost);
        let answer = if request.body().is_empty() {
            let (parts, _) = request.clone().into_parts();
            agent.run(HttpRequest::from_parts(parts, ()))
        } else {
            agent.run(request.clone())
        };
        let (parts, mut body) = answer.map_err(lost)?.into_parts();
        Ok(Response::from_parts(
            parts,
            body.read_to_vec().map_err(lost)?,
        ))
    }
}

impl Detour {
    fn next(&mut self, request: &HttpRequest<Vec<u8>>) -> Option<Failure> {
        if (request.method().as_str(), request.uri().path()) != (self.line.0, &self.line.1) {
            return None;
        }
        self.requests += 1;
        let failure = self.failures.get(self.requests - 1).copied().flatten();
        self.always.or(failure)
    }
}
