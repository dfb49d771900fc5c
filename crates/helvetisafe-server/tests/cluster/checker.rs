//! Decides if the operations on one secret are linearizable: if each of them can be taken to happen at one moment
//! between its begin and its end, in an order that explains every answer.
//!
//! This is the search of Wing and Gong with a memory of visited states (Lowe, "Testing for linearizability", 2016). An
//! operation without an answer is placed only directly before an operation that needs its effect. That loses no
//! order: an effect that no operation observes may as well not have happened. For this, a condition of an operation
//! without an answer has to be a value that its client had read.

use std::collections::{BTreeSet, HashSet};

use super::history::{Effect, Operation, Value};

/// No order explains the answers.
#[derive(Debug)]
pub(crate) struct Violation {
    /// The operations that the best order explains.
    pub(crate) explained: usize,
    /// The operations of which one had to come next, and which the state does not explain.
    pub(crate) stuck: Vec<Operation>,
    /// The state of the secret there.
    pub(crate) state: Option<Value>,
}

/// Checks the operations on one secret, which existed with the value `initial` before, or did not.
pub(crate) fn check(operations: &[Operation], initial: Option<Value>) -> Result<(), Violation> {
    let (mut answered, unanswered): (Vec<Operation>, Vec<_>) = operations
        .iter()
        .partition(|operation| operation.ended.is_some());
    answered.sort_by_key(|operation| operation.begun);
    let search = Search {
        answered,
        unanswered,
    };
    search.run(initial)
}

struct Search {
    /// In the order of their begin.
    answered: Vec<Operation>,
    unanswered: Vec<Operation>,
}

/// A beginning of an order.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Prefix {
    /// All answered operations before this one are in the order.
    first: usize,
    /// Others that are in it.
    further: BTreeSet<usize>,
    /// The operations without an answer that are in it.
    unanswered: BTreeSet<usize>,
    state: Option<Value>,
}

impl Search {
    fn run(&self, initial: Option<Value>) -> Result<(), Violation> {
        let mut open = vec![Prefix {
            first: 0,
            further: BTreeSet::new(),
            unanswered: BTreeSet::new(),
            state: initial,
        }];
        let mut visited = HashSet::new();
        let mut best = open[0].clone();
        while let Some(mut prefix) = open.pop() {
            self.add_observations(&mut prefix);
            if prefix.first == self.answered.len() {
                return Ok(());
            }
            if prefix.len() > best.len() {
                best = prefix.clone();
            }
            if visited.insert(prefix.clone()) {
                open.extend(self.successors(&prefix));
            }
        }
        let stuck = self.candidates(&best).map(|at| self.answered[at]);
        Err(Violation {
            explained: best.len(),
            stuck: stuck.collect(),
            state: best.state,
        })
    }

    /// The answered operations of which one has to be the next: those that began before any of them ended.
    fn candidates<'a>(&'a self, prefix: &'a Prefix) -> impl Iterator<Item = usize> + 'a {
        let mut first_end = u64::MAX;
        (prefix.first..self.answered.len())
            .filter(|at| !prefix.further.contains(at))
            .take_while(move |&at| {
                let operation = &self.answered[at];
                let is_candidate = operation.begun <= first_end;
                first_end = first_end.min(operation.ended.unwrap_or(u64::MAX));
                is_candidate
            })
    }

    /// Adds what only observes the state. An order in which it comes later is as good with it here.
    fn add_observations(&self, prefix: &mut Prefix) {
        loop {
            let observes = |at: &usize| {
                let operation = &self.answered[*at];
                operation.effect == Effect::Nothing && operation.needs.are_met_by(prefix.state)
            };
            let Some(at) = self.candidates(prefix).find(observes) else {
                return;
            };
            prefix.add(at, Effect::Nothing);
        }
    }

    /// Returns the longer prefixes. The most promising is the last: the operation that ended first.
    fn successors(&self, prefix: &Prefix) -> Vec<Prefix> {
        let candidates: Vec<_> = self.candidates(prefix).collect();
        let mut found: Vec<Prefix> = self.useful(prefix, &candidates);
        let mut applicable: Vec<_> = candidates
            .into_iter()
            .filter(|&at| self.answered[at].needs.are_met_by(prefix.state))
            .collect();
        applicable.sort_by_key(|&at| std::cmp::Reverse(self.answered[at].ended));
        found.extend(applicable.into_iter().map(|at| {
            let mut longer = prefix.clone();
            longer.add(at, self.answered[at].effect);
            longer
        }));
        found
    }

    /// Returns the prefixes with one more operation without an answer, whose effect a candidate needs.
    fn useful(&self, prefix: &Prefix, candidates: &[usize]) -> Vec<Prefix> {
        let ends = candidates.iter().filter_map(|&at| self.answered[at].ended);
        let first_end = ends.min().unwrap_or(u64::MAX);
        let is_needed = |state| {
            candidates.iter().any(|&at| {
                let needs = self.answered[at].needs;
                !needs.are_met_by(prefix.state) && needs.are_met_by(state)
            })
        };
        let mut found = Vec::new();
        for (at, operation) in self.unanswered.iter().enumerate() {
            let state = operation.effect.on(prefix.state);
            let is_possible = operation.begun <= first_end
                && !prefix.unanswered.contains(&at)
                && operation.needs.are_met_by(prefix.state);
            if is_possible && is_needed(state) {
                let mut longer = prefix.clone();
                longer.unanswered.insert(at);
                longer.state = state;
                found.push(longer);
            }
        }
        found
    }
}

impl Prefix {
    fn add(&mut self, at: usize, effect: Effect) {
        self.state = effect.on(self.state);
        self.further.insert(at);
        while self.further.remove(&self.first) {
            self.first += 1;
        }
    }

    fn len(&self) -> usize {
        self.first + self.further.len()
    }
}
