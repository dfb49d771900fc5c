//! The counts of the connections to PostgreSQL, which a node exports as metrics.

use std::time::Instant;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

/// The upper bounds of the waits for a connection, in seconds.
const WAITS: [f64; 9] = [0.000_1, 0.000_5, 0.002_5, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

/// The counters and gauges. Clones share their values.
#[derive(Clone)]
pub(crate) struct StoreCounts {
    pub(crate) in_use: Gauge,
    pub(crate) idle: Gauge,
    pub(crate) waiting: Gauge,
    pub(crate) wait: Histogram,
    pub(crate) retries: Family<SqlState, Counter>,
    pub(crate) failovers: Counter,
}

/// The label with the reason of a repetition.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct SqlState {
    pub(crate) sqlstate: &'static str,
}

impl StoreCounts {
    /// Counts a repeated statement.
    pub(super) fn retry(&self, sqlstate: &'static str) {
        self.retries.get_or_create(&SqlState { sqlstate }).inc();
    }

    /// Counts a caller as waiting for a connection, and measures its wait, until the guard is dropped.
    pub(super) fn wait(&self) -> impl Drop + use<> {
        Waiting {
            wait: self.wait.clone(),
            since: Instant::now(),
            _counted: Counted::new(&self.waiting),
        }
    }
}

impl Default for StoreCounts {
    fn default() -> Self {
        Self {
            in_use: Gauge::default(),
            idle: Gauge::default(),
            waiting: Gauge::default(),
            wait: Histogram::new(WAITS),
            retries: Family::default(),
            failovers: Counter::default(),
        }
    }
}

/// A guard that adds one to a gauge until it is dropped.
pub(super) struct Counted(Gauge);

impl Counted {
    pub(super) fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

struct Waiting {
    wait: Histogram,
    since: Instant,
    _counted: Counted,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.wait.observe(self.since.elapsed().as_secs_f64());
    }
}
