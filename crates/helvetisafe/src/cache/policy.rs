use std::num::NonZeroUsize;
use std::time::Duration;

use crate::error::Error;

/// What a client keeps in memory, decrypted, and for how long; with
/// [`ClientBuilder::cache`](crate::ClientBuilder::cache). Everything kept is wiped when it goes.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CachePolicy {
    /// How long a value serves without asking the vault. Its own expiry may come sooner. On many
    /// systems the time in which the machine sleeps does not count.
    pub time_to_live: Duration,
    /// How long after that it still serves while the vault does not answer, or limits the rate.
    /// Zero, the default, is never.
    pub stale_for: Duration,
    /// How long a read that failed serves as the answer to the next ones, without asking the vault;
    /// where the vault asks to be left alone for longer, that long, but at most 5 minutes. Zero, the
    /// default, is never.
    pub failures_for: Duration,
    /// How many values are kept, and how many names of secrets that could not be read; then the one
    /// goes that was not asked for the longest.
    pub capacity: NonZeroUsize,
}

impl CachePolicy {
    /// Values serve for this long; 1000 of them; none is ever stale, and no failure is kept.
    #[must_use]
    pub fn new(time_to_live: Duration) -> Self {
        Self {
            time_to_live,
            stale_for: Duration::ZERO,
            failures_for: Duration::ZERO,
            capacity: CAPACITY,
        }
    }

    /// How long a failure serves.
    pub(super) fn life_of(&self, failure: &Error) -> Duration {
        if self.failures_for.is_zero() {
            return Duration::ZERO;
        }
        let asked = failure.retry_after().unwrap_or_default();
        asked.min(LONGEST_FAILURE).max(self.failures_for)
    }
}

/// However long the vault asks to be left alone.
const LONGEST_FAILURE: Duration = Duration::from_secs(300);

const CAPACITY: NonZeroUsize = NonZeroUsize::new(1000).unwrap();

/// How a value came to be here: see [`Secret::freshness`](crate::Secret::freshness).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Freshness {
    /// From the vault, for this very call or for one that was waited for.
    Fresh,
    /// From memory.
    #[non_exhaustive]
    Cached {
        /// Since the vault was asked for it, or took it.
        age: Duration,
    },
    /// From memory after its time, because the vault could not be asked.
    #[non_exhaustive]
    Stale {
        /// Since the vault was asked for it, or took it.
        age: Duration,
        /// Why the vault could not be asked.
        error: Error,
    },
}
