use std::str::FromStr;
use std::time::Duration;

/// A number of requests per period. They may come at once; after that, the allowance refills evenly over
/// the period.
///
/// The text form is `COUNT/SECONDS`, such as `100/60`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    count: u32,
    period: Duration,
}

impl Rate {
    /// Makes a rate of `count` per `period`. A count below 1 becomes 1, a period below `count` nanoseconds
    /// becomes that.
    #[must_use]
    pub const fn new(count: u32, period: Duration) -> Self {
        let count = if count == 0 { 1 } else { count };
        let shortest = Duration::from_nanos(count as u64);
        let is_too_short = period.as_nanos() < shortest.as_nanos();
        Self {
            count,
            period: if is_too_short { shortest } else { period },
        }
    }

    /// Returns the number of requests.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.count
    }

    /// Returns the period.
    #[must_use]
    pub const fn period(self) -> Duration {
        self.period
    }

    /// Parses a limit: `COUNT/SECONDS`, or `off` for `None`.
    ///
    /// ```
    /// use helvetisafe_server::Rate;
    ///
    /// assert_eq!(Rate::parse_limit("off"), Ok(None));
    /// assert_eq!(Rate::parse_limit("5/60"), "5/60".parse().map(Some));
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidRate`] for any other text.
    pub fn parse_limit(text: &str) -> Result<Option<Self>, InvalidRate> {
        match text {
            "off" => Ok(None),
            rate => rate.parse().map(Some),
        }
    }

    /// Returns the time in which one request refills.
    pub(super) fn interval(self) -> Duration {
        self.period / self.count
    }
}

impl FromStr for Rate {
    type Err = InvalidRate;

    fn from_str(text: &str) -> Result<Self, InvalidRate> {
        let (count, seconds) = text.split_once('/').ok_or(InvalidRate)?;
        let count: u32 = count.parse().map_err(|_| InvalidRate)?;
        let seconds: u32 = seconds.parse().map_err(|_| InvalidRate)?;
        if count == 0 || seconds == 0 {
            return Err(InvalidRate);
        }
        Ok(Self::new(count, Duration::from_secs(seconds.into())))
    }
}

/// A text is not a [`Rate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("not a rate: write COUNT/SECONDS with whole numbers from 1, such as 100/60")]
pub struct InvalidRate;

/// The rate limits of each account. A request over a limit is answered 429 with `Retry-After`.
///
/// `None` is no limit. A later version may add fields, so end a literal with `..RateLimits::default()` or
/// `..RateLimits::off()`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RateLimits {
    /// Requests with a valid token, whatever their answer; 500 000 in 10 s by default.
    pub requests: Option<Rate>,
    /// Token requests with the right client secret; 2 000 in 10 s by default.
    pub logins: Option<Rate>,
    /// Failed token requests for each client id, whether the client exists or not; 20 in 20 s by default.
    ///
    /// They never block a request with the right secret. Otherwise any client that knows a client id, which
    /// is public, could lock the account out. This is safe: client secrets have 256 random bits and
    /// cannot be guessed.
    pub failed_logins: Option<Rate>,
}

impl RateLimits {
    /// Returns no limits.
    #[must_use]
    pub const fn off() -> Self {
        Self {
            requests: None,
            logins: None,
            failed_logins: None,
        }
    }
}

impl Default for RateLimits {
    /// Returns limits that stop a runaway loop and that no honest client reaches.
    fn default() -> Self {
        let rate = |count, seconds| Some(Rate::new(count, Duration::from_secs(seconds)));
        Self {
            requests: rate(500_000, 10),
            logins: rate(2_000, 10),
            failed_logins: rate(20, 20),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_read_from_text() {
        assert_eq!("5/60".parse(), Ok(Rate::new(5, Duration::from_secs(60))));
        for text in [
            "",
            "5",
            "5/",
            "/5",
            "0/1",
            "1/0",
            "1.5/1",
            "1/1/1",
            "-1/1",
            "99999999999/1",
        ] {
            assert_eq!(text.parse::<Rate>(), Err(InvalidRate), "{text:?}");
        }
    }

    #[test]
    fn zeros_are_raised() {
        let rate = Rate::new(0, Duration::ZERO);
        assert_eq!((rate.count(), rate.period()), (1, Duration::from_nanos(1)));
        assert_eq!(rate.interval(), Duration::from_nanos(1));
        let fast = Rate::new(1000, Duration::ZERO);
        assert_eq!(fast.interval(), Duration::from_nanos(1));
    }
}
