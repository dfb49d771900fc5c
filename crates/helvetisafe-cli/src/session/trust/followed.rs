//! The decision about another org key by the chain, and the time for it.

use std::time::{Duration, Instant};

use helvetisafe::ClientBuilder;
use helvetisafe::organization::{Anchor, Head, Organization};

use super::known_organization::KnownOrganization;
use crate::session::connect::timeouts;

/// The trusted part of the chain that decides about another org key.
pub(super) struct Followed {
    pub(super) anchor: Anchor,
    /// The remembered organization, whose head has to be in the chain too.
    pub(super) known: Option<KnownOrganization>,
    /// The end of the time for all calls, if a caller waits for them.
    deadline: Option<Instant>,
}

impl Followed {
    pub(super) fn new(anchor: Anchor, known: Option<KnownOrganization>) -> Self {
        Self {
            anchor,
            known,
            deadline: None,
        }
    }

    /// Starts at a newer head, which was verified from this part.
    pub(super) fn after(self, head: Head) -> Self {
        let anchor = Anchor::Head(head);
        Self { anchor, ..self }
    }

    /// Ends all calls within this time.
    pub(super) fn within(self, time: Duration) -> Self {
        Self {
            deadline: Instant::now().checked_add(time),
            ..self
        }
    }

    /// Limits a new client to the time that is left.
    pub(super) fn limit(&self, builder: ClientBuilder) -> ClientBuilder {
        match self.left() {
            Some(left) => builder.timeouts(timeouts(left)),
            None => builder,
        }
    }

    /// Limits calls to the time that is left.
    pub(super) fn limit_calls<'a>(&self, organization: Organization<'a>) -> Organization<'a> {
        match self.left() {
            Some(left) => organization.within(left),
            None => organization,
        }
    }

    /// Returns the time that is left; `None` without a limit.
    fn left(&self) -> Option<Duration> {
        let deadline = self.deadline?;
        Some(deadline.saturating_duration_since(Instant::now()))
    }
}
