use std::num::NonZeroUsize;
use std::time::Duration;

#[cfg(feature = "serde")]
use helvetisafe_proto::milliseconds;

use crate::error::Error;

/// The policy for decrypted values in memory; for [`ClientBuilder::cache`](crate::ClientBuilder::cache).
/// Cached values are wiped when they are dropped.
///
/// ```no_run
/// use std::time::Duration;
///
/// use helvetisafe::{CachePolicy, Client, Freshness};
///
/// let policy = CachePolicy {
///     stale_for: Duration::from_secs(3600),
///     ..CachePolicy::new(Duration::from_secs(30))
/// };
/// let client = Client::builder_from_env()?.cache(policy).connect()?;
/// match client.secrets().get("api_token")?.freshness() {
///     Freshness::Fresh => println!("from the vault"),
///     Freshness::Cached { age, .. } => println!("{} s old", age.as_secs()),
///     Freshness::Stale { age, error, .. } => println!("{} s old: {error}", age.as_secs()),
///     _ => {}
/// }
/// # Ok::<(), helvetisafe::Error>(())
/// ```
///
/// A later version may add fields, so end a literal with `..CachePolicy::new(…)`.
///
/// With the feature `serde` the times are read and written as whole milliseconds: `time_to_live_ms`, `stale_for_ms`,
/// `stale_after_ms` and `failures_for_ms`. Only the first is required; an unknown member is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(deny_unknown_fields)
)]
pub struct CachePolicy {
    /// The time for which a value is returned without a request. Its own expiry may come sooner. On many systems
    /// the time in which the machine sleeps does not count.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "time_to_live_ms", with = "milliseconds")
    )]
    pub time_to_live: Duration,
    /// The time after that for which a value is still returned while the vault does not answer, or limits the
    /// rate. By default zero.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "stale_for_ms", with = "milliseconds", default)
    )]
    pub stale_for: Duration,
    /// The time that a read waits for the vault before it returns a stale value. The read continues in the
    /// background and refreshes the cache. By default 200 ms. With zero, a stale value is returned at once.
    ///
    /// The wait of one key counts for all: after it, or after a read without an answer, one read a second waits,
    /// and the others return their stale values at once until the vault answers.
    #[cfg_attr(
        feature = "serde",
        serde(
            rename = "stale_after_ms",
            with = "milliseconds",
            default = "default_stale_after"
        )
    )]
    pub stale_after: Duration,
    /// The time for which the failure of a read is returned to later reads without a request. A longer
    /// `Retry-After` of the vault, up to 5 minutes, extends it. A failure to reach the vault is returned to
    /// reads of all keys. By default zero: no failure is cached.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "failures_for_ms", with = "milliseconds", default)
    )]
    pub failures_for: Duration,
    /// The most values, and the most failures. Beyond that, the least recently used one is dropped.
    #[cfg_attr(feature = "serde", serde(default = "default_capacity"))]
    pub capacity: NonZeroUsize,
}

impl CachePolicy {
    /// Caches up to 1000 values for this time. No stale values are returned, and no failures are cached.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// use helvetisafe::{CachePolicy, Client};
    ///
    /// let policy = CachePolicy::new(Duration::from_secs(30));
    /// let client = Client::builder_from_env()?.cache(policy).connect()?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[must_use]
    pub fn new(time_to_live: Duration) -> Self {
        Self {
            time_to_live,
            stale_for: Duration::ZERO,
            stale_after: STALE_AFTER,
            failures_for: Duration::ZERO,
            capacity: CAPACITY,
        }
    }

    /// Returns the time for which a failure is cached.
    pub(super) fn life_of(&self, failure: &Error) -> Duration {
        if self.failures_for.is_zero() || failure.is_unfinished() {
            return Duration::ZERO;
        }
        let asked = failure.retry_after().unwrap_or_default();
        asked.min(LONGEST_FAILURE).max(self.failures_for)
    }
}

/// Many times the round trip to a vault that is well, and short for a user who waits.
const STALE_AFTER: Duration = Duration::from_millis(200);

/// The longest `Retry-After` that is honoured.
const LONGEST_FAILURE: Duration = Duration::from_secs(300);

const CAPACITY: NonZeroUsize = NonZeroUsize::new(1000).unwrap();

#[cfg(feature = "serde")]
fn default_stale_after() -> Duration {
    STALE_AFTER
}

#[cfg(feature = "serde")]
fn default_capacity() -> NonZeroUsize {
    CAPACITY
}

/// The origin of a value: see [`Secret::freshness`](crate::Secret::freshness).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Freshness {
    /// Read from the vault, by this call or by a concurrent one.
    Fresh,
    /// From the cache.
    #[non_exhaustive]
    Cached {
        /// The time since the vault was asked for it, or stored it.
        age: Duration,
    },
    /// From the cache after its time to live, because a read failed.
    #[non_exhaustive]
    Stale {
        /// The time since the vault was asked for it, or stored it.
        age: Duration,
        /// The failure of the read.
        error: Error,
    },
}
