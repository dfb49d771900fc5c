use std::str::FromStr;
use std::time::Duration;

/// So many in a period: all of them at once if need be, after which they come back evenly over the
/// period.
///
/// As text, for options of a command, it is `COUNT/SECONDS`, such as `100/60`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    count: u32,
    period: Duration,
}

impl Rate {
    /// `count`, at least 1, in a period of at least `count` nanoseconds. What is less is raised.
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

    /// How many.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.count
    }

    /// In what time.
    #[must_use]
    pub const fn period(self) -> Duration {
        self.period
    }

    /// How long it takes until one more is allowed.
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

/// A text is not the form of a [`Rate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a rate is COUNT/SECONDS, both whole numbers from 1, such as 100/60")]
pub struct InvalidRate;

/// What each account may ask of a vault; what is over it is answered 429 with `Retry-After`.
///
/// `None` is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimits {
    /// Requests with a valid token, whatever their answer; by default 500 000 in 10 s.
    pub requests: Option<Rate>,
    /// Token requests with the right client secret; by default 2 000 in 10 s.
    pub logins: Option<Rate>,
    /// Token requests that fail, for each client id, of an account or not; by default 20 in 20 s.
    ///
    /// Their number never stands in the way of the right secret: a client id is no secret, and
    /// whoever knows it could otherwise lock the account out for as long as it pleases them. That
    /// is safe because the vault makes every client secret of 256 random bits, out of reach of any
    /// number of guesses.
    pub failed_logins: Option<Rate>,
}

impl RateLimits {
    /// No limit at all.
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
    /// Limits that stop a loop which went wrong, and that no honest client meets.
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
    fn what_is_nothing_is_raised() {
        let rate = Rate::new(0, Duration::ZERO);
        assert_eq!((rate.count(), rate.period()), (1, Duration::from_nanos(1)));
        assert_eq!(rate.interval(), Duration::from_nanos(1));
        let fast = Rate::new(1000, Duration::ZERO);
        assert_eq!(fast.interval(), Duration::from_nanos(1));
    }
}
