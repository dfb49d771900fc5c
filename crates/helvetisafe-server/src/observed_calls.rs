//! The calls of a vault, with the metrics and the access log of their requests.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::response::Response;
use helvetisafe_proto::ErrorCode;
use hyper::Request;
use hyper::body::Incoming;

use crate::connections;
use crate::http::Calls;
use crate::shared::Shared;
use crate::telemetry::{Ended, Telemetry};

/// The calls of a vault, and the observer of their requests, if there is one.
#[derive(Clone)]
pub(crate) struct ObservedCalls {
    calls: Calls,
    observer: Option<Arc<Observer>>,
}

/// Observes every request, and closes connections while the vault drains.
struct Observer {
    telemetry: Telemetry,
    shared: Arc<Shared>,
}

impl ObservedCalls {
    pub(crate) fn new(calls: Calls, telemetry: Option<Telemetry>, shared: Arc<Shared>) -> Self {
        let observer = telemetry.map(|telemetry| Observer { telemetry, shared });
        Self {
            calls,
            observer: observer.map(Arc::new),
        }
    }

    /// Calls without metrics and access log.
    pub(crate) fn unobserved(calls: Calls) -> Self {
        Self {
            calls,
            observer: None,
        }
    }
}

impl connections::Calls for ObservedCalls {
    async fn answer(self, request: Request<Incoming>, client: SocketAddr) -> Response {
        let request = request.map(Body::new);
        let Some(observer) = self.observer else {
            return self.calls.answer(request).await;
        };
        let observed = Observed::begin(Arc::clone(&observer), &request, client);
        let mut response = self.calls.answer(request).await;
        if observer.shared.readiness.is_draining() {
            // Clients with a connection go to another node.
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        observed.answer(&response);
        response
    }
}

/// A request in progress. It is counted and logged when it is dropped, with or without an answer.
struct Observed {
    observer: Arc<Observer>,
    client: Option<IpAddr>,
    begun: Instant,
    ended: Ended,
}

impl Observed {
    fn begin(observer: Arc<Observer>, request: &Request<Body>, client: SocketAddr) -> Self {
        Self {
            client: observer.telemetry.client(client, request.headers()),
            observer,
            begun: Instant::now(),
            ended: Ended::before_its_answer(request),
        }
    }

    fn answer(mut self, response: &Response) {
        self.ended.status = response.status().as_u16();
        self.ended.code = response.extensions().get::<ErrorCode>().copied();
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        self.ended.seconds = self.begun.elapsed().as_secs_f64();
        self.observer.telemetry.record(&self.ended, self.client);
    }
}
