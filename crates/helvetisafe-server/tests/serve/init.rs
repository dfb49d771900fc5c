//! `init`: the token that founds an organization.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::process::{Serve, command, run};

fn database(folder: &tempfile::TempDir) -> String {
    format!("sqlite:{}", folder.path().join("vault.db").display())
}

/// Returns the code of the answer to a founding with a token and an empty body.
fn found(serve: &Serve, token: &str) -> String {
    let answer = ureq::Agent::new_with_config(
        ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build(),
    )
    .post(format!("{}/api/v1/organizations", serve.base_url))
    .header("authorization", format!("Bearer {token}"))
    .header("content-type", "application/json")
    .send("{}");
    let body = answer.unwrap().body_mut().read_to_string().unwrap();
    let body: Value = serde_json::from_str(&body).unwrap();
    body["code"].as_str().unwrap().to_owned()
}

fn serve(database: &str) -> Serve {
    let listen = ["serve", "--listen", "127.0.0.1:0", "--database", database];
    Serve::spawn(command(&listen))
}

fn check_token(database: &str, token: &str) {
    assert!(token.starts_with("hs_bootstrap_"), "{token}");
    assert_eq!(token.len(), "hs_bootstrap_".len() + 43);
    let serve = serve(database);
    assert_eq!(found(&serve, token), "invalid_body");
    assert_eq!(found(&serve, "hs_bootstrap_x"), "invalid_bootstrap");
    serve.stop();
}

#[test]
fn the_token_is_printed_alone() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder);
    let (code, stdout, stderr) = run(&["init", "--database", &database]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("founds one organization until"), "{stderr}");
    let token = stdout.strip_suffix('\n').unwrap();
    check_token(&database, token);
    // The database has its hash alone, and a second token is another one.
    let bytes = fs::read(folder.path().join("vault.db")).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    assert!(!text.contains(token) && !text.contains("hs_bootstrap_"));
    let (_, again, _) = run(&["init", "--database", &database, "--json"]);
    let again: Value = serde_json::from_str(&again).unwrap();
    assert_eq!(again["database"], database);
    assert_ne!(again["token"], token);
    check_token(&database, again["token"].as_str().unwrap());
}

#[test]
fn the_token_is_written_to_a_new_file_of_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let (database, path) = (database(&folder), folder.path().join("token"));
    let file = path.to_str().unwrap();
    let arguments = ["init", "--database", &database, "--token-file", file];
    let (code, stdout, stderr) = run(&arguments);
    assert_eq!(code, Some(0), "{stderr}");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let written = fs::read_to_string(&path).unwrap();
    assert!(!stdout.contains(written.trim_end()), "{stdout}");
    check_token(&database, written.trim_end());

    let (code, stdout, stderr) = run(&arguments);
    assert_eq!((code, &*stdout), (Some(1), ""));
    let remedy = format!(
        "the file exists already; use the token in it, if it is less than 24 h old and has founded nothing; else delete it with `rm -- '{file}'`"
    );
    assert!(stderr.contains(&remedy), "{stderr}");
    assert_eq!(fs::read_to_string(&path).unwrap(), written);
}

/// Returns the commands in backticks of the last line.
fn advised(stderr: &str) -> Vec<String> {
    let next = stderr.lines().find(|line| line.contains("next: ")).unwrap();
    let commands = next.split('`').skip(1).step_by(2);
    commands.map(str::to_owned).collect()
}

#[test]
fn the_next_commands_have_the_options_that_were_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("the token");
    let file = path.to_str().unwrap();
    let database = database(&folder);
    let (code, _, stderr) = run(&["init", "--database", &database, "--token-file", file]);
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(
        advised(&stderr),
        [
            format!("helvetisafe-server serve --database {database}"),
            format!(
                "helvetisafe org create --base-url http://127.0.0.1:8200 --token-file '{file}' --output-dir organization"
            ),
        ]
    );
    let config = folder.path().join("server.toml");
    fs::write(&config, format!("database = {database:?}\n")).unwrap();
    let config = config.to_str().unwrap();
    let (code, _, stderr) = run(&["init", "--config", config, "--no-migrate"]);
    assert_eq!(code, Some(0), "{stderr}");
    let advised = advised(&stderr);
    assert_eq!(
        advised[0],
        format!("helvetisafe-server serve --config {config} --no-migrate")
    );
}

/// The token of a failed run is not valid, so its file is removed.
#[test]
fn a_database_that_cannot_be_used_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let (database, path) = (database(&folder), folder.path().join("token"));
    let file = path.to_str().unwrap();
    let no_migrate = [
        "init",
        "--no-migrate",
        "--database",
        &database,
        "--token-file",
        file,
    ];
    let (code, _, stderr) = run(&no_migrate);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("does not exist"), "{stderr}");
    assert!(!path.exists());
    run(&["migrate", "--database", &database]);
    let running = serve(&database);
    let (code, _, stderr) = run(&["init", "--database", &database, "--token-file", file]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("another process uses it"), "{stderr}");
    assert!(!path.exists());
    running.stop();
    let (code, _, stderr) = run(&no_migrate);
    assert_eq!(code, Some(0), "{stderr}");
    check_token(&database, fs::read_to_string(&path).unwrap().trim_end());
}

/// Nodes continue to serve meanwhile.
#[test]
fn a_served_postgresql_database_gets_a_token() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let running = serve(&server.url());
    let (code, stdout, stderr) = run(&["init", "--database", &server.url()]);
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(found(&running, stdout.trim_end()), "invalid_body");
    running.stop();
}

#[test]
fn a_full_disk_is_an_error_with_a_remedy() {
    let Some(disk) = crate::small_disk::SmallDisk::of_size("64k") else {
        return;
    };
    let database = format!("sqlite:{}", disk.path("vault.db").display());
    for command in ["init", "migrate"] {
        let output = disk
            .vault(&[command, "--database", &database])
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{command}: {stderr}");
        let problem = "the disk of the database is full; free space on it, or move the database to a larger one";
        assert!(stderr.contains(problem), "{command}: {stderr}");
    }
}
