//! When a fault happens.

use super::{Fault, Faults, Requests, Route};

/// A rule in the making: which requests, when, and with [`then`](Self::then) what.
#[must_use = "a rule begins to hold with `then`"]
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

    /// Lets the first `passes` such requests through.
    pub fn after(self, passes: u64) -> Self {
        Self { passes, ..self }
    }

    /// Acts so many times at most; without it, always.
    pub fn times(self, acts: u64) -> Self {
        Self {
            acts: Some(acts),
            ..self
        }
    }

    /// Acts one time.
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// Acts on so many of a hundred requests, drawn with the seed of [`Faults::seeded`]; 100 and
    /// more is all of them.
    pub fn percent(self, percent: u8) -> Self {
        Self { percent, ..self }
    }

    /// What is done; from now on the rule holds.
    pub fn then(self, fault: Fault) {
        self.faults.add(Rule {
            passes: self.passes,
            acts: self.acts,
            percent: self.percent,
            ..Rule::new(self.requests, fault)
        });
    }
}

/// A rule that holds.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) requests: Requests,
    /// How many requests it still lets through.
    pub(super) passes: u64,
    /// How often it still acts; `None` for always.
    pub(super) acts: Option<u64>,
    pub(super) percent: u8,
    pub(super) fault: Fault,
}

impl Rule {
    /// A rule that always acts.
    pub(super) fn new(requests: Requests, fault: Fault) -> Self {
        Self {
            requests,
            passes: 0,
            acts: None,
            percent: 100,
            fault,
        }
    }

    /// The fault, where the rule applies to a request that no rule before it took.
    pub(super) fn apply(
        &mut self,
        route: Option<Route>,
        key: Option<&str>,
        luck: &mut Luck,
    ) -> Option<Fault> {
        if self.acts == Some(0) || !self.requests.include(route, key) {
            return None;
        }
        if self.passes > 0 {
            self.passes -= 1;
            return None;
        }
        if self.percent < 100 && luck.percent() >= self.percent {
            return None;
        }
        self.acts = self.acts.map(|left| left - 1);
        Some(self.fault.clone())
    }
}

/// Numbers that look random and are the same for the same seed: SplitMix64 (Steele, Lea and Flood,
/// 2014). Nothing secret depends on them.
#[derive(Debug)]
pub(super) struct Luck(u64);

impl Luck {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From 0 to 99, each as likely.
    fn percent(&mut self) -> u8 {
        u8::try_from(self.number() % 100).unwrap_or_default()
    }

    /// Any number, each as likely.
    pub(super) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luck_is_fair_and_the_same_for_a_seed() {
        let draw = |seed| {
            let mut luck = Luck::new(seed);
            (0..10_000)
                .filter(|_| luck.percent() < 5)
                .collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert!((400..600).contains(&draw(1).len()), "{}", draw(1).len());
    }
}
