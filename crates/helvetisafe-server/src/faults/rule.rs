//! The condition of a fault.

use super::split_mix_64::SplitMix64;
use super::{Fault, Faults, Requests, Route};

/// The builder of a rule: requests and conditions, and with [`then`](Self::then) the fault.
#[must_use = "a rule is added by `then`"]
pub struct When<'a> {
    faults: &'a Faults,
    requests: Requests,
    passes: u64,
    acts: Option<u64>,
    percent: u8,
}

impl<'a> When<'a> {
    pub(super) fn new(faults: &'a Faults, requests: Requests) -> Self {
        Self {
            faults,
            requests,
            passes: 0,
            acts: None,
            percent: 100,
        }
    }

    /// Lets the first `passes` matching requests through.
    pub fn after(self, passes: u64) -> Self {
        Self { passes, ..self }
    }

    /// Applies at most `acts` times; without this, always.
    pub fn times(self, acts: u64) -> Self {
        Self {
            acts: Some(acts),
            ..self
        }
    }

    /// Applies once.
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// Applies to `percent` of a hundred requests at random, with the seed of [`Faults::seeded`]. 100 or more
    /// is all of them.
    pub fn percent(self, percent: u8) -> Self {
        Self { percent, ..self }
    }

    /// Sets the fault and adds the rule.
    pub fn then(self, fault: Fault) {
        self.faults.add(Rule {
            passes: self.passes,
            acts: self.acts,
            percent: self.percent,
            ..Rule::new(self.requests, fault)
        });
    }
}

/// A fault with its condition.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) requests: Requests,
    /// The number of requests still to let through.
    pub(super) passes: u64,
    /// The number of times still to apply; `None` for always.
    pub(super) acts: Option<u64>,
    pub(super) percent: u8,
    pub(super) fault: Fault,
}

impl Rule {
    /// Makes a rule that always applies.
    pub(super) fn new(requests: Requests, fault: Fault) -> Self {
        Self {
            requests,
            passes: 0,
            acts: None,
            percent: 100,
            fault,
        }
    }

    /// Returns the fault if the rule applies to a request to which no earlier rule applied.
    pub(super) fn apply(
        &mut self,
        route: Option<Route>,
        key: Option<&str>,
        random: &mut SplitMix64,
    ) -> Option<Fault> {
        if self.acts == Some(0) || !self.requests.include(route, key) {
            return None;
        }
        if self.passes > 0 {
            self.passes -= 1;
            return None;
        }
        if self.percent < 100 && random.percent() >= self.percent {
            return None;
        }
        self.acts = self.acts.map(|left| left - 1);
        Some(self.fault.clone())
    }
}
