//! Metrics and the access log of `serve`.

mod access_log;
mod labels;
mod metrics;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use helvetisafe_proto::ErrorCode;

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

/// An answered request.
struct Answered {
    method: &'static str,
    route: &'static str,
    status: StatusCode,
    /// The code of a refusal.
    code: Option<ErrorCode>,
    seconds: f64,
}

impl Telemetry {
    /// Adds the layer that observes every request, and that closes connections while the vault drains.
    pub(crate) fn observe(self, calls: Router, shared: Arc<Shared>) -> Router {
        calls.layer(from_fn_with_state((self, shared), layer))
    }
}

async fn layer(
    State((telemetry, shared)): State<(Telemetry, Arc<Shared>)>,
    request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let method = labels::method(request.method());
    let route = labels::route(request.extensions().get::<MatchedPath>());
    let client = telemetry.access_log.as_ref().and_then(|_| {
        let ConnectInfo(peer) = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
        let peer = peer.ip().to_canonical();
        let proxies = telemetry.proxies.as_ref();
        Some(proxies.map_or(peer, |proxies| proxies.client(peer, request.headers())))
    });
    let mut response = next.run(request).await;
    if shared.readiness.is_draining() {
        // Clients with a connection go to another node.
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    let answered = Answered {
        method,
        route,
        status: response.status(),
        code: response.extensions().get::<ErrorCode>().copied(),
        seconds: begun.elapsed().as_secs_f64(),
    };
    telemetry.metrics.count(&answered);
    if let Some(log) = &telemetry.access_log {
        log.write(&answered, client);
    }
    response
}
