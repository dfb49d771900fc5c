//! `kill -9` of each command at random moments: there is the old state or the new one.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Instant;

use rusqlite::Connection;

use crate::contents::rows;
use crate::process::{command, run};
use crate::state::State;

/// Returns a vault with some megabytes.
pub(crate) fn large() -> State {
    let state = State::new();
    let connection = Connection::open(state.path()).unwrap();
    connection
        .execute_batch(
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1500)
             INSERT INTO secrets SELECT id, 1, 'key_' || n, n, n, NULL, n, n, NULL, 'nonce', hex(randomblob(700))
             FROM organizations, numbers",
        )
        .unwrap();
    state
}

/// Runs a command to its end, and then again and again, killed at moments up to that time. `check` is called after each
/// kill, and says if the next run starts from anew. Returns the number of runs that were killed.
fn kill_at_random(arguments: &[&str], prepare: impl Fn(), check: impl Fn()) -> usize {
    prepare();
    let start = Instant::now();
    let (code, _, stderr) = run(arguments);
    assert_eq!(code, Some(0), "{stderr}");
    let time = start.elapsed();
    let (mut killed, runs) = (0, 30);
    for round in 0..runs {
        prepare();
        let mut command = command(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        sleep(time * round / runs);
        child.kill().unwrap();
        killed += usize::from(!child.wait().unwrap().success());
        check();
    }
    // Files of killed runs do not hinder the next one.
    prepare();
    let (code, _, stderr) = run(arguments);
    assert_eq!(code, Some(0), "{stderr}");
    check();
    killed
}

fn remove(path: &Path) {
    if path.exists() {
        fs::remove_file(path).unwrap();
    }
}

pub(crate) fn is_whole(path: &Path) {
    let connection = Connection::open(path).unwrap();
    let query = "PRAGMA integrity_check";
    let found: String = connection.query_row(query, [], |row| row.get(0)).unwrap();
    assert_eq!(found, "ok");
}

#[test]
fn a_killed_backup_leaves_a_whole_file_or_none() {
    let state = large();
    let (database, expected) = (state.database(), rows(&state.path()));
    let output = state.folder.path().join("b.db");
    let arguments = [
        "backup",
        "--database",
        &database,
        "--output",
        output.to_str().unwrap(),
    ];
    let check = || {
        if output.exists() {
            is_whole(&output);
            assert_eq!(rows(&output), expected);
        }
    };
    let killed = kill_at_random(&arguments, || remove(&output), check);
    assert!(killed > 5, "{killed}");
    // With an existing one, there always is one.
    let arguments = [&arguments[..], &["--replace"]].concat();
    let check = || assert_eq!(rows(&output), expected);
    kill_at_random(&arguments, || (), check);
}

#[test]
fn a_killed_restore_leaves_the_old_database_or_the_new_one() {
    let (state, other) = (large(), State::new());
    let backup = state.folder.path().join("b.db");
    fs::rename(other.path(), &backup).unwrap();
    let (old, new) = (rows(&state.path()), rows(&backup));
    let whole = state.folder.path().join("whole.db");
    fs::copy(state.path(), &whole).unwrap();
    let database = state.database();
    let arguments = [
        "restore",
        "--input",
        backup.to_str().unwrap(),
        "--database",
        &database,
        "--replace",
    ];
    let prepare = || fs::copy(&whole, state.path()).map(drop).unwrap();
    let check = || {
        is_whole(&state.path());
        let found = rows(&state.path());
        assert!(found == old || found == new);
    };
    kill_at_random(&arguments, prepare, check);
}

#[test]
fn a_killed_copy_leaves_an_empty_target_or_a_whole_one() {
    let state = large();
    let (database, expected) = (state.database(), rows(&state.path()));
    let path = state.folder.path().join("copy.db");
    let file = format!("sqlite:{}", path.display());
    let arguments = ["copy", "--from", &database, "--to", &file];
    let check = || {
        if path.exists() {
            assert_eq!(rows(&path), expected);
        }
    };
    let killed = kill_at_random(&arguments, || remove(&path), check);
    assert!(killed > 5, "{killed}");

    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let url = server.url();
    let arguments = ["copy", "--from", &database, "--to", &url];
    let tables = crate::contents::TABLES.join(", ");
    run(&["migrate", "--database", &url]);
    let prepare = || server.run(&format!("TRUNCATE {tables} CASCADE"));
    let check = || {
        // Divides by zero if some of the rows are there.
        server.run("SELECT 1 / (CASE WHEN count(*) IN (0, 1500) THEN 1 ELSE 0 END) FROM secrets");
    };
    let killed = kill_at_random(&arguments, prepare, check);
    assert!(killed > 5, "{killed}");
}

#[test]
fn a_killed_migration_is_completed_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.db");
    let database = format!("sqlite:{}", path.display());
    let prepare = || {
        let names =
            ["", "-wal", "-shm"].map(|suffix| folder.path().join(format!("old.db{suffix}")));
        names.iter().for_each(|name| remove(name));
        let connection = Connection::open(&path).unwrap();
        let sql = include_str!("../data/state-0.1/vault.sql");
        connection.execute_batch(sql).unwrap();
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    };
    let check = || {
        let (code, _, stderr) = run(&["migrate", "--database", &database]);
        assert_eq!(code, Some(0), "{stderr}");
        is_whole(&path);
        let connection = Connection::open(&path).unwrap();
        let count: u32 = connection
            .query_row("SELECT count(*) FROM secrets", [], |row| row.get(0))
            .unwrap();
        assert_eq!(count, 2);
    };
    kill_at_random(&["migrate", "--database", &database], prepare, check);
}
