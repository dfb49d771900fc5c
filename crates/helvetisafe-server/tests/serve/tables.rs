//! Databases that lack tables or rights of a vault, or have the tables of another program.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use helvetisafe_test_postgres::{Database, Server};
use rusqlite::Connection;
use serde_json::Value;

use crate::check::one;
use crate::drain::get;
use crate::postgres::{check, has, host, name};
use crate::process::{LATE, Serve, run};
use crate::state::State;

/// The tables that a node reads and writes, of which SQLite lacks the last one.
const USED: [&str; 14] = [
    "account_keys",
    "accounts",
    "audit",
    "audit_seals",
    "bootstraps",
    "chain_entries",
    "invitations",
    "list_versions",
    "organizations",
    "private_keys",
    "rotations",
    "secrets",
    "tokens",
    "writes",
];

/// One right on each of them that a node needs.
const RIGHTS: [&str; 14] = [
    "DELETE", "UPDATE", "UPDATE", "INSERT", "DELETE", "INSERT", "UPDATE", "UPDATE", "SELECT",
    "DELETE", "UPDATE", "DELETE", "INSERT", "INSERT",
];

/// Returns a server where roles may be made, and a database in it.
fn server() -> Option<(Server, Database)> {
    let server = Server::start(&[])?;
    let database = Database::create(server.url());
    Some((server, database))
}

/// Expects each command that makes or changes tables to refuse a database.
#[track_caller]
fn is_refused(database: &str, parts: &[&str]) {
    let listen = ["--listen", "127.0.0.1:0"];
    for command in ["serve", "migrate", "init", "dev"] {
        let mut arguments = vec![command, "--database", database];
        if ["serve", "dev"].contains(&command) {
            arguments.extend(listen);
        }
        let (code, stdout, stderr) = run(&arguments);
        assert_eq!((code, &*stdout), (Some(1), ""), "{command}: {stderr}");
        let last = stderr.lines().last().unwrap();
        for part in parts {
            assert!(last.contains(part), "{command}: {part}\n{stderr}");
        }
    }
}

#[test]
fn each_right_that_a_node_lacks_is_a_fault() {
    let Some((_server, database)) = server() else {
        return;
    };
    let (state, url) = (State::new(), database.url());
    assert_eq!(run(&["migrate", "--database", &url]).0, Some(0));
    let node = format!("{}_node", name(&url));
    let all = "ON ALL TABLES IN SCHEMA public";
    database.run(&format!(
        "CREATE ROLE {node} LOGIN PASSWORD 'secret'; GRANT USAGE ON SCHEMA public TO {node}; \
         GRANT SELECT, INSERT, UPDATE, DELETE {all} TO {node}; \
         REVOKE ALL ON leases FROM {node}; REVOKE INSERT, UPDATE, DELETE ON migrations FROM {node}"
    ));
    // No call needs them, and a role without them cannot change what was recorded.
    database.run(&format!(
        "REVOKE DELETE ON audit, audit_seals FROM {node}; REVOKE UPDATE, DELETE ON chain_entries FROM {node}"
    ));
    let url = url_of(&node, &state, &url);
    let (code, checks) = check(&url, &["--no-migrate"]);
    assert_eq!(code, Some(0), "{checks:#?}");
    Serve::start(&state, &["--database", &url, "--no-migrate"]).stop();
    for (table, right) in USED.into_iter().zip(RIGHTS) {
        database.run(&format!("REVOKE {right} ON {table} FROM {node}"));
        let (code, checks) = check(&url, &["--no-migrate"]);
        assert_eq!(code, Some(1), "{table} {right}: {checks:#?}");
        let problem = format!("the user lacks rights: {right} on {table};");
        has(&checks, "database fault", &[&problem, "GRANT these rights"]);
        database.run(&format!("GRANT {right} ON {table} TO {node}"));
    }
    database.run(&format!("REVOKE SELECT ON migrations FROM {node}"));
    let (code, checks) = check(&url, &["--no-migrate"]);
    assert_eq!(code, Some(1), "{checks:#?}");
    has(&checks, "database fault", &["migrations", "GRANT SELECT"]);
    database.run(&format!("DROP OWNED BY {node}; DROP ROLE {node}"));
}

