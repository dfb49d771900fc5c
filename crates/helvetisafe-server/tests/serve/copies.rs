//! `copy` between databases.

use std::fs;

use rusqlite::Connection;
use serde_json::Value;

use crate::contents::{TABLES, client, fill_all_tables, rows, token_client, values};
use crate::process::{Serve, command, run};
use crate::state::State;

fn copy(from: &str, to: &str) -> Value {
    let (code, stdout, stderr) = run(&["copy", "--from", from, "--to", to, "--json"]);
    assert_eq!((code, &*stderr), (Some(0), ""));
    serde_json::from_str(&stdout).unwrap()
}

#[track_caller]
fn refused(from: &str, to: &str, part: &str) {
    let (code, stdout, stderr) = run(&["copy", "--from", from, "--to", to]);
    assert_eq!((code, &*stdout), (Some(1), ""), "{stderr}");
    assert!(stderr.contains(part), "{part}\n{stderr}");
}

/// Returns a vault with secrets in more than one page, and a file name beside it.
fn filled() -> (State, String) {
    let state = State::new();
    fill_all_tables(&state.path());
    let connection = Connection::open(state.path()).unwrap();
    connection
        .execute_batch(
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 300)
             INSERT INTO secrets SELECT id, 1 + n % 2, 'key_' || (n / 2), random(), random(), NULL, n, n,
                 CASE n % 5 WHEN 0 THEN n END, 'nonce', 'value ' || n FROM organizations, numbers;
             UPDATE tokens SET created_at = 0, name = 'ü'",
        )
        .unwrap();
    let other = state.folder.path().join("copy.db");
    let other = format!("sqlite:{}", other.display());
    (state, other)
}

#[test]
fn a_copy_has_every_row_in_each_direction() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let second = helvetisafe_test_postgres::Database::create(server.url());
    let (state, file) = filled();
    let [one, two] = [server.url(), second.url()];
    let to = copy(&state.database(), &one);
    let between = copy(&one, &two);
    let back = copy(&two, &file);
    for table in TABLES {
        let of = |copied: &Value| {
            let tables = copied["tables"].as_array().unwrap().iter();
            let mut tables = tables.filter(|it| it["name"] == table);
            tables.next().unwrap().clone()
        };
        assert!(of(&to)["rows"].as_u64().unwrap() > 0, "{table}");
        assert_eq!(of(&to), of(&between));
        assert_eq!(of(&to), of(&back));
    }
    let copied = state.folder.path().join("copy.db");
    assert_eq!(rows(&copied), rows(&state.path()));
    assert!(
        to["to"]
            .as_str()
            .unwrap()
            .starts_with("postgres://127.0.0.1:")
    );
}

#[test]
fn a_file_is_copied_to_a_file() {
    let (state, file) = filled();
    copy(&state.database(), &file);
    let copied = state.folder.path().join("copy.db");
    assert_eq!(rows(&copied), rows(&state.path()));
    refused(
        &state.database(),
        &file,
        "exists already; choose another path",
    );
}

/// Only the address of the vault changes.
#[test]
fn clients_use_the_copy_with_their_credentials() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let (state, url) = (State::new(), server.url());
    let serve = Serve::start(&state, &[]);
    let before = client(&serve.base_url, &state.account);
    for n in 0..10 {
        let value = format!("value {n}");
        before
            .secrets()
            .create(format!("key_{n}"), value, None)
            .unwrap();
    }
    let expected = values(&before);
    let read = before.secrets().get("key_1").unwrap();
    refused(&state.database(), &url, "another process uses it");
    serve.stop();
    copy(&state.database(), &url);

    let arguments = [
        "serve",
        "--database",
        &url,
        "--listen",
        "127.0.0.1:0",
        "--no-migrate",
    ];
    let serve = Serve::spawn(command(&arguments));
    for client in [
        client(&serve.base_url, &state.account),
        token_client(&serve.base_url, &state.account, &state.token),
    ] {
        assert_eq!(values(&client), expected);
    }
    let after = client(&serve.base_url, &state.account);
    // The version that was read before the copy.
    let version = read.version().unwrap();
    after
        .secrets()
        .update_if_unchanged("key_1", Some(version), "new", None)
        .unwrap();
    after.secrets().create("another", "1", None).unwrap();
    after.secrets().delete("key_2").unwrap();
    assert_eq!(after.secrets().list().unwrap().len(), 10);
    serve.stop();
}

