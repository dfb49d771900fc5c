//! `interop/counterparts.md` names tests that exist, for all 84 cases of the peer's own tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const TABLE: &str = include_str!("../../interop/counterparts.md");

/// A row of one of the tables.
struct Row {
    peers_test: &'static str,
    cases: usize,
    /// `path::name`
    here: Vec<&'static str>,
}

fn rows() -> Vec<Row> {
    let lines = TABLE.lines().filter(|line| line.starts_with("| `"));
    let row = |line: &'static str| {
        let cells: Vec<_> = line.split(" | ").collect();
        let [peers_test, cases, _, here] = cells[..] else {
            unreachable!("a row has four cells: {line}");
        };
        Row {
            peers_test,
            cases: cases.parse().unwrap(),
            here: here.split('`').skip(1).step_by(2).collect(),
        }
    };
    lines.map(row).collect()
}

/// Returns true if the file has a test function of that name.
fn exists(test: &str) -> bool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let (path, name) = test.rsplit_once("::").unwrap();
    let source = fs::read_to_string(root.join(path)).unwrap_or_default();
    let lines: Vec<_> = source.lines().map(str::trim).collect();
    let function = format!("fn {name}(");
    lines
        .windows(2)
        .any(|pair| pair[0] == "#[test]" && pair[1].starts_with(&function))
}

#[test]
fn every_counterpart_exists() {
    let missing: Vec<_> = rows()
        .into_iter()
        .filter(|row| row.here.is_empty() || !row.here.iter().all(|test| exists(test)))
        .map(|row| format!("{} {:?}", row.peers_test, row.here))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn each_case_of_the_peer_is_listed_once() {
    let (rows, mut seen) = (rows(), BTreeSet::new());
    assert!(rows.iter().all(|row| seen.insert(row.peers_test)));
    assert_eq!(rows.iter().map(|row| row.cases).sum::<usize>(), 84);
}

#[test]
fn a_missing_test_is_noticed() {
    assert!(exists(
        "tests/tests/end_to_end/counterparts.rs::a_missing_test_is_noticed"
    ));
    assert!(!exists("tests/tests/end_to_end/counterparts.rs::a_test"));
    assert!(
        !exists("tests/tests/end_to_end/counterparts.rs::exists"),
        "no test"
    );
    assert!(!exists("tests/tests/nowhere.rs::a_missing_test_is_noticed"));
}
