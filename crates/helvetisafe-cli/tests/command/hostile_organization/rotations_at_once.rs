//! Several commands on one machine, one of which replaces the org key.

use std::fs::File;

use super::interrupted_rotations::has;
use super::*;

const LINES: [&str; 4] = [
    "org rotate --dry-run",
    "org rotate --yes",
    "org rotate --abandon --yes",
    "org rotate --abandon --dry-run",
];

/// The commands run at the same time, since each waits for the lock.
#[test]
fn a_rotation_that_runs_on_this_machine_is_named_with_its_lease() {
    let stage = Stage::with_a_secret();
    let rotated = stage.while_waiting("org rotate --yes", Route::Stage, || {
        let children = LINES.map(|line| stage.spawn(line));
        for (line, child) in LINES.into_iter().zip(children) {
            let text = fails(&child.wait_with_output().unwrap(), 6);
            has(
                &text,
                &[
                    "another command on this machine is replacing the org key",
                    "`ada` began the rotation at 20",
                    "excludes others until 20",
                    "nothing was changed; wait until that command ends",
                    "`helvetisafe org rotate --abandon --config ada/config.toml`",
                ],
            );
            assert!(!text.contains("has locked"), "{line}: {text}");
            // The scopes of `--abandon` do not suffice for it.
            let has_number = text.contains("(secrets that are left: 1)");
            assert_eq!(has_number, !line.contains("--abandon"), "{line}: {text}");
        }
    });
    ok(rotated);
    assert_eq!(stage.epoch(), 2);
    assert!(!stage.has_record());
}

#[test]
fn a_rotation_that_has_not_begun_yet_is_named_too() {
    let stage = Stage::with_a_secret();
    ok(stage.ada("org rotate --dry-run"));
    let state = stage.organization.path(".local/state/helvetisafe");
    let mut files = fs::read_dir(state).unwrap().map(|it| it.unwrap().path());
    let is_lock = |path: &std::path::PathBuf| path.to_string_lossy().contains("/.rotation-");
    let lock = files.find(is_lock).unwrap();
    let lock = File::open(lock).unwrap();
    lock.lock().unwrap();
    for line in LINES {
        let text = fails(&stage.ada(line), 6);
        has(
            &text,
            &[
                "another command on this machine",
                "waits for an answer to its question",
                "wait until that command ends",
            ],
        );
    }
    drop(lock);
    ok(stage.ada("org rotate --yes"));
}

#[test]
fn a_dry_run_does_not_exclude_a_rotation() {
    let stage = Stage::with_a_secret();
    let dry = stage.while_waiting("org rotate --dry-run", Route::Members, || {
        ok(stage.ada("org rotate --yes"));
    });
    assert!(dry.status.code().is_some_and(|code| code != 1), "{dry:?}");
    assert_eq!(stage.epoch(), 2);
}
