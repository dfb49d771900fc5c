//! Metrics and the access log of `serve`.

mod access_log;
mod labels;
mod metrics;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use helvetisafe_proto::ErrorCode;
use hyper::Request;
use tokio::time::{MissedTickBehavior, interval};

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
pub(crate) struct Ended {
    method: &'static str,
    route: &'static str,
    /// The status of the answer, or [`CLIENT_GONE`].
    pub(crate) status: u16,
    /// The code of a refusal.
    pub(crate) code: Option<ErrorCode>,
    pub(crate) seconds: f64,
}

impl Ended {
    /// The end of a request that gets no answer.
    pub(crate) fn before_its_answer(request: &Request<Body>) -> Self {
        Self {
            method: labels::method(request.method()),
            route: labels::route(request.uri().path()),
            status: CLIENT_GONE,
            code: None,
            seconds: 0.0,
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

    /// Counts a request, and writes it to the access log.
    pub(crate) fn record(&self, ended: &Ended, client: Option<IpAddr>) {
        self.metrics.count(ended);
        if let Some(log) = &self.access_log {
            log.write(ended, client);
        }
    }

    /// Returns the client's address for the access log.
    pub(crate) fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> Option<IpAddr> {
        self.access_log.as_ref()?;
        let peer = peer.ip().to_canonical();
        let proxies = self.proxies.as_ref();
        Some(proxies.map_or(peer, |proxies| proxies.client(peer, headers)))
    }
}
