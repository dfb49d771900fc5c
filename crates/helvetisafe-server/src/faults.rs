//! A vault that misbehaves on purpose, so that an application can test how it copes.
//!
//! Give a [`Faults`] to the vault's builder, keep a copy, and add rules: which requests, when, and what
//! goes wrong. Without rules the vault behaves and keeps a log of what it saw and did.
//!
//! ```
//! use std::time::Duration;
//!
//! use helvetisafe_server::Vault;
//! use helvetisafe_server::faults::{Fault, Faults, Handled, Requests, Route, StatusCode, Verb};
//!
//! let faults = Faults::new();
//! let vault = Vault::builder().faults(faults.clone()).start()?;
//!
//! // The answer to the first create is lost, though the vault has written the secret.
//! faults.on(Route::Create).once().then(Fault::reset_after_acting());
//! // The third read of one secret, and no other, meets a busy vault.
//! let busy = Fault::too_many_requests(Duration::from_secs(1));
//! faults.on(Verb::Read.of("database")).after(2).once().then(busy);
//! // One request in twenty never arrives.
//! faults.on(Requests::any()).percent(5).then(Fault::reset_before_acting());
//! # faults.clear();
//! # faults.on(Route::List).once().then(Fault::status(StatusCode::SERVICE_UNAVAILABLE));
//!
//! // Here the application does its work against `vault.base_url()`.
//! # let agent = ureq::Agent::new_with_config(
//! #     ureq::Agent::config_builder().http_status_as_error(false).build(),
//! # );
//! # let url = format!("{}/api/v1/secrets", vault.base_url());
//! # assert_eq!(agent.get(&url).call()?.status(), 503);
//! # assert_eq!(agent.get(&url).call()?.status(), 401);
//!
//! // Then the log tells whether it wrote anything twice, and what it met.
//! assert!(faults.writes().len() <= 1);
//! for seen in faults.log() {
//!     println!("{} {}: the vault {:?}, the fault {:?}", seen.method, seen.path, seen.vault, seen.fault);
//! }
//! # let log = faults.log();
//! # assert_eq!((log[0].vault, log[0].fault.as_deref()), (Handled::Never, Some("answer 503")));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! All faults, and those that play a hostile vault, are on [`Fault`]. Nothing of this is in the path of
//! a request when the builder got no faults.

mod act;
mod answer;
mod change;
mod credentials;
mod fault;
mod flood;
mod history;
mod locked;
mod log;
mod route;
mod rule;
mod spec;
mod wire;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use answer::Answer;
pub use axum::http::{HeaderName, HeaderValue, StatusCode};
pub use change::{BAD_NAMES, Part};
pub use credentials::BadOrgKey;
pub use fault::Fault;
pub use flood::Framing;
pub use helvetisafe_proto::KeyName;
pub use history::Version;
pub use locked::BadPrivateKey;
pub use log::{Handled, Seen};
pub use route::{Requests, Route, Verb};
pub use rule::When;
pub use spec::{BadSpec, Spec};

pub(crate) use act::serve;
use rule::{Luck, Rule};

/// The faults of a vault: its rules, and the log of what it saw and did.
///
/// Copies are the same faults: give one to [`VaultBuilder::faults`](crate::VaultBuilder::faults),
/// keep one, and add rules while the vault runs. A request meets the first rule that applies, in the
/// order in which they were added; the rules after it do not count it.
#[derive(Clone)]
pub struct Faults(Arc<Mutex<Inner>>);

struct Inner {
    rules: Vec<Rule>,
    luck: Luck,
    log: Vec<Seen>,
}

impl Faults {
    /// No rules: a vault with these behaves well and keeps a log.
    #[must_use]
    pub fn new() -> Self {
        Self::seeded(0)
    }

    /// No rules, and a seed for those with [`When::percent`].
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            rules: Vec::new(),
            luck: Luck::new(seed),
            log: Vec::new(),
        })))
    }

    /// Begins a rule about a [`Route`], a [`Verb`] or other [`Requests`].
    pub fn on(&self, requests: impl Into<Requests>) -> When<'_> {
        When::new(self, requests.into())
    }

    /// Removes all rules. Faults under way run their course; the log stays.
    pub fn clear(&self) {
        self.inner().rules.clear();
    }

    /// Every request so far, in the order in which they came in.
    #[must_use]
    pub fn log(&self) -> Vec<Seen> {
        self.inner().log.clone()
    }

    /// The writes that the vault carried out, whatever its clients were told.
    #[must_use]
    pub fn writes(&self) -> Vec<Seen> {
        let inner = self.inner();
        let writes = inner.log.iter().filter(|seen| seen.took_effect());
        writes.cloned().collect()
    }

    /// How many requests came in for a [`Route`], a [`Verb`] or other [`Requests`].
    #[must_use]
    pub fn count(&self, requests: impl Into<Requests>) -> usize {
        let requests = requests.into();
        let inner = self.inner();
        let seen = inner.log.iter();
        seen.filter(|seen| requests.include(seen.route, seen.key.as_deref()))
            .count()
    }

    fn add(&self, rule: Rule) {
        self.inner().rules.push(rule);
    }

    /// Logs a request and finds its fault; the first number is its place in the log.
    fn meet(&self, mut seen: Seen) -> (usize, Option<Fault>) {
        let mut inner = self.inner();
        let Inner { rules, luck, log } = &mut *inner;
        let (route, key) = (seen.route, seen.key.as_deref());
        let fault = rules
            .iter_mut()
            .find_map(|rule| rule.apply(route, key, luck));
        seen.fault = fault.as_ref().map(|fault| fault.name.clone());
        log.push(seen);
        (log.len() - 1, fault)
    }

    fn note(&self, place: usize, note: impl FnOnce(&mut Seen)) {
        if let Some(seen) = self.inner().log.get_mut(place) {
            note(seen);
        }
    }

    // No code panics while it holds the lock.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults")
            .field("rules", &self.inner().rules)
            .finish_non_exhaustive()
    }
}
