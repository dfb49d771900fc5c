//! The failures of a command that works on several secrets and continues after a failure.

use helvetisafe::KeyName;

use super::budget::Budget;
use crate::failure::unbound::{self, Unbound};
use crate::failure::{Failure, Status};
use crate::ui::messages::Messages;

/// Each failure is reported at once, with two exceptions that [`Self::finish`] reports together: refused
/// secrets that the vault may have exchanged, and secrets that were not done in time. The exit status is
/// that of the first failure. Together the failures may pass if each may.
pub(crate) struct Failures<'a> {
    messages: Messages,
    /// The time for several secrets.
    budget: Option<&'a Budget>,
    /// The time for one secret.
    of_one: Option<&'a Budget>,
    first: Option<Failure>,
    unbound: Vec<Unbound>,
    /// The secrets that were not done in time.
    late: Vec<String>,
    has_timed_out: bool,
}

impl<'a> Failures<'a> {
    pub(crate) fn new(messages: Messages) -> Self {
        Self {
            messages,
            budget: None,
            of_one: None,
            first: None,
            unbound: Vec::new(),
            late: Vec::new(),
            has_timed_out: false,
        }
    }

    /// Failures of work on `total` secrets in the time of `budget`.
    pub(crate) fn within(budget: &'a Budget, total: usize, messages: Messages) -> Self {
        Self {
            // The timeout of a single secret is reported as its failure.
            budget: Some(budget).filter(|_| total > 1),
            of_one: Some(budget).filter(|_| total == 1),
            ..Self::new(messages)
        }
    }

    /// Adds the failure of a secret, which is named if it was not done in time.
    pub(crate) fn add_for(&mut self, key: &KeyName, failure: Failure) {
        if self.is_late(&failure) {
            self.late.push(key.to_string());
        }
        self.add(failure);
    }

    fn is_late(&self, failure: &Failure) -> bool {
        self.budget
            .is_some_and(|budget| budget.is_cause_of(failure))
    }

    pub(crate) fn add(&mut self, failure: Failure) {
        if self.is_late(&failure) {
            self.has_timed_out = true;
            return;
        }
        let failure = match self.of_one {
            Some(budget) => budget.explain(failure),
            None => failure,
        };
        match failure.unbound_names() {
            Some(names) => self.unbound.push(names.clone()),
            None => self.messages.failure(&failure),
        }
        self.merge(failure);
    }

    /// Returns true if no time is left for further secrets.
    pub(crate) fn has_timed_out(&self) -> bool {
        self.has_timed_out
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none() && !self.has_timed_out
    }

    /// Reports what was held back, and fails if anything has failed. `count` of `total` secrets were
    /// `done`, a past participle such as "read".
    pub(crate) fn finish_counted(
        mut self,
        count: usize,
        total: usize,
        done: &str,
    ) -> Result<(), Failure> {
        if let Some(budget) = self.budget.filter(|_| self.has_timed_out) {
            let failure = budget.timeout(count, total, done, &self.late);
            self.messages.failure(&failure);
            self.merge(failure);
        }
        self.finish()
    }

    /// Reports what was held back, and fails if anything has failed.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        if !self.unbound.is_empty() {
            let message = unbound::message(&self.unbound);
            self.messages
                .failure(&Failure::new(Status::Crypto, message));
        }
        self.first.map_or(Ok(()), Err)
    }

    fn merge(&mut self, failure: Failure) {
        self.first = Some(match self.first.take() {
            Some(first) => first.merged_with(&failure),
            None => failure.into_silent(),
        });
    }
}
