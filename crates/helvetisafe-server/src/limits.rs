//! Rate limits: their buckets and their clock.

mod bucket;
mod rate;

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::lock::lock;
use crate::store::AccountId;
use bucket::Bucket;

pub use rate::{InvalidRate, Rate, RateLimits};

/// The number of buckets for failed logins. They take 32 KiB, however many names clients invent.
const FAILURE_BUCKETS: usize = 4096;

/// The rate limits of a running vault and their use.
pub(crate) struct Limits {
    clock: LimitClock,
    requests: Limit<PerAccount>,
    logins: Limit<PerAccount>,
    failed_logins: Limit<PerName>,
    /// Clients cannot compute this hash, so they cannot choose names that share a bucket.
    name_hasher: RandomState,
}

/// One bucket per account. Only requests with a valid credential are counted, so there are at most as many
/// buckets as accounts.
type PerAccount = HashMap<AccountId, Bucket>;

/// A fixed number of buckets, shared by names through a hash.
type PerName = Vec<Bucket>;

impl Limits {
    pub(crate) fn new(rates: RateLimits, clock: LimitClock) -> Self {
        let count = rates.failed_logins.map_or(0, |_| FAILURE_BUCKETS);
        Self {
            clock,
            requests: Limit::new(rates.requests, PerAccount::new()),
            logins: Limit::new(rates.logins, PerAccount::new()),
            failed_logins: Limit::new(rates.failed_logins, vec![Bucket::default(); count]),
            name_hasher: RandomState::new(),
        }
    }

    /// Counts a request with a valid token of the account. Returns the time to wait if it is over the limit.
    pub(crate) fn request(&self, account: AccountId) -> Result<(), Duration> {
        self.requests.spend_of(account, &self.clock)
    }

    /// Counts a token request with the account's right secret. Other clients cannot use up this limit.
    pub(crate) fn login(&self, account: AccountId) -> Result<(), Duration> {
        self.logins.spend_of(account, &self.clock)
    }

    /// Counts a failed token request for a client id, whether the client exists or not.
    pub(crate) fn failed_login(&self, client_id: &str) -> Result<(), Duration> {
        let hash = self.name_hasher.hash_one(client_id);
        self.failed_logins.spend(&self.clock, |buckets| {
            let count = buckets.len() as u64;
            let index = usize::try_from(hash % count.max(1)).unwrap_or_default();
            buckets.get_mut(index)
        })
    }
}

/// A rate, if there is one, and the buckets that it fills.
struct Limit<B> {
    rate: Option<Rate>,
    buckets: Mutex<B>,
}

impl<B> Limit<B> {
    fn new(rate: Option<Rate>, buckets: B) -> Self {
        Self {
            rate,
            buckets: Mutex::new(buckets),
        }
    }

    /// Takes a token from a bucket. Without a rate or a bucket there is no limit.
    fn spend(
        &self,
        clock: &LimitClock,
        bucket: impl FnOnce(&mut B) -> Option<&mut Bucket>,
    ) -> Result<(), Duration> {
        let Some(rate) = self.rate else {
            return Ok(());
        };
        let now = clock.now();
        bucket(&mut lock(&self.buckets)).map_or(Ok(()), |bucket| bucket.spend(rate, now))
    }
}

impl Limit<PerAccount> {
    fn spend_of(&self, account: AccountId, clock: &LimitClock) -> Result<(), Duration> {
        self.spend(clock, |buckets| Some(buckets.entry(account).or_default()))
    }
}

/// A clock of the time since a fixed moment, which never goes back.
#[derive(Clone)]
pub(crate) struct LimitClock(Arc<dyn Fn() -> Duration + Send + Sync>);

impl LimitClock {
    pub(crate) fn new(now: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    fn now(&self) -> Duration {
        (self.0)()
    }
}

impl Default for LimitClock {
    fn default() -> Self {
        let start = Instant::now();
        Self::new(move || start.elapsed())
    }
}

impl fmt::Debug for LimitClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LimitClock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn once_a_minute() -> Limits {
        let rate = Some(Rate::new(1, Duration::from_secs(60)));
        let rates = RateLimits {
            requests: rate,
            logins: rate,
            failed_logins: rate,
        };
        Limits::new(rates, LimitClock::new(|| Duration::ZERO))
    }

    #[test]
    fn each_account_has_its_own_limits() {
        let limits = once_a_minute();
        for account in [AccountId(1), AccountId(2)] {
            assert!(limits.request(account).is_ok());
            assert_eq!(limits.request(account), Err(Duration::from_secs(60)));
            assert!(limits.login(account).is_ok());
            assert!(limits.login(account).is_err());
        }
    }

    #[test]
    fn invented_names_take_no_memory() {
        let limits = once_a_minute();
        let refused = (0..100_000)
            .filter(|n| limits.failed_login(&format!("invented {n}")).is_err())
            .count();
        assert_eq!(lock(&limits.failed_logins.buckets).len(), FAILURE_BUCKETS);
        assert!(refused >= 100_000 - FAILURE_BUCKETS, "{refused}");
    }

    #[test]
    fn without_a_rate_there_is_no_limit() {
        let limits = Limits::new(RateLimits::off(), LimitClock::default());
        for _ in 0..10_000 {
            assert!(limits.request(AccountId(1)).is_ok());
            assert!(limits.login(AccountId(1)).is_ok());
            assert!(limits.failed_login("a").is_ok());
        }
        assert!(lock(&limits.requests.buckets).is_empty());
    }
}
