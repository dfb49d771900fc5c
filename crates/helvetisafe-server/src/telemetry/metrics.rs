//! The metrics, in the text format of Prometheus, and their HTTP endpoint.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use helvetisafe_proto::endpoint::FetchToken;
use helvetisafe_proto::{Endpoint, ErrorCode};
use jiff::Timestamp;
use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::Ended;
use super::labels::{LimitLabels, RequestLabels, ResultLabels, RouteLabels};
use crate::readiness;
use crate::store::{MAX_CONNECTIONS, Replication, SqlState, StoreCounts};

/// The upper bounds of the latency histogram, in seconds.
const BUCKETS: [f64; 13] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

/// Registers metrics, each with its name, its value and its help.
macro_rules! register {
    ($registry:expr, $($name:literal, $metric:expr, $help:literal;)*) => {{
        let registry = &mut *$registry;
        $(registry.register($name, $help, $metric.clone());)*
    }};
}

/// All metrics of a node.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    latency: Family<RouteLabels, Histogram, fn() -> Histogram>,
    throttled: Family<LimitLabels, Counter>,
    disk_refusals: Counter,
    tokens: Counter,
    pub(crate) connections: ConnectionCounts,
    ready: Gauge,
    pub(crate) store: StoreCounts,
    standby: Gauge,
    blocked: Gauge,
    primaries: Gauge,
    skew: Gauge<f64, AtomicU64>,
    space: SpaceGauges,
    expiry: Gauge<f64, AtomicU64>,
    reloads: Family<ResultLabels, Counter>,
    pub(super) dropped_lines: Counter,
    pub(crate) lost_reads: Counter,
}

/// The disk of a database file, and the sizes on it, in bytes.
#[derive(Default)]
struct SpaceGauges {
    free: Gauge,
    database: Gauge,
    log: Gauge,
    reserve: Gauge,
}

/// The counts of connections, which the accept loop changes.
#[derive(Clone, Default)]
pub(crate) struct ConnectionCounts {
    pub(crate) open: Gauge,
    /// The largest number of open connections.
    pub(crate) max: Gauge,
    pub(crate) accepted: Counter,
    pub(crate) refused: Counter,
    pub(crate) failed_handshakes: Counter,
}