/// Returns the URL of a database for another role, whose password is `secret`.
fn url_of(role: &str, state: &State, url: &str) -> String {
    let file = state.folder.path().join("password");
    fs::write(&file, "secret").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let (host, name, file) = (host(url), name(url), file.display());
    format!("postgres://{role}@{host}/{name}?password_file={file}")
}

/// Waits until `/ready` has this status, since its result is reused for a second.
fn ready(serve: &Serve, expected: u16) -> Value {
    let start = Instant::now();
    loop {
        let (status, body) = get(serve.address, "/ready");
        if status == expected {
            return body;
        }
        assert!(start.elapsed() < LATE, "{body}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// All nodes of a role lose it at once. Where a node cannot do what requests need, it is better found before it serves.
#[test]
fn a_node_that_loses_a_right_or_a_table_is_not_ready() {
    let Some((_server, database)) = server() else {
        return;
    };
    let (state, url) = (State::new(), database.url());
    assert_eq!(run(&["migrate", "--database", &url]).0, Some(0));
    let node = format!("{}_node", name(&url));
    database.run(&format!(
        "CREATE ROLE {node} LOGIN PASSWORD 'secret'; GRANT USAGE ON SCHEMA public TO {node}; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {node}"
    ));
    let url = url_of(&node, &state, &url);
    let mut serve = Serve::start(&state, &["--database", &url, "--no-migrate"]);
    ready(&serve, 200);
    for (change, undo, reason) in [
        (
            "REVOKE INSERT ON writes FROM",
            "GRANT INSERT ON writes TO",
            "not ready: the role of the database lacks rights: INSERT on writes; GRANT them",
        ),
        (
            "REVOKE SELECT, UPDATE ON secrets FROM",
            "GRANT SELECT, UPDATE ON secrets TO",
            "lacks rights: SELECT, UPDATE on secrets;",
        ),
        (
            "ALTER TABLE tokens RENAME TO gone --",
            "ALTER TABLE gone RENAME TO tokens --",
            "not ready: the database lacks tables, or its role may not use their schema: tokens;",
        ),
    ] {
        database.run(&format!("{change} {node}"));
        let body = ready(&serve, 503);
        let code = &body["reasons"][0]["code"];
        assert_eq!(code, "tables", "{change}: {body}");
        // It needs no credential, so it names no table.
        let text = body.to_string();
        assert!(
            !["writes", "secrets", "tokens"]
                .iter()
                .any(|it| text.contains(it)),
            "{text}"
        );
        serve.line(reason);
        thread::sleep(Duration::from_millis(1500));
        ready(&serve, 503);
        database.run(&format!("{undo} {node}"));
        ready(&serve, 200);
        serve.line("ready again");
    }
    // No call needs it.
    database.run(&format!("REVOKE DELETE ON audit FROM {node}"));
    thread::sleep(Duration::from_millis(1500));
    ready(&serve, 200);
    let lines = serve.stop();
    let logged = lines.iter().filter(|it| it.contains("not ready")).count();
    assert_eq!(logged, 3, "each reason once: {lines:#?}");
    database.run(&format!("DROP OWNED BY {node}; DROP ROLE {node}"));
}

#[test]
fn a_missing_table_of_postgresql_is_a_fault() {
    let Some((_server, database)) = server() else {
        return;
    };
    let url = database.url();
    assert_eq!(run(&["migrate", "--database", &url]).0, Some(0));
    for table in USED {
        database.run(&format!("ALTER TABLE {table} RENAME TO gone"));
        let (code, checks) = check(&url, &[]);
        assert_eq!(code, Some(1), "{table}: {checks:#?}");
        let problem = format!("lacks tables that its migrations have made: {table};");
        has(&checks, "database fault", &[&problem, "restore a backup"]);
        if ["writes", "audit"].contains(&table) {
            is_refused(&url, &["lacks tables", table, "restore a backup"]);
        }
        database.run(&format!("ALTER TABLE gone RENAME TO {table}"));
    }
    lacks_leases_and_columns(&url, |script| database.run(script));
    // The last migrations make only some of the tables.
    database.run("DELETE FROM migrations WHERE number > 4; DROP TABLE audit_seals");
    let (code, checks) = check(&url, &[]);
    assert_eq!(code, Some(0), "{checks:#?}");
    database.run("DROP TABLE chain_entries");
    let (code, checks) = check(&url, &[]);
    assert_eq!(code, Some(1), "{checks:#?}");
    has(&checks, "database fault", &["made: chain_entries;"]);
}

#[test]
fn a_missing_table_of_sqlite_is_a_fault() {
    let state = State::new();
    let database = state.database();
    let connection = Connection::open(state.path()).unwrap();
    let rename = |from: &str, to: &str| {
        let rename = format!("ALTER TABLE {from} RENAME TO {to}");
        connection.execute_batch(&rename).unwrap();
    };
    let arguments = ["--database", &database, "--listen", "127.0.0.1:0"];
    for table in &USED[..13] {
        rename(table, "gone");
        let problem = format!("lacks tables that its migrations have made: {table} ");
        one(
            &arguments,
            "database",
            "fault",
            [&problem, "restore a backup"],
        );
        if *table == "audit" {
            is_refused(&database, &["lacks tables", table, "restore a backup"]);
        }
        rename("gone", table);
    }
    lacks_leases_and_columns(&database, |script| {
        connection.execute_batch(script).unwrap();
    });
    one(&arguments, "database", "ok", ["of this version", ""]);
}

/// Only migrations and copies use `leases`. No table of the vault may lack a column.
#[track_caller]
fn lacks_leases_and_columns(database: &str, run: impl Fn(&str)) {
    for (from, to, problem) in [
        (
            "TABLE leases RENAME TO gone",
            "TABLE gone RENAME TO leases",
            "tables that its migrations have made: leases",
        ),
        (
            "TABLE secrets RENAME COLUMN value TO gone",
            "TABLE secrets RENAME COLUMN gone TO value",
            "columns that its migrations have made: secrets.value",
        ),
        (
            "TABLE list_versions RENAME COLUMN n TO gone",
            "TABLE list_versions RENAME COLUMN gone TO n",
            "columns that its migrations have made: list_versions.n",
        ),
    ] {
        run(&format!("ALTER {from}"));
        let arguments = ["--database", database, "--listen", "127.0.0.1:0"];
        one(
            &arguments,
            "database",
            "fault",
            [problem, "restore a backup"],
        );
        is_refused(database, &[problem, "restore a backup"]);
        run(&format!("ALTER {to}"));
    }
}

/// Returns a file with these tables.
fn file(folder: &Path, script: &str) -> String {
    let path = folder.join("other.db");
    let _ = fs::remove_file(&path);
    Connection::open(&path)
        .unwrap()
        .execute_batch(script)
        .unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    format!("sqlite:{}", path.display())
}

/// Tables of other programs, with the one that is named. Laravel and `sqlx` have tables of migrations, too.
const FOREIGN: [(&str, &str); 5] = [
    ("CREATE TABLE secrets (id INTEGER)", "secrets"),
    ("CREATE TABLE leases (id INTEGER)", "leases"),
    (
        "CREATE TABLE migrations (id INTEGER, batch INTEGER)",
        "migrations",
    ),
    (
        "CREATE TABLE migrations (number BIGINT); CREATE TABLE accounts (id INTEGER)",
        "accounts",
    ),
    ("CREATE VIEW tokens AS SELECT 1 AS id", "tokens"),
];

const REMEDY: &str = "name an empty database, or a file that does not exist yet";

#[test]
fn a_file_of_another_program_is_refused_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let others = [
        ("CREATE TABLE notes (id INTEGER)", "notes"),
        (
            "CREATE TABLE _sqlx_migrations (version INTEGER, success BOOLEAN); \
             INSERT INTO _sqlx_migrations VALUES (1, true); CREATE TABLE secrets (id INTEGER)",
            "_sqlx_migrations",
        ),
    ];
    for (script, name) in FOREIGN.into_iter().chain(others) {
        let database = file(folder.path(), script);
        let path = folder.path().join("other.db");
        let before = fs::read(&path).unwrap();
        let problem = format!("has tables that are not a vault's, such as {name}");
        let arguments = ["--database", &database, "--listen", "127.0.0.1:0"];
        one(&arguments, "database", "fault", [&problem, REMEDY]);
        is_refused(&database, &[&problem, REMEDY]);
        assert_eq!(fs::read(&path).unwrap(), before, "{script}");
    }
    // An empty file is one that a vault may fill, and a table beside the vault's stays.
    let database = file(folder.path(), "CREATE TABLE a (b INTEGER); DROP TABLE a");
    assert_eq!(run(&["migrate", "--database", &database]).0, Some(0));
    let path = folder.path().join("other.db");
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch("CREATE TABLE notes (id INTEGER)")
        .unwrap();
    drop(connection);
    let arguments = ["--database", &database, "--listen", "127.0.0.1:0"];
    let warning = ["of another program, such as notes", "of its own"];
    one(&arguments, "database", "warning", warning);
}

#[test]
fn a_database_of_another_program_on_postgresql_is_refused() {
    let Some((server, database)) = server() else {
        return;
    };
    let url = database.url();
    database.run("CREATE TABLE notes (id INTEGER)");
    let (code, checks) = check(&url, &[]);
    assert_eq!(code, Some(0), "{checks:#?}");
    has(&checks, "database ok", &["has no tables yet"]);
    let warning = ["of another program, such as notes", "of its own"];
    has(&checks, "database warning", &warning);
    Serve::start(&State::new(), &["--database", &url]).stop();
    let (code, checks) = check(&url, &[]);
    assert_eq!(code, Some(0), "{checks:#?}");
    has(&checks, "database warning", &warning);

    for (script, name) in FOREIGN {
        let database = Database::create(server.url());
        let url = database.url();
        database.run(script);
        let problem = format!("has tables that are not a vault's, such as {name}");
        let (code, checks) = check(&url, &[]);
        assert_eq!(code, Some(1), "{script}: {checks:#?}");
        has(&checks, "database fault", &[&problem, REMEDY]);
        is_refused(&url, &[&problem, REMEDY]);
        // Nothing was made.
        database.run("CREATE TABLE organizations (id INTEGER)");
    }
    // Its tables are another role's, on which rights are not asked for.
    let database = Database::create(server.url());
    let (url, state) = (database.url(), State::new());
    let node = format!("{}_node", name(&url));
    database.run(&format!(
        "CREATE TABLE accounts (id INTEGER); CREATE ROLE {node} LOGIN PASSWORD 'secret'; \
         GRANT USAGE, CREATE ON SCHEMA public TO {node}"
    ));
    let url = url_of(&node, &state, &url);
    for arguments in [&[][..], &["--no-migrate"]] {
        let (code, checks) = check(&url, arguments);
        assert_eq!(code, Some(1), "{checks:#?}");
        let problem = "has tables that are not a vault's, such as accounts";
        has(&checks, "database fault", &[problem, REMEDY]);
        assert!(!checks.iter().any(|it| it.contains("GRANT")), "{checks:#?}");
    }
    database.run(&format!("DROP OWNED BY {node}; DROP ROLE {node}"));
    // The tables of another schema do not matter.
    let database = Database::create(server.url());
    database.run("CREATE SCHEMA other; CREATE TABLE other.secrets (id INTEGER)");
    let (code, checks) = check(&database.url(), &[]);
    assert_eq!(code, Some(0), "{checks:#?}");
    assert!(
        !checks.iter().any(|it| it.contains("another program")),
        "{checks:#?}"
    );
}
