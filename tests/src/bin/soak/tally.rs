//! The counts of operations, of failures after all attempts, and of wrong results.

use std::collections::BTreeMap;
use std::sync::Mutex;

use helvetisafe::{Error, ErrorKind};

/// The least share of operations that has to succeed, of a thousand.
const LEAST: f64 = 999.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Deed {
    Create,
    Read,
    Update,
    Put,
    Delete,
}

#[derive(Default)]
pub(crate) struct Tally(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    succeeded: BTreeMap<Deed, u64>,
    failed: BTreeMap<(Deed, String), u64>,
    wrong: Vec<String>,
}

impl Tally {
    pub(crate) fn succeeded(&self, deed: Deed) {
        *self.0.lock().unwrap().succeeded.entry(deed).or_default() += 1;
    }

    pub(crate) fn failed(&self, deed: Deed, error: &Error) {
        let what = match (error.kind(), error.status()) {
            (ErrorKind::Api, Some(status)) => format!("Api {}", status.as_u16()),
            (kind, _) => format!("{kind:?}"),
        };
        *self
            .0
            .lock()
            .unwrap()
            .failed
            .entry((deed, what))
            .or_default() += 1;
    }

    pub(crate) fn wrong(&self, what: String) {
        self.0.lock().unwrap().wrong.push(what);
    }

    pub(crate) fn print(&self) {
        let counts = self.0.lock().unwrap();
        for (deed, count) in &counts.succeeded {
            println!("{deed:?}: {count} succeeded");
        }
        for ((deed, error), count) in &counts.failed {
            println!("{deed:?}: {count} failed, {error}");
        }
        println!("success: {:.3} %", counts.per_mille() / 10.0);
        println!("wrong: {}", counts.wrong.len());
    }

    pub(crate) fn failures(&self) -> Vec<String> {
        let counts = self.0.lock().unwrap();
        let mut failures: Vec<_> = counts.wrong.iter().take(10).cloned().collect();
        if counts.per_mille() < LEAST {
            failures.push(format!("less than {LEAST} of 1000 succeeded"));
        }
        failures
    }
}

impl Counts {
    fn per_mille(&self) -> f64 {
        let succeeded: u64 = self.succeeded.values().sum();
        let failed: u64 = self.failed.values().sum();
        1000.0 * succeeded as f64 / (succeeded + failed).max(1) as f64
    }
}
