use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// A time as the database stores it: microseconds since 1970 in UTC, rounded down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(super) i64);

impl Moment {
    pub(crate) fn now() -> Self {
        Timestamp::now().into()
    }

    /// Returns a later time, saturating at the last one.
    pub(crate) fn after(self, wait: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX)),
        )
    }

    /// Returns an earlier time, saturating at the first one.
    pub(crate) fn before(self, time: Duration) -> Self {
        let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(micros))
    }
}

impl From<Timestamp> for Moment {
    fn from(time: Timestamp) -> Self {
        Self(time.as_microsecond())
    }
}

impl From<Moment> for Timestamp {
    /// A time outside the years -9999 to 9999 becomes the last one; no vault writes such a time.
    fn from(moment: Moment) -> Self {
        // `from_microsecond` refuses the last second, and takes a fraction of the time.
        Self::from_microsecond(moment.0)
            .or_else(|_| Self::from_nanosecond(i128::from(moment.0) * 1000))
            .unwrap_or(Self::MAX)
    }
}

/// Returns the skew of another clock, whose time `other` was read between `sent` and `received` of this clock. It is zero
/// if `other` is between them, else the distance to the nearer one.
pub(crate) fn skew(sent: Timestamp, other: Timestamp, received: Timestamp) -> SignedDuration {
    let nearest = other.clamp(sent, received.max(sent));
    other.duration_since(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn the_last_microsecond_comes_back() {
        let latest: Timestamp = "9999-12-30T22:00:00.999999Z".parse().unwrap();
        assert_eq!(Timestamp::from(Moment::from(latest)), latest);
        assert_eq!(Timestamp::from(Moment::from(Timestamp::MAX)), latest);
    }

    #[test]
    fn the_skew_is_what_the_time_of_the_answer_does_not_explain() {
        for (sent, other, received, expected) in [
            (10, 10, 10, 0),
            (10, 12, 14, 0),
            (10, 9, 14, -1),
            (10, 20, 14, 6),
            // The clock of this node was set back meanwhile.
            (10, 10, 5, 0),
        ] {
            let found = skew(at(sent), at(other), at(received));
            assert_eq!(found.as_secs(), expected, "{sent} {other} {received}");
        }
    }
}
