//! `serve` and `check` on PostgreSQL.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::drain::{connect, get};
use crate::metrics::scrape;
use crate::process::{Serve, run};
use crate::state::State;
use crate::tls::ask;

#[test]
fn a_node_without_a_standby_is_ready_and_warns() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let (state, url) = (State::new(), server.url());
    let options = ["--database", &url, "--metrics-listen", "127.0.0.1:0"];
    let mut serve = Serve::start(&state, &options);
    let metrics = serve.metrics_address();
    serve.line("no commit waits for a synchronous standby");
    let (status, body) = get(serve.address, "/ready");
    assert_eq!((status, &body["reasons"]), (200, &json!([])), "{body}");
    assert_eq!(body["warnings"][0]["code"], "standby", "{body}");
    assert_eq!(body["warnings"].as_array().unwrap().len(), 1, "{body}");
    let text = scrape(metrics);
    for line in [
        "helvetisafe_ready 1",
        "helvetisafe_database_synchronous_standby 0",
        "helvetisafe_database_clock_skew_seconds 0.0",
        "helvetisafe_database_connections_max 32",
        "helvetisafe_database_primaries 0",
        "helvetisafe_connections_max 512",
        "helvetisafe_disk_full_refusals_total 0",
        "helvetisafe_database_failovers_total 0",
        r#"helvetisafe_database_retries_total{sqlstate="40001"} 0"#,
        concat!(
            "helvetisafe_build_info{version=\"",
            env!("CARGO_PKG_VERSION"),
            "\"} 1"
        ),
    ] {
        assert!(text.lines().any(|it| it == line), "{line}\n{text}");
    }
    // Nodes of the next version may have migrated it.
    server.run("INSERT INTO migrations VALUES (9999, 0, 1)");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert_eq!(get(serve.address, "/ready").0, 200);
    server.run("DELETE FROM migrations");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let (status, body) = get(serve.address, "/ready");
    assert_eq!(
        (status, &body["reasons"][0]["code"]),
        (503, &json!("schema"))
    );
    serve.line("not ready: the tables of the database are not those that this version serves");
    serve.stop();
}

/// While the database does not answer, the state of its standby is unknown.
#[test]
fn the_begin_and_the_end_of_a_warning_are_logged_once() {
    let Some(mut server) = helvetisafe_test_postgres::Server::start(&[]) else {
        return;
    };
    let (state, url) = (State::new(), server.url());
    let mut serve = Serve::start(&state, &["--database", &url]);
    let (begin, end) = (
        "WARNING: no commit waits for a synchronous standby",
        "helvetisafe-server: commits wait for a synchronous standby again",
    );
    serve.line(begin);
    let (stuck, other_end) = (
        "WARNING: no synchronous standby confirms commits",
        "commits no longer wait for a standby that does not confirm them",
    );
    for (standby, line) in [("absent", stuck), ("", other_end)] {
        server.execute(&format!(
            "ALTER SYSTEM SET synchronous_standby_names = '{standby}'"
        ));
        server.execute("SELECT pg_reload_conf()");
        serve.line(line);
    }
    server.kill();
    let line = serve.line("not ready: ");
    let start = "helvetisafe-server: ERROR: not ready: the database cannot be reached: ";
    assert!(line.contains(start), "{line}");
    assert!(!line.contains("error communicating"), "{line}");
    let lines = serve.stop();
    for (part, expected) in [(begin, 2), (end, 0), (other_end, 1)] {
        let found = lines.iter().filter(|line| line.contains(part)).count();
        assert_eq!(found, expected, "{part}: {lines:#?}");
    }
}

