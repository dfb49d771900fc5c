use std::time::Duration;

use jiff::Timestamp;

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
}

impl From<Timestamp> for Moment {
    fn from(time: Timestamp) -> Self {
        Self(time.as_microsecond())
    }
}

impl From<Moment> for Timestamp {
    /// A time outside the years -9999 to 9999 becomes the last one; no vault writes such a time.
    fn from(moment: Moment) -> Self {
        Self::from_microsecond(moment.0).unwrap_or(Self::MAX)
    }
}
