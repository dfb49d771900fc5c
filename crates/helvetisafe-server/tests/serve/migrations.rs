//! `migrate`, and `serve` with migrations that it must not apply or does not know.

use std::fs;
use std::path::Path;
use std::process::Command;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::drain::get;
use crate::process::{Serve, command, run};
use crate::state::State;

fn json(arguments: &[&str]) -> Value {
    let (code, stdout, stderr) = run(arguments);
    assert_eq!((code, &*stderr), (Some(0), ""), "{arguments:?}");
    serde_json::from_str(&stdout).unwrap()
}

/// Makes the database of version 0.1, which has pending migrations.
fn old_database(folder: &Path) -> String {
    let path = folder.join("old.db");
    let connection = Connection::open(&path).unwrap();
    let sql = include_str!("../data/state-0.1/vault.sql");
    connection.execute_batch(sql).unwrap();
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    format!("sqlite:{}", path.display())
}

#[test]
fn a_new_database_gets_its_tables_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.db");
    let database = format!("sqlite:{}", path.display());
    let arguments = ["migrate", "--database", &database, "--json"];
    let pending = json(&["migrate", "--database", &database, "--json", "--dry-run"]);
    assert_eq!((&pending["from"], &pending["to"]), (&json!(0), &json!(0)));
    assert!(fs::read_dir(folder.path()).unwrap().next().is_none());
    let migrated = json(&arguments);
    assert_eq!(migrated["applied"], pending["pending"]);
    assert_eq!(migrated["pending"], json!([]));
    let count = pending["pending"].as_array().unwrap().len();
    assert_eq!(
        (&migrated["from"], &migrated["to"]),
        (&json!(0), &json!(count))
    );
    let before = fs::read(&path).unwrap();
    let again = json(&arguments);
    assert_eq!(
        (&again["applied"], &again["from"]),
        (&json!([]), &json!(count))
    );
    let (_, stdout, _) = run(&arguments[..3]);
    assert!(stdout.contains("nothing to migrate"), "{stdout}");
    assert_eq!(fs::read(&path).unwrap(), before);
    let serve = [
        "serve",
        "--no-migrate",
        "--database",
        &database,
        "--listen",
        "127.0.0.1:0",
    ];
    Serve::spawn(command(&serve)).stop();
}

/// The error names the command that runs the migrations.
#[test]
fn a_vault_that_must_not_migrate_names_the_command_which_does() {
    let folder = tempfile::tempdir().unwrap();
    let database = old_database(folder.path());
    let serve = [
        "serve",
        "--database",
        &database,
        "--listen",
        "127.0.0.1:0",
        "--no-migrate",
    ];
    let (code, _, stderr) = run(&serve);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("has pending migrations ("), "{stderr}");
    let (_, remedy) = stderr.trim_end().split_once("; run ").unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_helvetisafe-server"));
    let output = Command::new("/bin/sh")
        .args(["-c", remedy])
        .env("PATH", program.parent().unwrap())
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{remedy}");
    assert!(
        stdout.contains("migrated from 3 to ") && stdout.contains(":\n  0004_"),
        "{stdout}"
    );
    Serve::spawn(command(&serve)).stop();
}

#[test]
fn the_database_of_a_configuration_is_migrated() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("server.toml");
    let database = old_database(folder.path());
    fs::write(&file, format!("database = \"{database}\"\nlisten = \"x\"")).unwrap();
    let (code, stdout, _) = run(&["migrate", "--config", file.to_str().unwrap()]);
    assert_eq!(code, Some(0));
    assert!(stdout.contains("migrated from 3 to "), "{stdout}");
    for arguments in [
        &["migrate"][..],
        &["migrate", "--database", "postgre://a:canary@b/c"],
    ] {
        let (code, _, stderr) = run(arguments);
        assert_eq!(code, Some(2), "{stderr}");
        assert!(stderr.contains("--database: ") && !stderr.contains("canary"));
    }
}

#[test]
fn a_database_in_use_is_not_migrated() {
    let state = State::new();
    let serve = Serve::start(&state, &[]);
    let connection = Connection::open(state.path()).unwrap();
    let behind = "DELETE FROM migrations WHERE number = (SELECT max(number) FROM migrations)";
    connection.execute_batch(behind).unwrap();
    let database = state.database();
    let (code, _, stderr) = run(&["migrate", "--database", &database]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("another process uses it"), "{stderr}");
    let pending = json(&["migrate", "--database", &database, "--dry-run", "--json"]);
    assert_eq!(pending["pending"].as_array().unwrap().len(), 1);
    drop(serve);
}

