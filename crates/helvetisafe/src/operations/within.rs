//! One deadline for many operations.

use std::sync::Arc;
use std::time::Duration;

use super::Operations;
use crate::connection::Connection;
use crate::driver::Driver;
use crate::session::Deadline;

/// The time that several operations have together.
#[derive(Clone, Copy)]
pub(super) struct Limit {
    time: Duration,
    end: Deadline,
}

impl<'a, D: Driver> Operations<'a, D> {
    /// Operations that have a time of their own each.
    pub(crate) fn new(connection: &'a Arc<Connection<D>>) -> Self {
        Self(connection, None)
    }

    /// The same operations, with `time` from now for all of them, and never more than before.
    pub(crate) fn within(&self, time: Duration) -> Self {
        let end = self.0.session.deadline_in(time);
        let limit = match self.1 {
            Some(limit) if limit.end <= end => limit,
            _ => Limit { time, end },
        };
        Self(self.0, Some(limit))
    }

    /// The end of an operation that begins now.
    pub(super) fn deadline(&self) -> Deadline {
        let own = self.0.session.deadline();
        self.1.map_or(own, |limit| own.min(limit.end))
    }

    /// The time that all of them have together.
    pub(super) fn time(&self) -> Option<Duration> {
        self.1.map(|limit| limit.time)
    }
}
