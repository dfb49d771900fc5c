//! The table of `docs/behaviour.md`, "What is tried again", is read from the document, and each of its
//! cells is tested: every call × every event of the row × both authentications × the attempt at which it
//! happens, against a real vault and real sockets, with a driven clock and seeded jitter. The expected
//! requests, waits and outcome are computed here from the document's words, without the code under test.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails loudly")]

mod bench;
mod detour;
mod document;
mod event;
mod lost_creates;
mod model;
mod parts;
mod stage;
mod verb;

use std::sync::Mutex;
use std::thread;

use helvetisafe_test_support::ClientKind;

use bench::Bench;
use document::Table;
use event::Event;
use model::{Case, predict};
use verb::{By, Verb};

/// The number of cases at a time. Most of the slow ones wait for a silence to end.
const BENCHES: usize = 24;

#[test]
fn the_blocking_client_follows_the_table() {
    play_all(ClientKind::Blocking);
}

#[test]
fn the_asynchronous_client_follows_the_table() {
    play_all(ClientKind::Async);
}

fn play_all(kind: ClientKind) {
    let cases = cases(&Table::of_the_document());
    assert!(cases.len() > 1500, "{}", cases.len());
    let next = Mutex::new(cases.iter().enumerate());
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..BENCHES {
            scope.spawn(|| {
                let mut bench = Bench::new(kind);
                loop {
                    let Some((number, case)) = next.lock().unwrap().next() else {
                        return;
                    };
                    let (found, expected) = (bench.play(number, case), predict(number, case));
                    if found != expected {
                        let failure = format!("{case}\n    {found:?}\nnot {expected:?}");
                        failures.lock().unwrap().push(failure);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(
        failures.is_empty(),
        "{} of {} cases:\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
}

/// Every call × every event × both authentications × the attempts; the slow ones first.
fn cases(table: &Table) -> Vec<Case> {
    let mut cases = Vec::new();
    for row in &table.rows {
        for event in Event::of_row(&row.what) {
            for verb in Verb::ALL {
                let rule = table.rule(row, verb.column(), &event);
                let lost = table.lost(verb.column());
                for by in [By::ServiceAccount, By::ApiToken] {
                    for attempt in [Some(1), Some(2), Some(3), None] {
                        let event = event.clone();
                        let case = Case {
                            verb,
                            by,
                            event,
                            rule,
                            lost,
                            attempt,
                        };
                        cases.extend(case.makes_sense().then_some(case));
                    }
                }
            }
        }
    }
    cases.sort_by_key(|case| !matches!(case.event, Event::Silence { .. }));
    cases
}