#[test]
fn serve_logs_the_migrations_that_it_runs_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = helvetisafe_test_postgres::database();
    let databases = [
        (old_database(folder.path()), 3),
        (
            format!("sqlite:{}", folder.path().join("new.db").display()),
            0,
        ),
    ];
    let shared = server.as_ref().map(|server| (server.url(), 0));
    for (database, from) in databases.into_iter().chain(shared) {
        let arguments = ["serve", "--database", &database, "--listen", "127.0.0.1:0"];
        let lines = Serve::spawn(command(&arguments)).stop();
        let part = format!(": migrated from {from} to ");
        let line = lines.iter().find(|line| line.contains(&part));
        assert!(line.is_some_and(|it| it.contains("_hold, ")), "{lines:#?}");
        let lines = Serve::spawn(command(&arguments)).stop();
        assert!(!lines.join("\n").contains("migrated"), "{lines:#?}");
    }
}

/// As `check` advises.
#[test]
fn a_server_that_is_not_reached_is_an_error_with_a_remedy() {
    for command in ["migrate", "init"] {
        for host in ["127.0.0.1:1", "vault.invalid"] {
            let url = format!("postgres://vault@{host}/vault?sslmode=disable");
            let (code, _, stderr) = run(&[command, "--database", &url]);
            assert_eq!(code, Some(1), "{stderr}");
            let has_host = stderr.contains(&format!("the database cannot be reached: {host}"));
            assert!(has_host, "{command}: {stderr}");
            let remedy = "; check the host and the port, that PostgreSQL listens there";
            assert!(stderr.contains(remedy), "{command}: {stderr}");
        }
    }
}

/// Runs a command several times at once. Returns the status, standard output and standard error of each.
fn at_once(arguments: &[&str]) -> Vec<(Option<i32>, String, String)> {
    let children: Vec<_> = (0..8)
        .map(|_| command(arguments).spawn().unwrap())
        .collect();
    let outputs = children
        .into_iter()
        .map(|child| child.wait_with_output().unwrap());
    outputs
        .map(|output| {
            let text = |bytes| String::from_utf8(bytes).unwrap();
            let (stdout, stderr) = (text(output.stdout), text(output.stderr));
            (output.status.code(), stdout, stderr)
        })
        .collect()
}

#[test]
fn eight_processes_at_once_migrate_an_empty_postgresql_once() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let url = server.url();
    let ended = at_once(&["migrate", "--database", &url]);
    let is_ok = |(code, ..): &(Option<i32>, String, String)| *code == Some(0);
    assert!(ended.iter().all(is_ok), "{ended:?}");
    let count = |part: &str| {
        let with_part = ended.iter().filter(|(_, stdout, _)| stdout.contains(part));
        with_part.count()
    };
    assert_eq!(count(": migrated from 0 to "), 1, "{ended:?}");
    assert_eq!(count(": nothing "), 7, "{ended:?}");
    let after = json(&["migrate", "--database", &url, "--json"]);
    assert_eq!(
        (&after["applied"], &after["pending"]),
        (&json!([]), &json!([]))
    );
    server.run("INSERT INTO organizations VALUES (1, 1, 1)");
}

/// A node's role may not make tables.
#[test]
fn a_role_that_does_not_own_the_tables_is_refused() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let url = server.url();
    // The new role has the name of its only database.
    let name = url.split('?').next().unwrap().rsplit('/').next().unwrap();
    let (_, file) = url.split_once("password_file=").unwrap();
    let password = fs::read_to_string(file.replace("%2F", "/")).unwrap();
    server.run(&format!(
        "CREATE ROLE {name} LOGIN PASSWORD '{}'",
        password.trim_end()
    ));
    let (_, rest) = url.split_once('@').unwrap();
    let node = format!("postgres://{name}@{rest}");
    let (code, _, stderr) = run(&["migrate", "--database", &node]);
    server.run(&format!("DROP ROLE {name}"));
    assert_eq!(code, Some(1));
    let expected =
        "permission denied for schema public (42501); log in as the role that owns the tables\n";
    assert!(stderr.ends_with(expected), "{stderr}");
}

