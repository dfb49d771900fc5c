//! The remembered org keys: shared by processes, and private to the user. More tests are in `trust.txt`.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use helvetisafe_test_support::{Action, answer};
use serde_json::Value;

use crate::world::{World, start_proxy};

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
fn concurrent_first_uses_store_one_entry() {
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
fn other_users_cannot_read_the_trust_memory() {
    use std::os::unix::fs::PermissionsExt;

    let world = World::new();
    run(world.command().arg("list"));
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(file(&world)), 0o600);
    assert_eq!(mode(file(&world).parent().unwrap().to_owned()), 0o700);
}

#[test]
fn the_trust_memory_holds_only_a_digest_of_an_api_token() {
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
fn the_state_folder_can_be_chosen() {
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

/// The vault itself returns another org key: that of another organization, wrapped for the same account.
#[test]
fn a_changed_org_key_stops_every_command() {
    let world = World::new();
    let foreign = world.foreign_org_key();
    let is_hostile = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&is_hostile);
    let proxy = start_proxy(move |seen, _| {
        if flag.load(Ordering::SeqCst) && seen.is("GET", "/api/v1/credentials/org-key") {
            return answer(200, foreign.as_str());
        }
        Action::Forward
    });
    let command = |arguments: &[&str]| {
        let mut command = world.command_through(&proxy);
        command.args(arguments);
        command
    };
    run(&mut command(&["set", "KEY", "--generate"]));
    is_hostile.store(true, Ordering::SeqCst);

    let output = command(&["set", "KEY", "--generate"]).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(8), "{stderr}");
    assert!(stderr.contains("has changed"), "{stderr}");
    let writes = [("POST", "/api/v1/secrets"), ("PUT", "/api/v1/secrets/KEY")];
    let writes = writes.map(|(method, path)| proxy.count(method, path));
    assert_eq!(writes, [1, 0], "the first one");

    let output = command(&["list", "--keys"]).output().unwrap();
    assert_eq!(output.status.code(), Some(8));
    assert!(output.stdout.is_empty(), "reading stops too");
}

#[test]
fn without_a_terminal_trust_pin_names_the_vault_and_replaces_no_confirmed_key() {
    let world = World::new();
    run(world.command().args(["set", "KEY", "--generate"]));
    let strange = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let pin = |options: &[&str]| {
        let mut command = world.command();
        command.args(["trust", "pin", strange]).args(options);
        command.stdin(Stdio::null()).output().unwrap()
    };
    let url = world.name("URL");
    let refused = pin(&[]);
    let messages = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{messages}");
    assert!(messages.contains(&url) && messages.contains("--yes"));
    assert_eq!(known(&world)[0]["fingerprint"], world.fingerprint());

    let pinned = pin(&["--yes"]);
    let messages = String::from_utf8(pinned.stderr).unwrap();
    assert!(messages.contains(&url), "{messages}");
    assert_eq!(known(&world)[0]["fingerprint"], strange);
    // The vault of another option has nothing that is confirmed.
    let other = pin(&["--base-url", "https://vault.example"]);
    assert!(other.status.success(), "{other:?}");
}

#[cfg(unix)]
#[test]
fn on_a_terminal_trust_pin_asks_for_confirmation() {
    use rexpect::session::spawn_command;

    let world = World::new();
    for (reply, messages) in [("n", "nothing was pinned"), ("y", "pinned SHA256:")] {
        let mut command = world.command();
        command.args(["trust", "pin", "--color", "never"]);
        let mut session = spawn_command(command, Some(60_000)).unwrap();
        session.exp_string(&world.fingerprint()).unwrap();
        session.exp_string("[y/N]").unwrap();
        assert!(!file(&world).exists(), "not before the answer");
        session.send_line(reply).unwrap();
        let rest = session.exp_eof().unwrap();
        assert!(rest.contains(messages), "{rest}");
    }
    assert_eq!(known(&world)[0]["fingerprint"], world.fingerprint());
}

/// An earlier version remembered the newest number of any org key, also after `trust pin` of another one.
#[test]
fn the_number_of_an_earlier_version_is_no_alarm() {
    let world = World::new();
    world.set("KEY", "value");
    let file = world
        .folder
        .path()
        .join(".local/state/helvetisafe/known-vaults.json");
    let known =
        || -> serde_json::Value { serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap() };
    let mut old = known();
    let entry = old["vaults"][0].as_object_mut().unwrap();
    assert_eq!(entry.remove("org_key_number"), Some(1.into()));
    entry.insert("key_epoch".to_owned(), 7.into());
    let text = old.to_string();
    for line in [&["trust", "pin", "--yes"][..], &["trust"], &["get", "KEY"]] {
        std::fs::write(&file, &text).unwrap();
        let output = world.command().args(line).output().unwrap();
        assert!(output.status.success(), "{line:?}: {output:?}");
        world.set("KEY", "value");
        let entry = &known()["vaults"][0];
        assert_eq!(entry["org_key_number"], 1, "{line:?}");
        assert_eq!(entry.get("key_epoch"), None, "{line:?}");
    }
}
