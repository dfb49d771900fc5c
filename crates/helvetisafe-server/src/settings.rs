use std::time::Duration;

use crate::limits::{LimitClock, RateLimits};

/// The settings of a vault.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The lifetime of an access token.
    pub(crate) token_life: Duration,
    /// The largest request body in bytes.
    pub(crate) body_limit: usize,
    /// The largest total of request bodies in flight, in bytes.
    pub(crate) body_budget: usize,
    /// The largest total of secrets and lists that are being sent, and of cached lists, in bytes.
    pub(crate) answer_budget: usize,
    /// The time between two removals of expired rows.
    pub(crate) sweep_interval: Duration,
    /// True if a write without the epoch of its org key is accepted after the first rotation too.
    pub(crate) accept_writes_without_epoch: bool,
    /// True if reads of secrets are recorded.
    pub(crate) audit_reads: bool,
    /// The time for which a rotation excludes others, after its begin and after each staging.
    pub(crate) rotation_lease: Duration,
    pub(crate) bounds: Bounds,
    pub(crate) rate_limits: RateLimits,
    /// The clock of the rate limits.
    pub(crate) limit_clock: LimitClock,
}

/// The bounds on connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The longest time for a head, for a body, between two reads of an answer, and between two requests.
    pub(crate) client_timeout: Duration,
    /// The largest number of connections served; others wait for a slot.
    pub(crate) max_connections: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            token_life: Duration::from_secs(3600),
            body_limit: 2 * 1024 * 1024,
            body_budget: 32 * 1024 * 1024,
            answer_budget: 128 * 1024 * 1024,
            sweep_interval: Duration::from_secs(60),
            accept_writes_without_epoch: false,
            audit_reads: false,
            rotation_lease: Duration::from_secs(300),
            bounds: Bounds::default(),
            rate_limits: RateLimits::default(),
            limit_clock: LimitClock::default(),
        }
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            client_timeout: Duration::from_secs(30),
            max_connections: 512,
        }
    }
}
