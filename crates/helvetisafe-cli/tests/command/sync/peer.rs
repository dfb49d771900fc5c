//! The published package `helvetisafe-vault-k8s`, at the same vault and the same API server.
//!
//! It is in the Python environment that `HELVETISAFE_TEST_K8S_PACKAGE` names, as `.ci/run` creates it. Without
//! that variable its tests are skipped with a message on standard error.

use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use super::api_server::ApiServer;
use super::{OLD_ROLE, PYTHON, ROLE, data, sync, text, world};
use crate::world::World;

const PACKAGE: &str = "HELVETISAFE_TEST_K8S_PACKAGE";

/// Returns the published command; `None` if it is not installed.
fn published(world: &World, server: &ApiServer, name: &str) -> Option<Command> {
    let Some(folder) = std::env::var_os(PACKAGE) else {
        eprintln!("skipped: {PACKAGE} is not set");
        return None;
    };
    world.write("kubeconfig", &server.kubeconfig(), 0o600);
    let mut command = Command::new(PathBuf::from(folder).join("bin/helvetisafe-vault-k8s"));
    world.prepare(&mut command);
    command
        .env("KUBECONFIG", "kubeconfig")
        .env("HELVETISAFE_K8S_NAMESPACE", super::NAMESPACE)
        .env("HELVETISAFE_K8S_SECRET_NAME", name)
        .arg("sync");
    Some(command)
}

fn run_published(world: &World, server: &ApiServer, name: &str, arguments: &[&str]) -> Option<()> {
    let mut command = published(world, server, name)?;
    let output = command.args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    Some(())
}

fn set_fields(world: &World, key: &str, fields: &[(&str, &str)]) {
    for (field, value) in fields {
        world.write("value", value, 0o600);
        let mut command = world.command();
        command.args([
            "set",
            key,
            "--allow-unbound",
            "--value-file",
            "value",
            "--field",
            field,
        ]);
        assert!(command.status().unwrap().success());
    }
}

/// A vault with the secrets of the package's own tests.
fn world_of_the_package() -> World {
    let world = world(&[
        ("my_token", "\"just-a-string\""),
        ("db_pass", "hunter2"),
        ("quoted", "val\"ue"),
        ("lines", "line1\nline2"),
        ("back", "back\\slash"),
    ]);
    set_fields(
        &world,
        "app_config",
        &[("DB_HOST", "localhost"), ("DB_PASS", "s3cr3t")],
    );
    set_fields(
        &world,
        "app_secrets",
        &[("API_KEY", "abc123"), ("DB_PORT", "5432")],
    );
    world
}

#[test]
fn the_published_expectations_hold() {
    let world = world_of_the_package();
    let server = ApiServer::start(ROLE);
    sync(&world, &server, &["--output", "file.env"]);
    // Objects are expanded and merged, their key is no entry; other JSON and plain text stay as they are.
    assert_eq!(
        server.entries("app"),
        [
            "API_KEY=abc123",
            "DB_HOST=localhost",
            "DB_PASS=s3cr3t",
            "DB_PORT=5432",
            "back=back\\slash",
            "db_pass=hunter2",
            "lines=line1\nline2",
            "my_token=\"just-a-string\"",
            "quoted=val\"ue",
        ]
    );
    let file = std::fs::read_to_string(world.folder.path().join("file.env")).unwrap();
    for line in [
        "db_pass=\"hunter2\"",
        "quoted=\"val\\\"ue\"",
        "lines=\"line1\\nline2\"",
        "back=\"back\\\\slash\"",
        "my_token=\"\\\"just-a-string\\\"\"",
        "DB_HOST=\"localhost\"",
    ] {
        assert!(file.lines().any(|it| it == line), "{line} is not in {file}");
    }
    assert_eq!(file.lines().count(), 9, "one line for each entry");
}

#[test]
fn it_writes_the_same_as_the_published_package() {
    let world = world_of_the_package();
    let server = ApiServer::start(OLD_ROLE);
    if run_published(&world, &server, "theirs", &["--output", "theirs.env"]).is_none() {
        return;
    }
    sync(&world, &server, &["--output", "ours.env"]);
    assert_eq!(server.entries("app"), server.entries("theirs"));
    assert_eq!(server.secret("theirs").unwrap()["type"], "Opaque");
    let lines = |name: &str| {
        let file = std::fs::read_to_string(world.folder.path().join(name)).unwrap();
        let mut lines: Vec<_> = file.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(lines("ours.env"), lines("theirs.env"));
}

#[test]
fn a_secret_of_the_published_package_is_taken_over() {
    for role in [OLD_ROLE, &["get", "create", "update", "patch"]] {
        let world = world(&[("A", "one"), ("B", "two")]);
        let server = ApiServer::start(role);
        if run_published(&world, &server, "app", &[]).is_none() {
            return;
        }
        assert_eq!(
            server.owned("app", PYTHON, "Update"),
            ["data/A", "data/B", "type"]
        );
        world.set("A", "changed");
        assert_eq!(sync(&world, &server, &["--key", "A"]), "~ A\n");
        assert_eq!(server.entries("app"), ["A=changed", "B=two"]);
        assert_eq!(server.owned("app", PYTHON, "Update"), ["data/B", "type"]);
        // The package replaces the whole Secret, also entries of others.
        server.put("kubectl", "other", json!({"data": data(&[("X", "1")])}));
        run_published(&world, &server, "other", &[]);
        assert_eq!(server.entries("other"), ["A=changed", "B=two"]);
    }
}
