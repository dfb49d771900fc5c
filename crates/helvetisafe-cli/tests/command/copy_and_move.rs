//! What is left where a copy or a move stops half-way.

use std::process::Output;

use helvetisafe::Scope;

use crate::proxy::{Deed, Proxy, Seen, answer};
use crate::world::{World, vault_address};

const A: &str = "/api/v1/secrets/A";
const B: &str = "/api/v1/secrets/B";
const ALL: &str = "/api/v1/secrets";

/// `move A B` through a proxy: its status, what it says, and the keys that are there afterwards.
fn moved(script: impl Fn(&Seen) -> Option<Deed> + Send + Sync + 'static) -> (i32, String, String) {
    let world = World::new();
    world.set("A", "value");
    let script = move |seen: &Seen, _: &[Seen]| script(seen).unwrap_or(Deed::Forward);
    let proxy = Proxy::start(vault_address(), script);
    let mut command = world.command();
    command
        .args(["move", "A", "B", "--timeout", "2s"])
        .env("HELVETISAFE_BASE_URL", proxy.base_url());
    let output = command.output().unwrap();
    (output.status.code().unwrap(), stderr(&output), keys(&world))
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn keys(world: &World) -> String {
    let output = world.command().args(["list", "--keys"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_new_secret_that_cannot_be_read_back_leaves_both() {
    let (status, message, keys) = moved(|seen| seen.is("GET", B).then(|| answer(403, "{}")));
    assert_eq!((status, keys.as_str()), (4, "A\nB\n"));
    assert!(
        message.contains("`B` was written, but not checked; `A` was not changed"),
        "{message}"
    );
}

#[test]
fn a_new_secret_that_reads_differently_leaves_both() {
    let world = World::new();
    world.set("A", "value");
    world.set("B", "other");
    // The vault says that it has written, and has not.
    let script = |seen: &Seen, _: &[Seen]| match (seen.method.as_str(), seen.path.as_str()) {
        ("PUT" | "PATCH", B) => answer(200, r#"{"key":"B","updated_at":"2026-01-01T00:00:00Z"}"#),
        _ => Deed::Forward,
    };
    let proxy = Proxy::start(vault_address(), script);
    let mut command = world.command();
    command
        .args(["move", "A", "B", "--overwrite"])
        .env("HELVETISAFE_BASE_URL", proxy.base_url());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(6), "{}", stderr(&output));
    let message = stderr(&output);
    assert!(
        message.contains("`B` was written, but differs from `A`"),
        "{message}"
    );
    assert!(!message.contains("value"), "{message}");
    assert_eq!(keys(&world), "A\nB\n");
}

#[test]
fn an_old_secret_that_cannot_be_deleted_is_named() {
    let world = World::new();
    world.set("A", "value");
    let scopes = [
        Scope::SecretsRead,
        Scope::SecretsWrite,
        Scope::CredentialsRead,
    ];
    let output = world
        .command_with(scopes)
        .args(["move", "A", "B"])
        .output()
        .unwrap();
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(4), "{message}");
    assert!(
        message.contains("needs the scope secrets:delete; `B` is complete, and `A` may still be")
            && message.contains("`helvetisafe delete A` finishes the move"),
        "{message}"
    );
    assert_eq!(keys(&world), "A\nB\n");
}

#[test]
fn a_lost_answer_leaves_the_old_one() {
    // Written, but neither the answer nor any reading tells so.
    let (status, message, keys) = moved(|seen| {
        (seen.is("POST", ALL))
            .then_some(Deed::ForwardAndClose)
            .or_else(|| seen.is("GET", B).then_some(Deed::Close))
    });
    assert_eq!((status, keys.as_str()), (9, "A\nB\n"), "{message}");
    assert!(
        message.contains("it is unknown whether the write happened")
            && message.contains("`A` was not changed, and `B` may have been written"),
        "{message}"
    );
    let (status, message, keys) = moved(|seen| seen.is("DELETE", A).then_some(Deed::Close));
    assert_eq!((status, keys.as_str()), (9, "A\nB\n"), "{message}");
    assert!(message.contains("`B` is complete"), "{message}");
}