/// One of them has the lock, and the others are refused, unless it has finished.
#[test]
fn eight_processes_at_once_migrate_a_sqlite_file_once() {
    let folder = tempfile::tempdir().unwrap();
    for database in [
        old_database(folder.path()),
        format!("sqlite:{}", folder.path().join("new.db").display()),
    ] {
        let ended = at_once(&["migrate", "--database", &database]);
        let migrated = |(_, stdout, _): &&(_, String, _)| stdout.contains(": migrated from ");
        assert_eq!(ended.iter().filter(migrated).count(), 1, "{ended:?}");
        for (code, _, stderr) in ended {
            let is_locked = stderr.contains("another process uses it");
            assert!(code == Some(0) || is_locked, "{stderr}");
        }
        let after = json(&["migrate", "--database", &database, "--json"]);
        assert_eq!(after["applied"], json!([]));
    }
}

/// Writes a secret and reads it.
fn use_vault(serve: &Serve, state: &State) {
    let client = crate::contents::client(&serve.base_url, &state.account);
    client.secrets().put("a", "1", None).unwrap();
    assert_eq!(client.secrets().get("a").unwrap().expose_secret(), "1");
    assert_eq!(client.secrets().list().unwrap().len(), 1);
}

/// A vault of this version beside one of the next, whose migration has added to the tables.
#[test]
fn tables_of_the_next_version_are_served_if_they_say_so() {
    let state = State::new();
    let change = |script: &str| {
        let connection = Connection::open(state.path()).unwrap();
        connection.execute_batch(script).unwrap();
    };
    change(
        "ALTER TABLE secrets ADD COLUMN later TEXT; CREATE TABLE later (id INTEGER PRIMARY KEY) STRICT; \
         INSERT INTO migrations (number, ran_at, needs) SELECT max(number) + 1, 0, max(number) \
         FROM migrations",
    );
    let database = state.database();
    let serve = Serve::start(&state, &["--no-migrate"]);
    assert_eq!(get(serve.address, "/ready").0, 200);
    use_vault(&serve, &state);
    change(
        "UPDATE migrations SET needs = number WHERE number = (SELECT max(number) FROM migrations)",
    );
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let (status, body) = get(serve.address, "/ready");
    assert_eq!(
        (status, &body["reasons"][0]["code"]),
        (503, &json!("schema"))
    );
    serve.stop();
    for arguments in [
        &["serve", "--listen", "127.0.0.1:0"][..],
        &["serve", "--listen", "127.0.0.1:0", "--no-migrate"],
        &["migrate"],
        &["dev", "--listen", "127.0.0.1:0"],
    ] {
        let mut arguments = arguments.to_vec();
        arguments.extend(["--database", &database]);
        let (code, _, stderr) = run(&arguments);
        assert_eq!(code, Some(1), "{arguments:?}");
        assert!(
            stderr.contains("has the tables of a newer version, which this one cannot serve; install that version"),
            "{stderr}"
        );
    }
}

#[test]
fn tables_of_the_next_version_are_served_on_postgresql_if_they_say_so() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let (state, url) = (State::new(), server.url());
    let (code, _, stderr) = run(&["copy", "--from", &state.database(), "--to", &url]);
    assert_eq!(code, Some(0), "{stderr}");
    server.run(
        "ALTER TABLE secrets ADD COLUMN later TEXT; CREATE TABLE later (id BIGINT PRIMARY KEY); \
         INSERT INTO migrations (number, ran_at, needs) SELECT max(number) + 1, 0, max(number) FROM migrations",
    );
    let arguments = ["serve", "--database", &url, "--listen", "127.0.0.1:0"];
    let serve = Serve::spawn(command(&arguments));
    assert_eq!(get(serve.address, "/ready").0, 200);
    use_vault(&serve, &state);
    server.run("UPDATE migrations SET needs = number WHERE needs < number");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert_eq!(get(serve.address, "/ready").0, 503);
    serve.stop();
    let (code, _, stderr) = run(&arguments);
    assert_eq!(code, Some(1));
    assert!(
        stderr.contains("has the tables of a newer version"),
        "{stderr}"
    );
}
