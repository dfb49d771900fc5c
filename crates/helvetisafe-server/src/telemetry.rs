//! Metrics and the access log of `serve`.

mod access_log;
mod labels;
mod metrics;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::header::CONNECTION;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use helvetisafe_proto::ErrorCode;
use hyper::Request;
use hyper::body::Incoming;
use tokio::time::{MissedTickBehavior, interval};

use crate::connections;
use crate::http::Calls;
use crate::proxies::Proxies;
use crate::shared::Shared;

pub(crate) use access_log::AccessLog;
pub(crate) use metrics::{ConnectionCounts, Metrics, router};

/// The observers of requests.
#[derive(Clone)]
pub(crate) struct Telemetry {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) access_log: Option<AccessLog>,
    pub(crate) proxies: Option<Proxies>,
}

/// The time between two records of the vault's state.
const WATCH_INTERVAL: Duration = Duration::from_secs(5);

/// The status of a request that ended without an answer, since its client disconnected or the vault was stopped: 499,
/// as other servers log it. A write of such a request may have happened.
const CLIENT_GONE: u16 = 499;

/// A request at its end.
struct Ended {
    method: &'static str,
    route: &'static str,
    /// The status of the answer, or [`CLIENT_GONE`].
    status: u16,
    /// The code of a refusal.
    code: Option<ErrorCode>,
    seconds: f64,
}

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
}

impl From<Calls> for ObservedCalls {
    /// Returns the calls without an observer.
    fn from(calls: Calls) -> Self {
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
            ended: Ended {
                method: labels::method(request.method()),
                route: labels::route(request.uri().path()),
                status: CLIENT_GONE,
                code: None,
                seconds: 0.0,
            },
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
        let telemetry = &self.observer.telemetry;
        telemetry.metrics.count(&self.ended);
        if let Some(log) = &telemetry.access_log {
            log.write(&self.ended, self.client);
        }
    }
}

impl Telemetry {
    /// Records the state of the vault at intervals, until the runtime ends.
    pub(crate) async fn watch(self, shared: Arc<Shared>) {
        let mut ticks = interval(WATCH_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let state = shared.readiness.state(&shared.store).await;
            self.metrics.set_state(&state);
        }
    }

    /// Returns the client's address for the access log.
    fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> Option<IpAddr> {
        self.access_log.as_ref()?;
        let peer = peer.ip().to_canonical();
        let proxies = self.proxies.as_ref();
        Some(proxies.map_or(peer, |proxies| proxies.client(peer, headers)))
    }
}
