//! The memory of org keys: shared by processes, and nobody else's. The rest is in `trust.txt`.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::proxy::{Deed, Proxy, answer};
use crate::world::{World, vault_address};

fn run(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    output
}

fn file(world: &World) -> PathBuf {
    let folder = world.folder.path().join(".local/state/helvetisafe");
    folder.join("known-vaults.json")
}

fn known(world: &World) -> Vec<Value> {
    let json: Value = serde_json::from_slice(&fs::read(file(world)).unwrap()).unwrap();
    json["vaults"].as_array().unwrap().clone()
}

#[test]
fn many_first_uses_at_once_remember_once() {
    let world = World::new();
    let start = || {
        let mut command = world.command();
        command.arg("list").stdout(Stdio::null());
        command.spawn().unwrap()
    };
    let children: Vec<_> = (0..8).map(|_| start()).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let known = known(&world);
    assert_eq!(known.len(), 1, "{known:?}");
    assert_eq!(known[0]["fingerprint"], world.fingerprint());
}

#[cfg(unix)]
#[test]
fn nobody_else_can_read_the_memory() {
    use std::os::unix::fs::PermissionsExt;

    let world = World::new();
    run(world.command().arg("list"));
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(file(&world)), 0o600);
    assert_eq!(mode(file(&world).parent().unwrap().to_owned()), 0o700);
}

#[test]
fn an_api_token_is_remembered_by_a_digest() {
    let world = World::new();
    let token = world.name("API_TOKEN");
    let mut command = world.command();
    command
        .env_remove("HELVETISAFE_CLIENT_ID")
        .env_remove("HELVETISAFE_CLIENT_SECRET")
        .env("HELVETISAFE_API_TOKEN", &token);
    run(command.arg("list"));
    let text = fs::read_to_string(file(&world)).unwrap();
    assert!(!text.contains(&token), "{text}");
    let account = known(&world)[0]["account"].as_str().unwrap().to_owned();
    let digest = account.strip_prefix("api-token ").unwrap();
    assert_eq!(digest.len(), 16, "{account}");
}

#[test]
fn the_state_folder_is_the_one_that_is_asked_for() {
    for (variable, folder, file) in [
        ("HELVETISAFE_STATE_DIR", "a/b", "a/b/known-vaults.json"),
        ("XDG_STATE_HOME", "c", "c/helvetisafe/known-vaults.json"),
    ] {
        let world = World::new();
        let folder = world.folder.path().join(folder);
        run(world.command().env(variable, folder).arg("list"));
        assert!(world.folder.path().join(file).exists(), "{variable}");
    }
}

/// The vault itself hands out another org key: the one of another organization, wrapped for the
/// same account.
#[test]
fn an_org_key_that_the_vault_exchanges_stops_every_command() {
    let world = World::new();
    let foreign = world.foreign_org_key();
    let is_hostile = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&is_hostile);
    let proxy = Proxy::start(vault_address(), move |seen, _| {
        if flag.load(Ordering::SeqCst) && seen.is("GET", "/api/v1/credentials/org-key") {
            return answer(200, foreign.as_str());
        }
        Deed::Forward
    });
    let command = |arguments: &[&str]| {
        let mut command = world.command();
        command
            .env("HELVETISAFE_BASE_URL", proxy.base_url())
            .args(arguments);
        command
    };
    run(&mut command(&["set", "KEY", "--generate"]));
    is_hostile.store(true, Ordering::SeqCst);

    let output = command(&["set", "KEY", "--generate"]).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(8), "{stderr}");
    assert!(stderr.contains("has changed"), "{stderr}");
    assert_eq!(
        proxy.count("PUT", "/api/v1/secrets/KEY"),
        1,
        "the first one"
    );

    let output = command(&["list", "--keys"]).output().unwrap();
    assert_eq!(output.status.code(), Some(8));
    assert!(output.stdout.is_empty(), "reading stops too");
}

#[cfg(unix)]
#[test]
fn on_a_terminal_a_pin_is_asked_for() {
    use rexpect::session::spawn_command;

    let world = World::new();
    for (reply, told) in [("n", "nothing was pinned"), ("y", "pinned SHA256:")] {
        let mut command = world.command();
        command.args(["trust", "pin", "--color", "never"]);
        let mut session = spawn_command(command, Some(20_000)).unwrap();
        session.exp_string(&world.fingerprint()).unwrap();
        session.exp_string("[y/N]").unwrap();
        assert!(!file(&world).exists(), "not before the answer");
        session.send_line(reply).unwrap();
        let rest = session.exp_eof().unwrap();
        assert!(rest.contains(told), "{rest}");
    }
    assert_eq!(known(&world)[0]["fingerprint"], world.fingerprint());
}
