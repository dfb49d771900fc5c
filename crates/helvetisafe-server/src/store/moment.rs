use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

/// A time as the database holds it: microseconds since 1970 in UTC. What is finer is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, sqlx::Type)]
#[sqlx(transparent)]
pub(crate) struct Moment(i64);

impl Moment {
    pub(crate) fn now() -> Self {
        Timestamp::now().into()
    }

    /// A later time, at most the last one that can be written.
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
    /// A time outside the years -9999 to 9999, which no vault wrote, becomes the last one.
    fn from(moment: Moment) -> Self {
        Self::from_microsecond(moment.0).unwrap_or(Self::MAX)
    }
}
