//! The state of an earlier version, which has to open.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use helvetisafe_server::DevVault;
use serde_json::Value;

use crate::support::send;

const SQL: &str = include_str!("../data/state-0.1/vault.sql");
const CREDENTIALS: &str = include_str!("../data/state-0.1/credentials.json");
const PRIVATE_KEY: &str = include_str!("../data/private-key.pem");
const ANSWERS: &str = include_str!("../data/state-0.1/answers.json");

fn write_private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn state() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    fs::DirBuilder::new().mode(0o700).create(&state).unwrap();
    write_private(&state.join("private-key.pem"), PRIVATE_KEY);
    write_private(&state.join("credentials.json"), CREDENTIALS);
    let database = state.join("vault.db");
    fs::OpenOptions::new()
        .create_new(true)
        .append(true)
        .mode(0o600)
        .open(&database)
        .unwrap();
    let connection = rusqlite::Connection::open(database).unwrap();
    connection.execute_batch(SQL).unwrap();
    folder
}

/// Twice, since the first start changes the tables.
#[test]
fn the_state_of_version_0_1_opens_and_keeps_its_secrets_and_credentials() {
    let folder = state();
    let expected: Value = serde_json::from_str(ANSWERS).unwrap();
    for _ in 0..2 {
        let listen = "127.0.0.1:0".parse().unwrap();
        let vault = DevVault::start(listen, Some(&folder.path().join("state"))).unwrap();
        let credentials: Value = serde_json::from_str(CREDENTIALS).unwrap();
        let token = format!("Bearer {}", credentials["api_token"].as_str().unwrap());
        let headers = [("authorization", token.as_str())];
        for (name, path) in [
            ("first", "/api/v1/secrets/first"),
            ("second", "/api/v1/secrets/second"),
            ("list", "/api/v1/secrets"),
            ("org_key", "/api/v1/credentials/org-key"),
            ("private_key", "/api/v1/credentials/private-key"),
        ] {
            let answer = send(vault.vault().base_url(), "GET", path, &headers, None);
            let mut expected = expected[name].clone();
            if ["first", "second", "org_key"].contains(&name) {
                expected["key_epoch"] = 1.into();
            }
            assert_eq!(answer.success(200), expected, "{name}");
        }
        vault.stop().unwrap();
    }
}

/// SQLite checks foreign keys, but not those of a table that was made again.
#[test]
fn a_migrated_database_has_no_dangling_rows() {
    let folder = state();
    let state = folder.path().join("state");
    let vault = DevVault::start("127.0.0.1:0".parse().unwrap(), Some(&state)).unwrap();
    vault.stop().unwrap();
    let connection = rusqlite::Connection::open(state.join("vault.db")).unwrap();
    let dangling: i64 = connection
        .query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(dangling, 0);
    let integrity: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(integrity, "ok");
}
