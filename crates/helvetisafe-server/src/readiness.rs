//! The readiness of this node for requests, for load balancers and metrics.

mod message;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::log;
use crate::store::{Lacking, Probe, Replication, Space, Store, StoreError, skew};
use message::{
    CLOCK, DISK, DRAINING, LOW_DISK, NO_RESERVE, PRIMARIES, SCHEMA, STANDBY, STUCK, TABLES, ended,
};

pub(crate) use message::{DATABASE, Reason, Warning};

/// The age up to which a result is reused, so that probes cost the database nothing.
const CACHED: Duration = Duration::from_secs(1);
/// The longest time of a probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
/// The difference of the clocks from which the operator is warned.
pub(crate) const MAX_SKEW: SignedDuration = SignedDuration::from_secs(5);
/// The time after which a warning that stops writes is logged again.
const REMINDER: Duration = Duration::from_secs(60);

/// The readiness of a vault.
#[derive(Default)]
pub(crate) struct Readiness {
    is_draining: AtomicBool,
    last: Mutex<Option<Probed>>,
}

struct Probed {
    at: Instant,
    found: Found,
    /// The warnings of the last probe that had an answer.
    warnings: Vec<Warning>,
    /// The time of the last line about commits that wait in vain.
    stuck_logged: Option<Instant>,
}

/// The result of a probe of the database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Found {
    reason: Option<Reason>,
    /// The reason for the log alone: it names tables.
    lacking: Lacking,
    replication: Option<Replication>,
    skew: Option<SignedDuration>,
    primaries: Option<Vec<String>>,
    space: Option<Space>,
}

/// The state of a vault.
#[derive(Debug)]
pub(crate) struct State {
    /// The reasons for which it is not ready.
    pub(crate) reasons: Vec<Reason>,
    /// Flaws with which it is ready.
    pub(crate) warnings: Vec<Warning>,
    /// The wait of commits for a standby; `None` if the database has none, or could not be asked.
    pub(crate) replication: Option<Replication>,
    /// The clock of a database that nodes share, minus that of this node.
    pub(crate) skew: Option<SignedDuration>,
    /// The hosts of the URL that accept writes.
    pub(crate) primaries: Option<Vec<String>>,
    /// The disk of a database file.
    pub(crate) space: Option<Space>,
}

impl Readiness {
    /// Makes the vault unready from now on.
    pub(crate) fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }

    /// Returns the state of the vault. Callers at the same time share one probe of the database, whose result is
    /// reused for a second.
    pub(crate) async fn state(&self, store: &Store) -> State {
        let found = self.database(store).await;
        let draining = self.is_draining().then_some(DRAINING);
        State {
            reasons: draining.into_iter().chain(found.reason).collect(),
            warnings: found.warnings().collect(),
            replication: found.replication,
            skew: found.skew,
            primaries: found.primaries,
            space: found.space,
        }
    }

    async fn database(&self, store: &Store) -> Found {
        let mut last = self.last.lock().await;
        if let Some(probed) = last.as_ref()
            && probed.at.elapsed() < CACHED
        {
            return probed.found.clone();
        }
        let (mut found, error) = probe(store).await;
        found.space = store.space();
        let (reason, mut warnings, stuck_logged) = match last.take() {
            Some(before) => (before.found.reason, before.warnings, before.stuck_logged),
            None => (None, Vec::new(), None),
        };
        let stuck_logged = found.log_stuck(stuck_logged);
        // Without an answer, they are not known to have ended.
        if error.is_none() {
            let before = std::mem::replace(&mut warnings, found.warnings().collect());
            log_warnings(&before, &warnings, &found);
        }
        log_reason(reason, &found, error);
        *last = Some(Probed {
            at: Instant::now(),
            found: found.clone(),
            warnings,
            stuck_logged,
        });
        found
    }
}

impl Found {
    fn warnings(&self) -> impl Iterator<Item = Warning> + use<> {
        let standby = match self.replication {
            Some(Replication::Off) => Some(STANDBY),
            Some(Replication::Stuck(_)) => Some(STUCK),
            Some(Replication::On) | None => None,
        };
        let clock = self.skew.is_some_and(|skew| skew.abs() > MAX_SKEW);
        let space = self.space.as_ref();
        let is_low = space.is_some_and(|space| space.is_low);
        let has_reserve = space.is_none_or(|space| space.has_reserve);
        let primaries = self.primaries.as_ref().is_some_and(|it| it.len() > 1);
        standby
            .into_iter()
            .chain(primaries.then_some(PRIMARIES))
            .chain(clock.then_some(CLOCK))
            .chain(is_low.then_some(LOW_DISK))
            .chain((!has_reserve).then_some(NO_RESERVE))
    }

