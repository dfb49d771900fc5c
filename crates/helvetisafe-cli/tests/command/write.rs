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

/// Starts a proxy, and returns the status and the errors of a command behind it.
fn outcome(
    world: &World,
    arguments: &[&str],
    script: impl Fn(&Request, &[Request]) -> Option<Action> + Send + Sync + 'static,
) -> (Option<i32>, String, Vec<String>) {
    let proxy = start_proxy(move |seen, before| script(seen, before).unwrap_or(Action::Forward));
    let mut command = with_value(world.command(), arguments, world, "late");
    command
        .env("HELVETISAFE_BASE_URL", proxy.base_url())
        .env("EDITOR", "true");
    let output = command.output().unwrap();
    let sent = proxy
        .log()
        .iter()
        .map(|it| format!("{} {}", it.method, it.path))
        .collect();
    let errors = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), errors, sent)
}

/// The other client makes fields of the secret just before the first write.
#[test]
fn fields_that_another_client_makes_meanwhile_are_not_lost() {
    let arguments: [&[&str]; 4] = [
        &["set", "KEY"],
        &["update", "KEY"],
        &["import", "key.json", "--overwrite"],
        &["copy", "OTHER", "KEY", "--overwrite"],
    ];
    for (arguments, exists) in arguments
        .into_iter()
        .flat_map(|it| [(it, true), (it, false)])
    {
        if arguments[0] == "update" && !exists {
            continue;
        }
        let world = Arc::new(World::new());
        world.write("key.json", r#"{"KEY":"late"}"#, 0o600);
        world.set("OTHER", "late");
        if exists {
            world.set("KEY", "early");
        }
        let shared = Arc::clone(&world);
        let (status, errors, _) = outcome(&world, arguments, move |seen, before| {
            let is_write = |seen: &Request| seen.is("PUT", KEY) || seen.is("POST", ALL);
            if is_write(seen) && !before.iter().any(is_write) {
                let client = shared.client();
                let _ = client.secrets().delete("KEY");
                let fields = [("A", "1"), ("B", "2")];
                client
                    .secrets()
                    .create_fields("KEY", &fields, None)
                    .unwrap();
            }
            None
        });
        assert_eq!(status, Some(2), "{arguments:?} {exists}: {errors}");
        assert!(
            errors.contains("the fields A, B, which would be lost"),
            "{errors}"
        );
        assert_eq!(
            value(&world),
            r#"{"A":"1","B":"2"}"#,
            "{arguments:?} {exists}"
        );
    }
}

/// The check of the present secret is in flight together with the org key, and a new secret needs no update that fails.
#[test]
fn a_whole_write_makes_no_more_calls_in_a_row() {
    let world = World::new();
    for (verb, first, second) in [
        ("set", format!("GET {KEY}"), format!("POST {ALL}")),
        ("set", format!("GET {KEY}"), format!("PUT {KEY}")),
        ("update", format!("GET {KEY}"), format!("PUT {KEY}")),
    ] {
        let (status, errors, mut sent) = outcome(&world, &[verb, "KEY"], |_, _| None);
        assert_eq!(status, Some(0), "{errors}");
        sent[1..3].sort();
        let org_key = "GET /api/v1/credentials/org-key".to_owned();
        let token = "POST /oauth/token".to_owned();
        let mut expected = vec![token, org_key, first, second];
        expected[1..3].sort();
        assert_eq!(sent, expected);
    }
}

#[test]
fn an_account_that_may_only_write_replaces_as_it_is_asked() {
    let world = World::new();
    let fields = [("A", "1"), ("B", "2")];
    let client = world.client();
    for verb in ["set", "update"] {
        client
            .secrets()
            .create_fields("KEY", &fields, None)
            .unwrap();
        let command = world.command_with([Scope::SecretsWrite, Scope::CredentialsRead]);
        let status = with_value(command, &[verb, "KEY"], &world, "v").status();
        assert!(status.unwrap().success(), "{verb}");
        assert_eq!(value(&world), "v", "{verb}");
        client.secrets().delete("KEY").unwrap();
        let command = world.command_with([Scope::SecretsWrite, Scope::CredentialsRead]);
        let status = with_value(command, &[verb, "KEY"], &world, "v").status();
        assert_eq!(
            status.unwrap().code(),
            Some(if verb == "set" { 0 } else { 5 })
        );
        let _ = client.secrets().delete("KEY");
    }
}

/// A secret that does not decrypt may have fields.
#[test]
fn a_secret_that_cannot_be_read_is_replaced_on_request_alone() {
    let world = World::new();
    world.set("KEY", "early");
    let broken = |seen: &Request, _: &[Request]| {
        let body = r#"{"key":"KEY","value":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==","nonce":"AAAAAAAAAAAAAAAA"}"#;
        seen.is("GET", KEY).then(|| answer(200, body))
    };
    for verb in ["set", "update"] {
        let (status, errors, _) = outcome(&world, &[verb, "KEY"], broken);
        assert_eq!(status, Some(8), "{errors}");
        assert!(
            errors.contains("it may have fields; --drop-fields"),
            "{errors}"
        );
        assert_eq!(value(&world), "early");
    }
    let (status, errors, _) = outcome(&world, &["set", "KEY", "--drop-fields"], broken);
    assert_eq!(status, Some(0), "{errors}");
    assert_eq!(value(&world), "late");
}

/// A member with the name of the secret is its value, and a write of the value would lose the others.
#[test]
fn a_member_beside_the_value_is_not_lost() {
    let world = World::new();
    let client = world.client();
    let fields = [("KEY", "v"), ("user", "u")];
    client
        .secrets()
        .create_fields("OTHER", &fields, None)
        .unwrap();
    // A vault, or another client, can give it this name.
    let stored = world.stored("OTHER");
    let script = move |seen: &Request, _: &[Request]| {
        let (value, nonce) = &stored;
        let body = format!(r#"{{"key":"KEY","value":"{value}","nonce":"{nonce}"}}"#);
        seen.is("GET", KEY).then(|| answer(200, body))
    };
    for arguments in [
        &["set", "KEY"][..],
        &["update", "KEY"],
        &["copy", "KEY", "NEW"],
        &["move", "KEY", "NEW", "--overwrite"],
        &["rotate", "KEY"],
        &["edit", "KEY"],
    ] {
        let (status, errors, sent) = outcome(&world, arguments, script.clone());
        assert_eq!(status, Some(2), "{arguments:?}: {errors}");
        assert!(
            errors.contains("the field user, which would be lost"),
            "{errors}"
        );
        assert!(
            sent.iter().all(|it| !it.contains("POST /api")
                && !it.contains("PUT")
                && !it.contains("DELETE"))
        );
    }
}
