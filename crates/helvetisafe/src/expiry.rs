use std::time::{Duration, SystemTime};

use helvetisafe_proto::endpoint;
use jiff::Timestamp;

/// The expiry that a write sets.
///
/// Every write takes a value that converts into it: `None`, a [`Duration`] from now, a [`SystemTime`], a
/// [`Timestamp`] or an [`Expiry`]. The vault stores whole microseconds; the rest is dropped.
///
/// ```no_run
/// use std::time::{Duration, SystemTime};
///
/// use helvetisafe::Expiry;
///
/// # let client = helvetisafe::Client::from_env()?;
/// const DAY: Duration = Duration::from_secs(24 * 60 * 60);
///
/// let secrets = client.secrets();
/// secrets.create("session_key", "one", DAY)?;
/// secrets.update("session_key", "two", SystemTime::now() + DAY)?;
/// // Keeps the expiry.
/// secrets.update("session_key", "three", None)?;
/// secrets.update("session_key", "four", Expiry::Never)?;
/// # Ok::<(), helvetisafe::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Expiry {
    /// Keeps the expiry of an existing secret. A new secret gets none.
    #[default]
    Keep,
    /// Removes the expiry.
    Never,
    /// Sets the expiry to a time.
    At(Timestamp),
    /// Sets the expiry to a time after the begin of the operation, by the client's clock.
    In(Duration),
}

impl Expiry {
    /// Returns the change on the wire, in whole microseconds, for an operation that begins at `now`. A time beyond
    /// the last [`Timestamp`], in the year 9999, becomes that one.
    pub(crate) fn on_wire(self, now: Timestamp) -> endpoint::Expiry {
        match self {
            Self::Keep => endpoint::Expiry::Keep,
            Self::Never => endpoint::Expiry::Never,
            Self::At(at) => endpoint::Expiry::At(in_microseconds(at)),
            Self::In(time) => {
                let at = now.checked_add(time).unwrap_or(Timestamp::MAX);
                endpoint::Expiry::At(in_microseconds(at))
            }
        }
    }
}

/// Drops what the wire does not carry: the nanoseconds of the microsecond.
pub(crate) fn in_microseconds(time: Timestamp) -> Timestamp {
    // `from_microsecond` refuses the last second.
    let nanoseconds = time.subsec_nanosecond() / 1000 * 1000;
    Timestamp::new(time.as_second(), nanoseconds).unwrap_or(time)
}

/// Returns the nearest timestamp.
pub(crate) fn timestamp(time: SystemTime) -> Timestamp {
    match Timestamp::try_from(time) {
        Ok(time) => time,
        Err(_) if time < SystemTime::UNIX_EPOCH => Timestamp::MIN,
        Err(_) => Timestamp::MAX,
    }
}

impl From<Timestamp> for Expiry {
    fn from(at: Timestamp) -> Self {
        Self::At(at)
    }
}

impl From<Duration> for Expiry {
    fn from(time: Duration) -> Self {
        Self::In(time)
    }
}

impl From<SystemTime> for Expiry {
    fn from(at: SystemTime) -> Self {
        Self::At(timestamp(at))
    }
}

impl From<Option<Timestamp>> for Expiry {
    /// Returns [`Expiry::Keep`] for `None`.
    fn from(at: Option<Timestamp>) -> Self {
        at.map_or(Self::Keep, Self::At)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last time that the wire carries.
    const LATEST: &str = "9999-12-30T22:00:00.999999Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn every_time_becomes_a_timestamp() {
        let now = at("2027-01-01T00:00:00Z");
        let since_1970 = Duration::from_secs(now.as_second().unsigned_abs());
        let system = SystemTime::UNIX_EPOCH + since_1970;
        let hour = Duration::from_secs(3600);
        let far = Duration::from_secs(u64::from(u32::MAX) * 100);
        for (expiry, expected) in [
            (Expiry::from(hour), at("2027-01-01T01:00:00Z")),
            (Expiry::from(system + hour), at("2027-01-01T01:00:00Z")),
            (
                Expiry::from(at("2027-01-02T00:00:00Z")),
                at("2027-01-02T00:00:00Z"),
            ),
            (
                Expiry::from(Some(at("2027-01-03T00:00:00Z"))),
                at("2027-01-03T00:00:00Z"),
            ),
            (Expiry::from(Duration::MAX), at(LATEST)),
            (Expiry::from(system + far), at(LATEST)),
            (
                Expiry::from(at("2027-01-02T00:00:00.123456789Z")),
                at("2027-01-02T00:00:00.123456Z"),
            ),
        ] {
            assert_eq!(
                expiry.on_wire(now),
                endpoint::Expiry::At(expected),
                "{expiry:?}"
            );
        }
        assert_eq!(Expiry::from(None).on_wire(now), endpoint::Expiry::Keep);
        assert_eq!(Expiry::Never.on_wire(now), endpoint::Expiry::Never);
        assert_eq!(Expiry::default(), Expiry::Keep);
    }
}
