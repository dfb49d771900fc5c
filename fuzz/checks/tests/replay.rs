//! Runs every seed through its check, without libFuzzer.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use helvetisafe_fuzz_checks::CHECKS;

fn files(folder: &str) -> Vec<PathBuf> {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let entries = fs::read_dir(fuzz.join(folder)).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn stems(folder: &str) -> BTreeSet<String> {
    let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    files(folder).into_iter().map(stem).collect()
}

#[test]
fn every_seed_passes_its_check() {
    for (name, check) in CHECKS {
        let seeds = files(&format!("seeds/{name}"));
        assert!(!seeds.is_empty(), "{name} has no seeds");
        for seed in seeds {
            // Shown if the check panics.
            println!("{}", seed.display());
            check(&fs::read(&seed).unwrap());
        }
    }
}

/// `run.sh` uses the bodies of the testkit's files as seeds too.
#[test]
fn every_file_of_the_testkit_passes_its_check() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let list = fs::read_to_string(fuzz.join("testkit-seeds.txt")).unwrap();
    for (name, group) in list.lines().map(|line| line.split_once(' ').unwrap()) {
        let (_, check) = CHECKS
            .into_iter()
            .find(|(found, _)| *found == name)
            .unwrap();
        for file in files(&format!("../tests/testkit/{group}")) {
            println!("{}", file.display());
            let content = fs::read(&file).unwrap();
            let end = content.windows(2).position(|two| two == b"\n\n").unwrap();
            check(&content[end + 2..]);
        }
    }
}

#[test]
fn checks_seeds_and_targets_have_the_same_names() {
    let checks: BTreeSet<_> = CHECKS.map(|(name, _)| name.to_owned()).into();
    assert_eq!(stems("seeds"), checks);
    assert_eq!(stems("fuzz_targets"), checks);
}
