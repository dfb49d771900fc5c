//! `audit verify`, and the record of reads.

use std::fs;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::Value;

use crate::contents::client;
use crate::process::{Serve, command, run};
use crate::state::State;

fn serve(state: &State, options: &[&str]) -> Serve {
    let database = state.database();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--database", &database];
    Serve::spawn(command(&[&arguments[..], options].concat()))
}

/// Returns the recorded reads: their names.
fn reads(state: &State) -> Vec<String> {
    let connection = Connection::open(state.path()).unwrap();
    let select = "SELECT detail FROM audit WHERE act = 'secrets.read' ORDER BY at, id";
    let mut statement = connection.prepare(select).unwrap();
    let details = statement.query_map([], |row| row.get(0)).unwrap();
    details.map(Result::unwrap).collect()
}

fn change(state: &State, sql: &str) {
    let connection = Connection::open(state.path()).unwrap();
    assert!(connection.execute(sql, []).unwrap() > 0, "{sql}");
}

fn verify(state: &State, options: &[&str]) -> (Option<i32>, String, String) {
    let database = state.database();
    run(&[&["audit", "verify", "--database", &database], options].concat())
}

/// Waits until all acts have a seal.
fn wait_for_seals(state: &State) {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let (_, stdout, stderr) = verify(state, &["--json"]);
        let verified: Value = serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{stderr}"));
        if verified["organizations"][0]["unsealed"] == 0 {
            return;
        }
        assert!(Instant::now() < end, "{stdout}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn reads_are_recorded_if_that_is_asked_for() {
    let state = State::new();
    let vault = serve(&state, &[]);
    let secrets = client(&vault.base_url, &state.account);
    secrets
        .secrets()
        .create("DB_PASSWORD", "hunter2", None)
        .unwrap();
    secrets.secrets().get("DB_PASSWORD").unwrap();
    vault.stop();
    assert_eq!(reads(&state), [] as [String; 0]);

    let vault = serve(&state, &["--audit-reads"]);
    let secrets = client(&vault.base_url, &state.account);
    for _ in 0..3 {
        secrets.secrets().get("DB_PASSWORD").unwrap();
    }
    secrets.secrets().get("MISSING").unwrap_err();
    // SIGTERM loses none.
    vault.stop();
    let reads = reads(&state);
    let counts = reads.iter().map(|it| match it.as_str() {
        "DB_PASSWORD" => 1,
        "DB_PASSWORD (2)" => 2,
        "DB_PASSWORD (3)" => 3,
        other => panic!("{other}"),
    });
    assert_eq!(counts.sum::<u32>(), 3, "{reads:?}");
}

/// The vault seals every minute, and at SIGTERM what has happened since.
#[test]
fn sigterm_seals_the_last_acts() {
    let state = State::new();
    let vault = serve(&state, &["--audit-reads"]);
    let secrets = client(&vault.base_url, &state.account);
    secrets.secrets().create("KEY", "value", None).unwrap();
    secrets.secrets().get("KEY").unwrap();
    let start = Instant::now();
    vault.stop();
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(reads(&state), ["KEY"]);
    let (_, stdout, stderr) = verify(&state, &["--json"]);
    let verified: Value = serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{stderr}"));
    assert_eq!(verified["organizations"][0]["unsealed"], 0, "{stdout}");
}

/// A database that another process has locked delays the end by no more than its time.
#[test]
fn a_locked_database_does_not_delay_the_end() {
    let state = State::new();
    let vault = serve(&state, &["--audit-reads"]);
    let secrets = client(&vault.base_url, &state.account);
    secrets.secrets().create("KEY", "value", None).unwrap();
    secrets.secrets().get("KEY").unwrap();
    std::thread::sleep(Duration::from_secs(2));
    let other = Connection::open(state.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let start = Instant::now();
    vault.stop();
    assert!(
        start.elapsed() < Duration::from_secs(15),
        "{:?}",
        start.elapsed()
    );
    other.execute_batch("ROLLBACK").unwrap();
    // The next start seals it.
    let vault = serve(&state, &[]);
    wait_for_seals(&state);
    vault.stop();
}

#[test]
fn a_changed_record_is_not_intact() {
    let state = State::new();
    let vault = serve(&state, &["--audit-reads"]);
    let secrets = client(&vault.base_url, &state.account);
    secrets.secrets().create("KEY", "value", None).unwrap();
    secrets.secrets().get("KEY").unwrap();
    vault.stop();
    // A start seals what there is, also while it is verified.
    let vault = serve(&state, &[]);
    wait_for_seals(&state);
    let (code, stdout, stderr) = verify(&state, &[]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(
        stdout.contains(": intact, sealed acts: 1, unsealed: 0, seals: 1, head "),
        "{stdout}"
    );
    let (_, earlier, _) = verify(&state, &["--json"]);
    let file = state.folder.path().join("earlier.json");
    fs::write(&file, &earlier).unwrap();
    let since = ["--earlier", file.to_str().unwrap()];
    assert_eq!(verify(&state, &since).0, Some(0));
    // Acts that no seal covers yet can be missing too, as after the restore of a backup.
    let more = state.folder.path().join("more.json");
    assert!(earlier.contains("\"unsealed\": 0"), "{earlier}");
    fs::write(&more, earlier.replace("\"unsealed\": 0", "\"unsealed\": 2")).unwrap();
    let (code, stdout, _) = verify(&state, &["--earlier", more.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(
        stdout.contains("acts of the earlier result are missing: it had 3, and the record has 1"),
        "{stdout}"
    );
    vault.stop();

    change(&state, "UPDATE audit SET detail = 'OTHER'");
    let (code, stdout, stderr) = verify(&state, &[]);
    assert_eq!(code, Some(1), "{stdout}");
    assert!(
        stdout.contains("NOT INTACT") && stdout.contains("seal 1 is not that of its 1 acts"),
        "{stdout}"
    );
    assert!(
        stderr.contains("the audit record is not intact"),
        "{stderr}"
    );

    // Who has the database can make the seals anew, which only an earlier result shows.
    change(&state, "UPDATE audit SET seal = NULL");
    change(&state, "DELETE FROM audit_seals");
    let vault = serve(&state, &[]);
    wait_for_seals(&state);
    vault.stop();
    assert_eq!(verify(&state, &[]).0, Some(0));
    let (code, stdout, _) = verify(&state, &since);
    assert_eq!(code, Some(1));
    assert!(
        stdout.contains("seal 1 is not the one of the earlier result"),
        "{stdout}"
    );
    change(&state, "DELETE FROM audit");
    change(&state, "DELETE FROM audit_seals");
    assert_eq!(
        verify(&state, &[]).1.trim(),
        format!("{} has no act", state.database())
    );
    let (code, stdout, _) = verify(&state, &since);
    assert_eq!(code, Some(1));
    assert!(
        stdout.contains("the record of the earlier result was removed"),
        "{stdout}"
    );
}

#[test]
fn a_database_that_cannot_be_verified_is_an_error() {
    let state = State::new();
    let missing = format!(
        "sqlite:{}",
        state.folder.path().join("missing.db").display()
    );
    let (code, _, stderr) = run(&["audit", "verify", "--database", &missing]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("does not exist"), "{stderr}");
    let file = state.folder.path().join("earlier.json");
    fs::write(&file, "{}").unwrap();
    let (code, _, stderr) = verify(&state, &["--earlier", file.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("is not an earlier result"), "{stderr}");
    change(&state, "DELETE FROM migrations WHERE number = 7");
    let (code, _, stderr) = verify(&state, &[]);
    assert_eq!(code, Some(1));
    assert!(
        stderr.contains("has no seals of the audit record yet"),
        "{stderr}"
    );
}