/// An old primary that is started again after a failover, for a node that runs.
#[test]
fn a_second_host_that_accepts_writes_is_a_warning() {
    let Some(mut primary) = helvetisafe_test_postgres::Server::start(&[]) else {
        return;
    };
    let standby = primary.standby();
    let (state, url) = (
        State::new(),
        primary.url_at(&[primary.port(), standby.port()]),
    );
    let options = ["--database", &url, "--metrics-listen", "127.0.0.1:0"];
    let mut serve = Serve::start(&state, &options);
    let metrics = serve.metrics_address();
    let wait = |count: u8| {
        let line = format!("helvetisafe_database_primaries {count}");
        let start = std::time::Instant::now();
        while !scrape(metrics).lines().any(|it| it == line) {
            assert!(start.elapsed() < crate::process::LATE, "{count}");
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
    };
    let is_warned = || {
        let (status, body) = get(serve.address, "/ready");
        assert_eq!(status, 200, "{body}");
        let warnings = body["warnings"].as_array().unwrap();
        warnings.iter().any(|it| it["code"] == "primaries")
    };
    wait(1);
    assert!(!is_warned());
    standby.promote();
    wait(2);
    assert!(is_warned());
    let (old, new) = (primary.port(), standby.port());
    let line = serve.line("several hosts of the database accept writes");
    let names = format!("WARNING: 127.0.0.1:{old} and 127.0.0.1:{new}: ");
    assert!(line.contains(&names), "{line}");
    let (code, checks) = check(&url, &[]);
    assert_eq!(code, Some(1), "{checks:#?}");
    has(
        &checks,
        "database fault",
        &["all accept writes", "stop the old primary"],
    );
    // A new process uses the one that was promoted, although the old one comes first.
    assert_eq!(run(&["init", "--database", &url]).0, Some(0));
    for (server, count) in [(&primary, 0), (&standby, 1)] {
        server.execute(&format!(
            "DO $$ BEGIN ASSERT (SELECT count(*) FROM bootstraps) = {count}; END $$"
        ));
    }
    primary.kill();
    serve.line("no second host of the database is known to accept writes");
    serve.stop();

    // Two names of one server are no second primary.
    let url = standby
        .url_at(&[new])
        .replace("@", &format!("@localhost:{new},"));
    let mut serve = Serve::start(
        &state,
        &["--database", &url, "--metrics-listen", "127.0.0.1:0"],
    );
    let metrics = serve.metrics_address();
    let start = std::time::Instant::now();
    while !scrape(metrics).contains("helvetisafe_database_primaries 1\n") {
        assert!(start.elapsed() < crate::process::LATE);
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    serve.stop();
}

/// Reads go on, so it stays ready.
#[test]
fn a_node_warns_while_no_standby_confirms_commits() {
    let Some(server) = helvetisafe_test_postgres::Server::start(&[]) else {
        return;
    };
    let set = |names: &str| {
        server.execute(&format!(
            "ALTER SYSTEM SET synchronous_standby_names = '{names}'"
        ));
        server.execute("SELECT pg_reload_conf()");
    };
    let standby = server.standby();
    set("*");
    let (state, url) = (State::new(), server.url());
    let options = ["--database", &url, "--metrics-listen", "127.0.0.1:0"];
    let mut serve = Serve::start(&state, &options);
    let metrics = serve.metrics_address();
    let has_metrics = |standby: u8, blocked: u8| {
        let text = scrape(metrics);
        let lines = [
            format!("helvetisafe_database_synchronous_standby {standby}"),
            format!("helvetisafe_database_commits_blocked {blocked}"),
        ];
        lines.iter().all(|line| text.lines().any(|it| it == line))
    };
    let wait = || std::thread::sleep(std::time::Duration::from_millis(1100));
    while !has_metrics(1, 0) {
        wait();
    }
    let (code, checks) = check(&url, &[]);
    assert_eq!(code, Some(0), "{checks:#?}");
    let (status, body) = get(serve.address, "/ready");
    assert_eq!((status, &body["warnings"]), (200, &json!([])), "{body}");

    drop(standby);
    let line = serve.line("WARNING: no synchronous standby confirms commits");
    assert!(
        line.contains("synchronous_standby_names is \"*\", and no such standby is connected"),
        "{line}"
    );
    let (status, body) = get(serve.address, "/ready");
    assert_eq!(
        (status, &body["warnings"][0]["code"]),
        (200, &json!("standby_down")),
        "{body}"
    );
    while !has_metrics(0, 1) {
        wait();
    }
    let (code, checks) = check(&url, &[]);
    assert_eq!(code, Some(1), "{checks:#?}");
    let parts = ["writes and logins wait", "\"*\"", "start the standby"];
    has(&checks, "standby fault", &parts);
    set("");
    serve.line("commits no longer wait for a standby that does not confirm them");
    let lines = serve.stop();
    let count = |part: &str| lines.iter().filter(|it| it.contains(part)).count();
    assert_eq!(count("no synchronous standby confirms"), 1, "{lines:#?}");
}

/// Returns the exit status and all checks, as lines with name, status and text.
pub(crate) fn check(database: &str, more: &[&str]) -> (Option<i32>, Vec<String>) {
    let mut arguments = vec![
        "check",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--database",
        database,
    ];
    arguments.extend(more);
    let (code, stdout, stderr) = run(&arguments);
    assert_eq!(stderr, "");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    let checks = report["checks"].as_array().unwrap().iter().map(|it| {
        assert_eq!(it["remedy"].is_null(), it["status"] == "ok", "{it}");
        let text = |name: &str| it[name].as_str().unwrap_or_default().to_owned();
        format!(
            "{} {}: {}; {}",
            text("name"),
            text("status"),
            text("text"),
            text("remedy")
        )
    });
    (code, checks.collect())
}

#[track_caller]
pub(crate) fn has(checks: &[String], start: &str, parts: &[&str]) {
    let found = checks
        .iter()
        .any(|it| it.starts_with(start) && parts.iter().all(|part| it.contains(part)));
    assert!(found, "{start} {parts:?}\n{checks:#?}");
}

/// Replaces the host of a URL.
fn with_hosts(url: &str, hosts: &str) -> String {
    let start = url.find('@').unwrap() + 1;
    let end = start + url[start..].find('/').unwrap();
    format!("{}{hosts}{}", &url[..start], &url[end..])
}

pub(crate) fn host(url: &str) -> &str {
    url.split('@').nth(1).unwrap().split('/').next().unwrap()
}

/// Returns the name of the database.
pub(crate) fn name(url: &str) -> &str {
    let path = url.split('@').nth(1).unwrap().split('?').next().unwrap();
    path.split('/').nth(1).unwrap()
}

#[test]
fn the_tables_and_the_rights_of_the_user_are_checked() {
    // A server of its own, since not every user may make roles.
    let Some(process) = helvetisafe_test_postgres::Server::start(&[]) else {
        return;
    };
    let server = helvetisafe_test_postgres::Database::create(process.url());
    let (state, url) = (State::new(), server.url());
    let (code, checks) = check(&url, &[]);
    assert_eq!(code, Some(0), "{checks:#?}");
    has(&checks, "database ok", &["accepts writes, PostgreSQL 1"]);
    has(
        &checks,
        "database ok",
        &["has no tables yet; serve makes them"],
    );
    has(
        &checks,
        "standby warning",
        &["on one server alone", "synchronous_standby_names"],
    );
    assert!(
        !checks.iter().any(|it| it.starts_with("clock")),
        "{checks:#?}"
    );
    let (code, checks) = check(&url, &["--no-migrate"]);
    assert_eq!(code, Some(1));
    has(&checks, "database fault", &["has no tables"]);

    Serve::start(&state, &["--database", &url]).stop();
    server.run("INSERT INTO migrations VALUES (9999, 0, 1)");
    let (code, checks) = check(&url, &[]);
    assert_eq!(code, Some(0), "{checks:#?}");
    has(
        &checks,
        "database ok",
        &["of a newer version, which this one can serve"],
    );

    let name = name(&url);
    server.run(&format!(
        "CREATE ROLE {name}_reader LOGIN PASSWORD 'secret'; GRANT USAGE ON SCHEMA public TO {name}_reader; \
         GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}_reader"
    ));
    let file = state.folder.path().join("password");
    fs::write(&file, "secret").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let reader = format!(
        "postgres://{name}_reader@{}/{name}?password_file={}",
        host(&url),
        file.display()
    );
    let (code, checks) = check(&reader, &[]);
    assert_eq!(code, Some(1));
    has(
        &checks,
        "database fault",
        &["the user lacks rights: ", "secrets", "GRANT these rights"],
    );
    has(
        &checks,
        "database warning",
        &["may not make tables", "no-migrate"],
    );
    fs::write(&file, "wrong").unwrap();
    let (code, checks) = check(&reader, &[]);
    assert_eq!(code, Some(1));
    let reason = format!(
        "cannot be used: password authentication failed for user \"{name}_reader\" (28P01); check"
    );
    has(&checks, "database fault", &[&reason, "password_file"]);
    for command in ["migrate", "init"] {
        let (code, _, stderr) = run(&[command, "--database", &reader]);
        assert_eq!(code, Some(1));
        let remedy = "(28P01); check the user, and the password in password_file";
        assert!(stderr.contains(remedy), "{command}: {stderr}");
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let (_, checks) = check(&reader, &[]);
    has(
        &checks,
        "database fault",
        &["can be read or written by other users", "chmod 600"],
    );
    fs::remove_file(&file).unwrap();
    let (_, checks) = check(&reader, &[]);
    has(
        &checks,
        "database fault",
        &["cannot be read", &file.display().to_string()],
    );
    fs::write(&file, "secret").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    server.run(&format!(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name}_reader; \
         DELETE FROM migrations WHERE number > 1"
    ));
    let (code, checks) = check(&reader, &[]);
    assert_eq!(code, Some(1), "serve could not migrate");
    has(
        &checks,
        "database fault",
        &[
            "has pending migrations (",
            "OWNER@",
            "?password_file=OWNER_PASSWORD_FILE'",
        ],
    );
    server.run(&format!(
        "DROP OWNED BY {name}_reader; DROP ROLE {name}_reader"
    ));
}

#[test]
fn every_host_of_the_url_is_checked() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let url = server.url();
    let own = host(&url).to_owned();
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let (code, checks) = check(&with_hosts(&url, &format!("{closed},{own}")), &[]);
    assert_eq!(code, Some(0), "{checks:#?}");
    has(
        &checks,
        "database warning",
        &[&closed.to_string(), "refused", "listen_addresses"],
    );
    let (code, checks) = check(&with_hosts(&url, &closed.to_string()), &[]);
    assert_eq!(code, Some(1), "{checks:#?}");
    has(
        &checks,
        "database fault",
        &[&closed.to_string(), "refused", "listen_addresses"],
    );
    let advises = |word: &str| checks.iter().any(|it| it.contains(word));
    assert!(!advises("promote"), "no host was asked: {checks:#?}");
    // One server that is named twice is one primary.
    let twice = with_hosts(
        &url,
        &format!("{own},{}", own.replace("127.0.0.1", "localhost")),
    );
    let (code, checks) = check(&twice, &[]);
    assert_eq!(code, Some(0), "{checks:#?}");

    server.run(&format!(
        "ALTER DATABASE {} SET default_transaction_read_only = on",
        name(&url)
    ));
    let (code, checks) = check(&url, &[]);
    assert_eq!(code, Some(1), "{checks:#?}");
    has(&checks, "database ok", &["is a standby"]);
}

#[test]
fn a_node_is_not_ready_while_its_database_is_down_and_says_so_once() {
    let Some(server) = helvetisafe_test_postgres::Server::start(&[]) else {
        return;
    };
    let (state, url) = (State::new(), server.url());
    let mut serve = Serve::start(&state, &["--database", &url]);
    drop(server);
    serve.line("not ready: ");
    for _ in 0..2 {
        let (status, body) = get(serve.address, "/ready");
        assert_eq!(
            (status, &body["reasons"][0]["code"]),
            (503, &json!("database"))
        );
        std::thread::sleep(std::time::Duration::from_millis(1100));
    }
    assert!(
        ask(&mut connect(serve.address), "/health")
            .unwrap()
            .starts_with("HTTP/1.1 200")
    );
    let lines = serve.stop();
    assert_eq!(
        lines.iter().filter(|it| it.contains("not ready: ")).count(),
        1,
        "{lines:#?}"
    );
}
