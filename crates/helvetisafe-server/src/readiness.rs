//! The readiness of this node for requests, for load balancers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::log;
use crate::store::{Schema, Store};

/// The age up to which a result is reused, so that probes cost the database nothing.
const CACHED: Duration = Duration::from_secs(1);
/// The longest time of a probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// The readiness of a vault.
#[derive(Default)]
pub(crate) struct Readiness {
    is_draining: AtomicBool,
    last: Mutex<Option<Probed>>,
}

struct Probed {
    at: Instant,
    reason: Option<Reason>,
}

/// A reason for which a vault is not ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Reason {
    pub(crate) code: &'static str,
    pub(crate) text: &'static str,
}

const DRAINING: Reason = Reason {
    code: "draining",
    text: "the vault is about to stop",
};
const DATABASE: Reason = Reason {
    code: "database",
    text: "the database takes no writes; the vault's log has the reason",
};
const SCHEMA: Reason = Reason {
    code: "schema",
    text: "the tables of the database are not those that this version serves",
};

impl Readiness {
    /// Makes the vault unready from now on.
    pub(crate) fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }

    /// Returns the reasons for which the vault is not ready. Callers at the same time share one probe of the
    /// database, whose result is reused for a second.
    pub(crate) async fn reasons(&self, store: &Store) -> Vec<Reason> {
        let mut reasons = Vec::new();
        if self.is_draining() {
            reasons.push(DRAINING);
        }
        reasons.extend(self.database(store).await);
        reasons
    }

    async fn database(&self, store: &Store) -> Option<Reason> {
        let mut last = self.last.lock().await;
        if let Some(probed) = last.as_ref()
            && probed.at.elapsed() < CACHED
        {
            return probed.reason;
        }
        let reason = probe(store).await;
        *last = Some(Probed {
            at: Instant::now(),
            reason,
        });
        reason
    }
}

async fn probe(store: &Store) -> Option<Reason> {
    match timeout(PROBE_TIMEOUT, store.probe()).await {
        Ok(Ok(probe)) => match probe.schema {
            Schema::Current | Schema::Ahead => None,
            Schema::Absent | Schema::Behind(_) | Schema::Incompatible => Some(SCHEMA),
        },
        Ok(Err(error)) => {
            log::error(&format_args!("not ready: the database failed: {error}"));
            Some(DATABASE)
        }
        Err(_) => {
            log::error(&"not ready: the database did not answer in 2 s");
            Some(DATABASE)
        }
    }
}
