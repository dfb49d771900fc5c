//! The secrets that remain after a copy or a move fails half-way.

use std::process::Output;

use helvetisafe::Scope;
use helvetisafe_test_support::{Action, Request, answer};

use crate::world::{World, start_proxy};

const A: &str = "/api/v1/secrets/A";
const B: &str = "/api/v1/secrets/B";
const ALL: &str = "/api/v1/secrets";

/// Runs `move A B` through a proxy. Returns its status, its messages and the keys that exist afterwards.
fn moved(
    script: impl Fn(&Request) -> Option<Action> + Send + Sync + 'static,
) -> (i32, String, String) {
    let world = World::new();
    world.set("A", "value");
    let proxy = start_proxy(move |request, _| script(request).unwrap_or(Action::Forward));
    let mut command = world.command_through(&proxy);
    command.args(["move", "A", "B", "--timeout", "2s"]);
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
fn a_move_that_cannot_read_back_leaves_both_secrets() {
    let (status, message, keys) = moved(|seen| seen.is("GET", B).then(|| answer(403, "{}")));
    assert_eq!((status, keys.as_str()), (4, "A\nB\n"));
    assert!(
        message.contains("`B` was written, but not checked; `A` was not changed"),
        "{message}"
    );
}

#[test]
fn a_move_whose_copy_differs_leaves_both_secrets() {
    let world = World::new();
    world.set("A", "value");
    world.set("B", "other");
    // The vault confirms a write that it did not do.
    let proxy = start_proxy(
        |request, _| match (request.method.as_str(), request.path.as_str()) {
            ("PUT" | "PATCH", B) => {
                answer(200, r#"{"key":"B","updated_at":"2026-01-01T00:00:00Z"}"#)
            }
            _ => Action::Forward,
        },
    );
    let mut command = world.command_through(&proxy);
    command.args(["move", "A", "B", "--overwrite"]);
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
fn a_move_that_cannot_delete_names_the_old_secret() {
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
fn a_move_with_a_lost_answer_leaves_the_old_secret() {
    // The secret is written, but the response is lost and every read of it fails.
    let (status, message, keys) = moved(|seen| {
        (seen.is("POST", ALL))
            .then_some(Action::ForwardAndClose)
            .or_else(|| seen.is("GET", B).then_some(Action::Close))
    });
    assert_eq!((status, keys.as_str()), (9, "A\nB\n"), "{message}");
    assert!(
        message.contains("it is unknown whether the write happened")
            && message.contains("`A` was not changed, and `B` may have been written"),
        "{message}"
    );
    let (status, message, keys) = moved(|seen| seen.is("DELETE", A).then_some(Action::Close));
    assert_eq!((status, keys.as_str()), (9, "A\nB\n"), "{message}");
    assert!(message.contains("`B` is complete"), "{message}");
}
