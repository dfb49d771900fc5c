//! The condition of a fault.

use super::split_mix_64::SplitMix64;
use super::{Fault, Faults, Requests, Route};

/// The builder of a rule: requests and conditions, and with [`then`](Self::then) the fault.
#[must_use = "a rule is added by `then`"]
pub struct When<'a> {
    faults: &'a Faults,
    condition: Condition,
}

impl<'a> When<'a> {
    pub(super) fn new(faults: &'a Faults, requests: Requests) -> Self {
        let condition = Condition::always(requests);
        Self { faults, condition }
    }

    /// Lets the first `passes` matching requests through.
    pub fn after(mut self, passes: u64) -> Self {
        self.condition.passes = passes;
        self
    }

    /// Applies at most `acts` times; without this, always.
    pub fn times(mut self, acts: u64) -> Self {
        self.condition.acts = Some(acts);
        self
    }

    /// Applies once.
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// Applies to `percent` of a hundred requests at random, with the seed of [`Faults::seeded`]. 100 or more
    /// is all of them.
    pub fn percent(mut self, percent: u8) -> Self {
        self.condition.percent = percent;
        self
    }

    /// Sets the fault and adds the rule.
    pub fn then(self, fault: Fault) {
        self.faults.add(Rule {
            condition: self.condition,
            fault,
        });
    }
}

/// A fault with its condition.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) condition: Condition,
    pub(super) fault: Fault,
}

/// The requests to which a fault applies.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    requests: Requests,
    /// The number of requests still to let through.
    pub(super) passes: u64,
    /// The number of times still to apply; `None` for always.
    pub(super) acts: Option<u64>,
    pub(super) percent: u8,
}

impl Condition {
    /// Makes a condition that these requests always meet.
    pub(super) fn always(requests: Requests) -> Self {
        Self {
            requests,
            passes: 0,
            acts: None,
            percent: 100,
        }
    }
}

impl Rule {
    /// Returns the fault if the rule applies to a request to which no earlier rule applied.
    pub(super) fn apply(
        &mut self,
        route: Option<Route>,
        key: Option<&str>,
        random: &mut SplitMix64,
    ) -> Option<Fault> {
        let condition = &mut self.condition;
        if condition.acts == Some(0) || !condition.requests.include(route, key) {
            return None;
        }
        if condition.passes > 0 {
            condition.passes -= 1;
            return None;
        }
        if condition.percent < 100 && random.percent() >= condition.percent {
            return None;
        }
        condition.acts = condition.acts.map(|left| left - 1);
        Some(self.fault.clone())
    }
}
