//! Decides if the operations on one register are linearizable: if each of them can be taken to happen at one moment
//! between its begin and its end, in an order that explains every answer.
//!
//! This is the search of Wing and Gong with a memory of visited states (Lowe, "Testing for linearizability", 2016). An
//! operation without an answer is placed only directly before an operation that needs its effect. That loses no
//! order: an effect that no operation observes may as well not have happened. For this, a condition of an operation
//! without an answer has to be a value that its client had read.
//!
//! Of the operations without an answer, those without a condition that delete, and those that write a value which none
//! has seen, can stand in for each other. So they are placed in the order of their begin, which keeps the number of
//! states small in a long history.

use std::collections::{BTreeSet, HashSet};

use super::history::{Effect, Needs, Operation, Value};

/// No order explains the answers.
#[derive(Debug)]
pub(crate) struct Violation {
    /// The operations that the best order explains.
    pub(crate) explained: usize,
    /// The operations of which one had to come next, and which the state does not explain.
    pub(crate) stuck: Vec<Operation>,
    /// The state of the register there.
    pub(crate) state: Option<Value>,
}

/// Checks the operations on one register, which existed with the value `initial` before, or did not.
pub(crate) fn check(operations: &[Operation], initial: Option<Value>) -> Result<(), Violation> {
    Search::new(operations).run(initial)
}

struct Search {
    /// The operations with an answer. They and those without one are sorted by their start.
    answered: Vec<Operation>,
    unanswered: [Vec<Operation>; CLASSES],
}

/// The classes of operations without an answer: deletes, writes of a value that none has seen, and others.
const CLASSES: usize = 3;
const DELETES: usize = 0;
const UNSEEN: usize = 1;
const OTHERS: usize = 2;

/// A beginning of an order.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Prefix {
    answered: Placed,
    /// The operations without an answer that are in it, by class.
    unanswered: [Placed; CLASSES],
    state: Option<Value>,
}

/// The operations of a list that are in an order.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
struct Placed {
    /// The first operation that may be missing: all operations before it are in the order.
    first: usize,
    /// Later operations that are in the order.
    further: BTreeSet<usize>,
}

impl Search {
    fn new(operations: &[Operation]) -> Self {
        let seen: HashSet<_> = operations
            .iter()
            .filter_map(|it| it.needs.value())
            .collect();
        let mut search = Self {
            answered: Vec::new(),
            unanswered: Default::default(),
        };
        for operation in operations {
            let is_answered = operation.ended.is_some();
            let list = match (operation.needs, operation.effect) {
                _ if is_answered => &mut search.answered,
                (Needs::Anything, Effect::Clear) => &mut search.unanswered[DELETES],
                (Needs::Anything, Effect::Set(value)) if !seen.contains(&value) => {
                    &mut search.unanswered[UNSEEN]
                }
                _ => &mut search.unanswered[OTHERS],
            };
            list.push(*operation);
        }
        search.answered.sort_by_key(|it| it.begun);
        for class in &mut search.unanswered {
            class.sort_by_key(|it| it.begun);
        }
        search
    }

    fn run(&self, initial: Option<Value>) -> Result<(), Violation> {
        let mut open = vec![Prefix {
            answered: Placed::default(),
            unanswered: Default::default(),
            state: initial,
        }];
        let mut visited = HashSet::new();
        let mut best = open[0].clone();
        while let Some(mut prefix) = open.pop() {
            self.add_observations(&mut prefix);
            if prefix.answered.first == self.answered.len() {
                return Ok(());
            }
            if prefix.answered.len() > best.answered.len() {
                best = prefix.clone();
            }
            if visited.insert(prefix.clone()) {
                open.extend(self.successors(&prefix));
            }
        }
        let stuck = self.candidates(&best).map(|at| self.answered[at]);
        Err(Violation {
            explained: best.answered.len(),
            stuck: stuck.collect(),
            state: best.state,
        })
    }

    /// The answered operations of which one has to be the next: those that began before any of them ended.
    fn candidates<'a>(&'a self, prefix: &'a Prefix) -> impl Iterator<Item = usize> + 'a {
        let mut first_end = u64::MAX;
        let left = prefix.answered.left(self.answered.len());
        left.take_while(move |&at| {
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
            prefix.answered.add(at);
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
            longer.answered.add(at);
            longer.state = self.answered[at].effect.on(prefix.state);
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
        // As in `successors`, the most promising are the last.
        for class in [OTHERS, UNSEEN, DELETES] {
            let (operations, placed) = (&self.unanswered[class], &prefix.unanswered[class]);
            let most = if class == OTHERS { usize::MAX } else { 1 };
            let left = placed.left(operations.len()).take(most);
            for at in left.take_while(|&at| operations[at].begun <= first_end) {
                let operation = &operations[at];
                let state = operation.effect.on(prefix.state);
                if operation.needs.are_met_by(prefix.state) && is_needed(state) {
                    let mut longer = prefix.clone();
                    longer.unanswered[class].add(at);
                    longer.state = state;
                    found.push(longer);
                }
            }
        }
        found
    }
}

impl Placed {
    fn add(&mut self, at: usize) {
        self.further.insert(at);
        while self.further.remove(&self.first) {
            self.first += 1;
        }
    }

    fn len(&self) -> usize {
        self.first + self.further.len()
    }

    /// Returns those of `len` that are not in the order.
    fn left(&self, len: usize) -> impl Iterator<Item = usize> + '_ {
        (self.first..len).filter(|at| !self.further.contains(at))
    }
}