#[test]
fn only_an_empty_target_is_filled_and_only_from_a_vault() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let (state, file) = filled();
    let url = server.url();
    // The tables may exist.
    run(&["migrate", "--database", &url]);
    copy(&state.database(), &url);
    refused(
        &state.database(),
        &url,
        "is not empty: organizations has 1 row;",
    );
    refused(&url, &url, "is not empty");
    let absent = format!("{file}.absent");
    refused(&absent, &file, "does not exist");
    let connection = Connection::open(state.path()).unwrap();
    connection
        .execute_batch("INSERT INTO migrations (number, ran_at, needs) VALUES (99, 0, 1)")
        .unwrap();
    // Even if this version can serve it: its additions would be lost.
    refused(
        &state.database(),
        &file,
        "has the tables of a newer version",
    );
    connection
        .execute_batch("DELETE FROM migrations WHERE number > 3")
        .unwrap();
    refused(&state.database(), &file, "; run helvetisafe-server migrate");
    let path = state.folder.path().join("copy.db");
    assert!(!path.exists() && !path.with_added_extension("partial").exists());
    server.run("INSERT INTO migrations (number, ran_at, needs) VALUES (99, 0, 99)");
    refused(&url, &file, "has the tables of a newer version");
}

/// Their accounts would be in one database.
#[test]
fn of_several_copies_at_once_one_is_made() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let url = server.url();
    let states = [(); 4].map(|()| filled().0);
    let children = states.each_ref().map(|state| {
        let arguments = ["copy", "--from", &state.database(), "--to", &url];
        command(&arguments).spawn().unwrap()
    });
    let outputs = children.map(|child| child.wait_with_output().unwrap());
    let (copied, refused): (Vec<_>, Vec<_>) =
        outputs.iter().partition(|output| output.status.success());
    assert_eq!(copied.len(), 1, "{outputs:?}");
    for output in refused {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let is_clear = stderr.contains("is not empty") || stderr.contains("another process writes");
        assert!(is_clear, "{stderr}");
    }
    server.run("SELECT 1 / (CASE WHEN count(*) = 1 THEN 1 ELSE 0 END) FROM organizations");
}

#[test]
fn a_copy_without_rights_names_them() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let (state, file) = filled();
    let url = server.url();
    copy(&state.database(), &url);
    let name = url.split('?').next().unwrap().rsplit('/').next().unwrap();
    let role = format!("{name}_none");
    server.run(&format!("CREATE ROLE {role} LOGIN PASSWORD 'hunter2'"));
    let password = state.folder.path().join("password");
    crate::certificates::write_key(&password, "hunter2");
    let (_, rest) = url.split_once('@').unwrap();
    let host = rest.split('/').next().unwrap();
    let as_role = format!(
        "postgres://{role}@{host}/{name}?password_file={}",
        password.display()
    );
    let remedy = "permission denied for table migrations (42501); to read and write, the role needs rights on every table, \
                  which their owner grants with GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO";
    refused(&as_role, &file, remedy);
    refused(&state.database(), &as_role, remedy);
    server.run(&format!("DROP ROLE {role}"));
}

/// A copy that fails leaves no row.
#[test]
fn a_copy_that_fails_leaves_an_empty_target() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let (state, file) = filled();
    let url = server.url();
    // PostgreSQL has no NUL in texts.
    let connection = Connection::open(state.path()).unwrap();
    let spoil = "UPDATE audit SET detail = 'a' || char(0)";
    connection.execute_batch(spoil).unwrap();
    refused(&state.database(), &url, "invalid byte sequence");
    connection
        .execute_batch("UPDATE audit SET detail = NULL")
        .unwrap();
    copy(&state.database(), &url);
    fs::write(state.folder.path().join("copy.db-wal"), "log").unwrap();
    refused(&url, &file, "has a log beside it");
}
