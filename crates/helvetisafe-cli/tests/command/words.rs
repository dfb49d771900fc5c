//! The messages of failing commands never contain a secret, even with `--verbose`.

use std::io::Write;
use std::process::{Command, Stdio};

use helvetisafe_test_support::server;
use secrecy::ExposeSecret;

use crate::world::World;

const CANARY: &str = "canary-8e21b7-\"\\é%+";

/// Commands that read the canary if they read anything.
const COMMANDS: &[&[&str]] = &[
    &["get", "A"],
    &["set", "A"],
    &["create", "A"],
    &["update", "A"],
    &["set", "A", "--field", "F"],
    &["delete", "A", "--yes"],
    &["edit", "A"],
    &["rotate", "A"],
    &["rotate", "A", "--resume", "--yes"],
    &["rotate", "A", "--", "true"],
    &["list"],
    &["copy", "A", "B"],
    &["move", "A", "B"],
    &["export"],
    &["import", "-"],
    &["run", "--", "true"],
    &["run", "--env-file", "-", "--", "true"],
    &["inject"],
    &["doctor"],
    &["trust", "show"],
    &["org", "members"],
    &["org", "create", "--output-dir", "o"],
    &["join", "--output-dir", "j"],
    &["account", "show"],
    &["token", "list"],
    &["audit"],
];

const ANSWERS: &[&str] = &[
    "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 501 No\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 302 Go\r\nLocation: https://elsewhere.example/\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
    "SSH-2.0-OpenSSH\r\n\r\n",
];

/// Runs a command with the canary on standard input. Returns all its output, and whether it succeeded.
fn run(command: &mut Command) -> (String, bool) {
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = pipes.stderr(Stdio::piped()).spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(CANARY.as_bytes());
    let output = child.wait_with_output().unwrap();
    let all = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&all).into_owned();
    (text, output.status.success())
}

fn assert_prints_no_secret(world: &World, what: &[&str], text: &str) {
    let account = &world.owner;
    let escaped = format!("{CANARY:?}");
    // The lines of a PEM after the first eight are private.
    let pem = account.private_key_pem.lines().skip(8);
    let secrets = [
        CANARY,
        escaped.trim_matches('"'),
        account.client_secret.expose_secret(),
        account.password.expose_secret(),
    ];
    let lines = pem.filter(|line| line.len() == 64);
    for secret in secrets.into_iter().chain(lines) {
        assert!(!text.contains(secret), "{what:?} says {text}");
    }
}

#[test]
fn no_failing_command_prints_a_secret_even_with_verbose() {
    let world = World::new();
    let mut failed = 0;
    for answer in ANSWERS {
        let url = server::serve_bytes(answer);
        for what in COMMANDS {
            let mut command = world.command();
            command.env("HELVETISAFE_BASE_URL", &url).arg("--verbose");
            command.env("EDITOR", "true");
            let (text, succeeded) = run(command.args(*what));
            assert_prints_no_secret(&world, what, &text);
            assert!(!succeeded, "{what:?}: {text}");
            failed += usize::from(text.contains("/oauth/token"));
        }
    }
    assert!(failed > 50, "{failed} got as far as the vault");
}

#[test]
fn no_refused_command_prints_a_secret() {
    let world = World::new();
    world.set("THERE", CANARY);
    for what in [
        &["get", "MISSING"][..],
        &["get", "THERE", "--field", "F"],
        &["create", "THERE"],
        &["update", "MISSING"],
        &["set", "THERE", "--field", "F"],
        &["edit", "MISSING"],
        &["edit", "THERE", "--field", "F"],
        &["rotate", "MISSING"],
        &["rotate", "THERE"],
        &["rotate", "THERE", "--field", "F"],
        &["rotate", "THERE", "--resume"],
        &["run", "--env-file", "-", "--", "true"],
        &["delete", "MISSING", "--yes"],
        &["copy", "MISSING", "B"],
        &["copy", "THERE", "THERE"],
    ] {
        let mut command = world.command();
        command.env("EDITOR", "true").arg("--verbose").args(what);
        let (text, succeeded) = run(&mut command);
        assert_prints_no_secret(&world, what, &text);
        assert!(!succeeded && !text.is_empty(), "{what:?}: {text}");
    }
}
