//! Misbehaviour on purpose, to test applications. Needs the feature `faults`.
//!
//! Give a [`Faults`] to the vault's builder, keep a clone, and add rules: requests, condition and fault.
//! Without rules the vault behaves normally and logs its requests.
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
//! // The answer to the first create is lost after the vault has written the secret.
//! faults.on(Route::Create).once().then(Fault::reset_after_acting());
//! // Only the third read of one secret is answered 429.
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
//! // The log shows its writes and the faults.
//! assert!(faults.writes().len() <= 1);
//! for seen in faults.log() {
//!     println!("{} {}: the vault {:?}, the fault {:?}", seen.method, seen.path, seen.vault, seen.fault);
//! }
//! # let log = faults.log();
//! # assert_eq!((log[0].vault, log[0].fault.as_deref()), (Handled::Never, Some("answer 503")));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Fault`] has all faults, including those of a hostile vault. Without [`Faults`] no request passes through
//! this module.

mod answer;
mod change;
mod credentials;
mod fault;
mod flood;
mod history;
mod layer;
mod locked;
mod log;
mod organization;
mod route;
mod rule;
mod spec;
mod split_mix_64;
mod wire;

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

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
pub use organization::{Attacker, InvalidLie, Lie};
pub use route::{Requests, Route, Verb};
pub use rule::When;
pub use spec::{InvalidSpec, Spec};

use crate::lock::lock;
pub(crate) use layer::serve;
use rule::Rule;
use split_mix_64::SplitMix64;

/// The faults of a vault: rules, and a log of requests.
///
/// Clones share both: give one to [`VaultBuilder::faults`](crate::VaultBuilder::faults), keep one, and add
/// rules while the vault runs. The first rule that applies to a request, in the order of adding, determines
/// its fault. Later rules do not count the request.
#[derive(Clone)]
pub struct Faults(Arc<State>);

struct State {
    inner: Mutex<Inner>,
    /// Notified when the log changes.
    changed: Condvar,
}

struct Inner {
    rules: Vec<Rule>,
    random: SplitMix64,
    log: Vec<Seen>,
}

impl Faults {
    /// Makes faults without rules: the vault behaves normally and keeps a log.
    #[must_use]
    pub fn new() -> Self {
        Self::seeded(0)
    }

    /// Makes faults without rules, with a seed for [`When::percent`].
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        let inner = Inner {
            rules: Vec::new(),
            random: SplitMix64::new(seed),
            log: Vec::new(),
        };
        Self(Arc::new(State {
            inner: Mutex::new(inner),
            changed: Condvar::new(),
        }))
    }

    /// Starts a rule for a [`Route`], a [`Verb`] or other [`Requests`].
    pub fn on(&self, requests: impl Into<Requests>) -> When<'_> {
        When::new(self, requests.into())
    }

    /// Removes all rules. Faults in progress continue, and the log stays.
    pub fn clear(&self) {
        self.inner().rules.clear();
    }

    /// Returns all requests so far, in the order of arrival.
    #[must_use]
    pub fn log(&self) -> Vec<Seen> {
        self.inner().log.clone()
    }

    /// Returns the writes that succeeded in the vault, whatever its clients received.
    #[must_use]
    pub fn writes(&self) -> Vec<Seen> {
        let inner = self.inner();
        let writes = inner.log.iter().filter(|seen| seen.took_effect());
        writes.cloned().collect()
    }

    /// Returns the number of requests for a [`Route`], a [`Verb`] or other [`Requests`].
    #[must_use]
    pub fn count(&self, requests: impl Into<Requests>) -> usize {
        let requests = requests.into();
        let inner = self.inner();
        let seen = inner.log.iter();
        seen.filter(|seen| requests.include(seen.route, seen.key.as_deref()))
            .count()
    }

    /// Waits until the log satisfies `condition`, for at most `timeout`. Returns false after the timeout.
    ///
    /// `condition` must not call these faults.
    #[must_use]
    pub fn wait_until(&self, timeout: Duration, condition: impl Fn(&[Seen]) -> bool) -> bool {
        let inner = self.inner();
        let not_yet = |inner: &mut Inner| !condition(&inner.log);
        let waited = self.0.changed.wait_timeout_while(inner, timeout, not_yet);
        let (inner, _) = waited.unwrap_or_else(PoisonError::into_inner);
        condition(&inner.log)
    }

    fn add(&self, rule: Rule) {
        self.inner().rules.push(rule);
    }

    /// Logs a request. Returns its index in the log, and its fault.
    fn add_request(&self, mut seen: Seen) -> (usize, Option<Fault>) {
        let mut inner = self.inner();
        let Inner { rules, random, log } = &mut *inner;
        let (route, key) = (seen.route, seen.key.as_deref());
        let fault = rules
            .iter_mut()
            .find_map(|rule| rule.apply(route, key, random));
        seen.fault = fault.as_ref().map(|fault| fault.name.clone());
        log.push(seen);
        self.0.changed.notify_all();
        (log.len() - 1, fault)
    }

    /// Changes an entry of the log.
    fn update_request(&self, index: usize, update: impl FnOnce(&mut Seen)) {
        if let Some(seen) = self.inner().log.get_mut(index) {
            update(seen);
            self.0.changed.notify_all();
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        lock(&self.0.inner)
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
