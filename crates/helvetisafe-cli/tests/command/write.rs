//! `create` and `update` of a field while other clients write the same secret. More tests are in
//! `fields.txt`.

use std::fs::File;
use std::process::{Command, Stdio};
use std::sync::Arc;

use helvetisafe::Scope;
use helvetisafe_test_support::{Action, Request, answer};

use crate::world::{World, start_proxy};

const ALL: &str = "/api/v1/secrets";
const KEY: &str = "/api/v1/secrets/KEY";

/// A command with `value` on standard input.
fn with_value(mut command: Command, arguments: &[&str], world: &World, value: &str) -> Command {
    world.write(value, value, 0o600);
    let value = File::open(world.folder.path().join(value)).unwrap();
    command.args(arguments).stdin(value).stdout(Stdio::null());
    command
}

fn create(world: &World, field: &str) -> Command {
    let arguments = ["create", "KEY", "--field", field];
    with_value(world.command(), &arguments, world, field)
}

fn value(world: &World) -> String {
    let output = world
        .command()
        .args(["get", "KEY", "--allow-unbound"])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the status of a command. `meanwhile` sees each of its requests for the secret, with its number.
fn status(
    world: &Arc<World>,
    arguments: &[&str],
    meanwhile: impl Fn(&World, &Request, usize) -> Option<Action> + Send + Sync + 'static,
) -> Option<i32> {
    let shared = Arc::clone(world);
    let proxy = start_proxy(move |seen, before| {
        let is_about_it = |seen: &Request| seen.path == KEY || seen.is("POST", ALL);
        let number = before.iter().filter(|seen| is_about_it(seen)).count();
        let action = is_about_it(seen).then(|| meanwhile(&shared, seen, number));
        action.flatten().unwrap_or(Action::Forward)
    });
    let mut command = with_value(world.command(), arguments, world, "late");
    command.env("HELVETISAFE_BASE_URL", proxy.base_url());
    command.env("HELVETISAFE_ALLOW_UNBOUND", "true");
    command.output().unwrap().status.code()
}

#[test]
fn a_field_is_not_created_in_a_secret_created_concurrently() {
    let world = Arc::new(World::new());
    let arguments = ["create", "KEY", "--field", "F"];
    let status = status(&world, &arguments, |world, seen, number| {
        let is_first = number == 0;
        if is_first {
            assert!(create(world, "early").status().unwrap().success());
        }
        // The secret did not exist at the first read.
        (is_first && seen.method == "GET").then(|| answer(404, r#"{"error":"no"}"#))
    });
    assert_eq!(status, Some(6));
    assert_eq!(value(&world), r#"{"early":"early"}"#);
}

#[test]
fn a_field_is_not_updated_in_a_secret_deleted_concurrently() {
    let world = Arc::new(World::new());
    assert!(create(&world, "early").status().unwrap().success());
    let arguments = ["update", "KEY", "--field", "F"];
    let status = status(&world, &arguments, |world, _, number| {
        if number == 1 {
            let mut command = world.command();
            let status = command.args(["delete", "KEY", "--yes"]).status();
            assert!(status.unwrap().success());
        }
        None
    });
    assert_eq!(status, Some(5));
    assert_eq!(value(&world), "");
}

#[test]
fn of_concurrent_creates_one_succeeds() {
    let world = World::new();
    let fields = ["A", "B", "C", "D", "E", "F"];
    let children = fields.map(|field| {
        let mut command = create(&world, field);
        command.stderr(Stdio::null()).spawn().unwrap()
    });
    let statuses = children.map(|mut child| child.wait().unwrap().code().unwrap());
    let created: Vec<_> = (fields.iter().zip(statuses))
        .filter(|(_, status)| *status == 0)
        .collect();
    let [(field, _)] = created[..] else {
        panic!("{statuses:?}")
    };
    assert!(statuses.iter().all(|status| [0, 6].contains(status)));
    assert_eq!(value(&world), format!(r#"{{"{field}":"{field}"}}"#));
}

#[test]
fn a_field_can_be_created_with_write_access_alone() {
    let world = World::new();
    let command = world.command_with([Scope::SecretsWrite, Scope::CredentialsRead]);
    let arguments = ["create", "KEY", "--field", "F"];
    let status = with_value(command, &arguments, &world, "v").status();
    assert!(status.unwrap().success());
    assert_eq!(value(&world), r#"{"F":"v"}"#);
}

/// `set` of two fields at the same time: the second command writes between the read and the write of the
/// first.
#[test]
fn a_field_that_another_command_sets_meanwhile_stays() {
    for verb in ["set", "update"] {
        let world = Arc::new(World::new());
        assert!(create(&world, "early").status().unwrap().success());
        let arguments = [verb, "KEY", "--field", "F"];
        let status = status(&world, &arguments, |world, _, number| {
            if number == 1 {
                let arguments = ["set", "KEY", "--field", "G", "--allow-unbound"];
                let mut other = with_value(world.command(), &arguments, world, "other");
                assert!(other.status().unwrap().success());
            }
            None
        });
        assert_eq!(status, Some(0), "{verb}");
        let fields = r#"{"early":"early","G":"other","F":"late"}"#;
        assert_eq!(value(&world), fields, "{verb}");
    }
}