    /// Logs why no standby confirms commits, unless that was logged within [`REMINDER`]. Returns the time of the last line.
    fn log_stuck(&self, last: Option<Instant>) -> Option<Instant> {
        let Some(Replication::Stuck(stuck)) = &self.replication else {
            return last.filter(|_| self.replication.is_none());
        };
        if last.is_some_and(|last| last.elapsed() < REMINDER) {
            return last;
        }
        log::warning(&format_args!(
            "no synchronous standby confirms commits, so writes and logins wait or are refused: {stuck}; start the \
             standby, or change the setting"
        ));
        Some(Instant::now())
    }
}

/// Logs a change of the reason since the last probe. Probes are frequent, so unchanged results are not logged.
fn log_reason(before: Option<Reason>, found: &Found, error: Option<String>) {
    match (found.reason, error) {
        (reason, _) if reason == before => {}
        (Some(_), Some(error)) => log::error(&format_args!("not ready: {error}")),
        (Some(TABLES), None) => log::error(&format_args!("not ready: {}", found.lacking)),
        (Some(reason), None) => log::error(&format_args!("not ready: {}", reason.text)),
        (None, _) => log::info(&"ready again: the database takes writes"),
    }
}

/// Logs the begin and the end of warnings.
fn log_warnings(before: &[Warning], now: &[Warning], found: &Found) {
    // It is logged with its reason, and again.
    let begun = now
        .iter()
        .filter(|it| !before.contains(it) && **it != STUCK);
    begun.for_each(|it| match &found.primaries {
        // `/ready` names no hosts, since it needs no credential.
        Some(hosts) if *it == PRIMARIES => {
            log::warning(&format_args!("{}: {}", hosts.join(" and "), it.text));
        }
        _ => log::warning(&it.text),
    });
    ended(before, now).for_each(|it| log::info(&it));
}

/// Returns the result, and the error of a failed probe.
async fn probe(store: &Store) -> (Found, Option<String>) {
    let failed = |error: String| not_ready(DATABASE, error);
    let sent = Timestamp::now();
    let probed = timeout(PROBE_TIMEOUT, store.probe()).await;
    match probed.unwrap_or_else(|_| Err(store.unanswered())) {
        Ok(probe) => (found(store, &probe, sent, Timestamp::now()), None),
        Err(StoreError::Full) => not_ready(DISK, store.error(StoreError::Full).to_string()),
        Err(error @ StoreError::Unavailable(_)) => failed(error.to_string()),
        Err(error) => failed(format!("the database failed: {error}")),
    }
}

fn not_ready(reason: Reason, error: String) -> (Found, Option<String>) {
    let found = Found {
        reason: Some(reason),
        ..Found::default()
    };
    (found, Some(error))
}

fn found(store: &Store, probe: &Probe, sent: Timestamp, received: Timestamp) -> Found {
    // The tables of another version may be others.
    let reason = match (probe.schema.is_usable(), probe.lacking.is_empty()) {
        (false, _) => Some(SCHEMA),
        (true, false) => Some(TABLES),
        (true, true) => None,
    };
    Found {
        reason,
        lacking: probe.lacking.clone(),
        replication: probe.replication.clone(),
        skew: store
            .is_shared()
            .then(|| skew(sent, probe.now.into(), received)),
        primaries: probe.primaries.clone(),
        space: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_do_not_change_the_readiness() {
        let codes = |replication, skew: Option<i64>| {
            let found = Found {
                replication,
                skew: skew.map(SignedDuration::from_secs),
                ..Found::default()
            };
            found.warnings().map(|it| it.code).collect::<Vec<_>>()
        };
        assert_eq!(codes(None, None), [""; 0]);
        assert_eq!(codes(Some(Replication::On), Some(5)), [""; 0]);
        assert_eq!(
            codes(Some(Replication::Off), Some(-6)),
            ["standby", "clock"]
        );
    }
}