impl Metrics {
    /// Makes the metrics that every node has.
    pub(crate) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("helvetisafe"),
            requests: Family::default(),
            latency: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            throttled: Family::default(),
            disk_refusals: Counter::default(),
            tokens: Counter::default(),
            connections: ConnectionCounts::default(),
            ready: Gauge::default(),
            store: StoreCounts::default(),
            standby: Gauge::default(),
            blocked: Gauge::default(),
            primaries: Gauge::default(),
            skew: Gauge::default(),
            space: SpaceGauges::default(),
            expiry: Gauge::default(),
            reloads: Family::default(),
            dropped_lines: Counter::default(),
            lost_reads: Counter::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let (registry, connections) = (&mut self.registry, &self.connections);
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The version of the vault", version);
        register! { registry,
            "ready", self.ready, "1 if the vault is ready for requests, as /ready answers";
            "http_requests", self.requests,
                "Requests by the status of their answer; 499 if the client disconnected before it";
            "http_request_duration_seconds", self.latency,
                "Time from the head of a request to the head of its answer";
            "throttled_requests", self.throttled, "Requests over a rate limit";
            "tokens_issued", self.tokens, "Access tokens issued";
            "disk_full_refusals", self.disk_refusals,
                "Requests that were answered 507, since the disk of the database is full";
            "connections", connections.open, "Open connections";
            "connections_max", connections.max,
                "The largest number of open connections, beyond which further ones wait";
            "connections_accepted", connections.accepted, "Accepted connections";
            "connections_refused", connections.refused,
                "Plain connections that were closed, since no trusted proxy made them";
            "access_log_dropped_lines", self.dropped_lines,
                "Lines of the access log that were dropped, since standard error was too slow";
            "audit_lost_reads", self.lost_reads,
                "Reads of secrets that are missing in the audit record, since the database took no rows";
        }
        // Present from the start, so that an alert on an increase sees the first one.
        for limit in LIMITS.map(|(_, limit)| limit) {
            drop(self.throttled.get_or_create(&LimitLabels { limit }));
        }
    }

    /// Adds the metrics of a certificate.
    pub(crate) fn register_tls(&mut self) {
        register! { &mut self.registry,
            "tls_failed_handshakes", self.connections.failed_handshakes, "Failed TLS handshakes";
            "certificate_expiry_timestamp_seconds", self.expiry,
                "End of the certificate's validity, in seconds since 1970";
            "certificate_reloads", self.reloads,
                "Attempts to load the certificate and its key again";
        }
        for result in ["ok", "failed"] {
            drop(self.reloads.get_or_create(&ResultLabels { result }));
        }
    }

    /// Adds the metrics of a database file.
    pub(crate) fn register_file(&mut self) {
        let (registry, space) = (&mut self.registry, &self.space);
        register! { registry.sub_registry_with_prefix("database"),
            "disk_free_bytes", space.free, "Free space on the disk of the database file";
            "size_bytes", space.database, "Size of the database file";
            "wal_size_bytes", space.log, "Size of the write-ahead log beside the database file";
            "reserve_bytes", space.reserve,
                "Space in reserve for tokens and deletes on a full disk, beside the database file";
        }
    }

    /// Adds the metrics of a database that other nodes may share.
    pub(crate) fn register_database(&mut self) {
        let (registry, store) = (&mut self.registry, &self.store);
        let most = Gauge::<i64>::default();
        most.set(MAX_CONNECTIONS.into());
        register! { registry.sub_registry_with_prefix("database"),
            "connections_in_use", store.in_use, "Connections to the database that run a statement";
            "connections_idle", store.idle, "Connections to the database that are open and unused";
            "connections_max", most, "The largest number of connections to the database";
            "waiting_statements", store.waiting,
                "Statements that wait for a connection to the database";
            "wait_seconds", store.wait,
                "Time of a statement's wait for a connection, and for its opening";
            "retries", store.retries,
                "Statements that were repeated, by the SQLSTATE of their failure; none for a lost connection";
            "failovers", store.failovers, "Changes of the host that takes writes";
            "synchronous_standby", self.standby,
                "1 if a commit waits for a synchronous standby that confirms it";
            "commits_blocked", self.blocked,
                "1 if commits wait for a synchronous standby and none confirms them";
            "primaries", self.primaries,
                "Hosts of the URL that accept writes; 0 for a single host, and before the first search";
            "clock_skew_seconds", self.skew, "Clock of the database less that of this node";
        }
        // The most frequent one is present from the start, so that an alert on an increase sees it.
        drop(store.retries.get_or_create(&SqlState { sqlstate: "40001" }));
    }

    /// Records the state of the vault. Facts that a failed probe lacks keep their last value.
    pub(super) fn set_state(&self, state: &readiness::State) {
        self.ready.set(state.reasons.is_empty().into());
        if let Some(replication) = &state.replication {
            self.standby.set((*replication == Replication::On).into());
            let is_blocked = matches!(replication, Replication::Stuck(_));
            self.blocked.set(is_blocked.into());
        }
        if let Some(skew) = state.skew {
            self.skew.set(skew.as_secs_f64());
        }
        if let Some(primaries) = &state.primaries {
            self.primaries
                .set(primaries.len().try_into().unwrap_or(i64::MAX));
        }
        if let Some(space) = &state.space {
            let set = |gauge: &Gauge, bytes: u64| gauge.set(bytes.try_into().unwrap_or(i64::MAX));
            set(&self.space.free, space.free);
            set(&self.space.database, space.database);
            set(&self.space.log, space.log);
            set(&self.space.reserve, space.held);
        }
    }

    pub(super) fn count(&self, ended: &Ended) {
        let &Ended {
            method,
            route,
            status,
            ..
        } = ended;
        let labels = RequestLabels {
            method,
            route,
            status,
        };
        self.requests.get_or_create(&labels).inc();
        let latency = self.latency.get_or_create(&RouteLabels { method, route });
        latency.observe(ended.seconds);
        drop(latency);
        if status == StatusCode::INSUFFICIENT_STORAGE {
            self.disk_refusals.inc();
        }
        if route == FetchToken::PATH && status == StatusCode::OK {
            self.tokens.inc();
        }
        let limit = LIMITS.iter().find(|(code, _)| ended.code == Some(*code));
        if let Some((_, limit)) = limit {
            self.throttled.get_or_create(&LimitLabels { limit }).inc();
        }
    }

    /// Records the end of the certificate in use.
    pub(crate) fn set_expiry(&self, at: Timestamp) {
        self.expiry.set(at.as_duration().as_secs_f64());
    }

    /// Counts an attempt to load the certificate again.
    pub(crate) fn count_reload(&self, is_ok: bool) {
        let result = if is_ok { "ok" } else { "failed" };
        self.reloads.get_or_create(&ResultLabels { result }).inc();
    }

    fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// The refusals over a limit, and their labels.
const LIMITS: [(ErrorCode, &str); 3] = [
    (ErrorCode::TooManyRequests, "requests"),
    (ErrorCode::TooManyLogins, "logins"),
    (ErrorCode::TooManyFailedLogins, "failed_logins"),
];

/// Returns the one route of the listener for metrics.
pub(crate) fn router(metrics: &Arc<Metrics>) -> Router {
    Router::new()
        .route("/metrics", get(scrape))
        .with_state(Arc::clone(metrics))
}

async fn scrape(State(metrics): State<Arc<Metrics>>) -> impl IntoResponse {
    let text = metrics
        .encode()
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR);
    text.map(|text| ([(CONTENT_TYPE, prometheus_text::CONTENT_TYPE)], text))
}
