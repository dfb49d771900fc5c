//! `keep_token`: one access token for many commands, stored on disk.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::agent;
use crate::changing_vault::{CANARY, Mood, ORG_KEY_PATH, Stage, assert_hides, token};

impl Stage {
    /// Returns a command with `keep_token`.
    fn command_with_token(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(arguments);
        command.env("HELVETISAFE_KEEP_TOKEN", "true");
        command
    }

    /// Asserts that `get` with `keep_token` prints the value; returns stderr.
    fn get(&self) -> String {
        succeeds(&mut self.command_with_token(&["get", "KEY"]))
    }

    /// The identity of the stored file, which each write changes.
    fn version(&self) -> (u64, i64, i64) {
        let metadata = fs::metadata(self.file()).unwrap();
        (metadata.ino(), metadata.mtime(), metadata.mtime_nsec())
    }
}

/// Asserts that the command prints the value; returns stderr.
fn succeeds(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let messages = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{messages}");
    assert_eq!(output.stdout, CANARY.as_bytes());
    messages
}

/// Asserts that the command ends with this status and prints nothing; returns stderr.
fn fails(command: &mut Command, status: i32) -> String {
    let output = command.output().unwrap();
    let messages = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(status), "{messages}");
    assert_eq!(output.stdout, b"");
    messages
}

fn runs(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    output
}

#[test]
fn one_access_token_serves_every_command() {
    let stage = Stage::new();
    assert_eq!(stage.tokens(|| stage.get()), 1);
    let version = stage.version();
    stage.world.write("import.env", "IMPORTED=x\n", 0o600);
    stage.world.write("template", "{{ secret \"KEY\" }}", 0o600);
    let all: [&[&str]; 11] = [
        &["get", "KEY"],
        &["get", "KEY", "--json"],
        &["list"],
        &["set", "OTHER", "--generate"],
        &["update", "OTHER", "--generate"],
        &["copy", "OTHER", "COPY"],
        &["delete", "COPY"],
        &["import", "import.env"],
        &["inject", "template"],
        &["export", "--format", "json", "--key", "KEY"],
        &["run", "--key", "KEY", "--", "true"],
    ];
    let before = stage.proxy.count("GET", ORG_KEY_PATH);
    let tokens =
        stage.tokens(|| all.map(|arguments| runs(&mut stage.command_with_token(arguments))));
    assert_eq!(tokens, 0);
    let org_keys = stage.proxy.count("GET", ORG_KEY_PATH) - before;
    assert_eq!(org_keys, all.len(), "each looks at the org key of now");
    assert_eq!(stage.version(), version, "nothing changed");
    let messages = succeeds(&mut stage.command_with_token(&["get", "KEY", "--verbose"]));
    assert!(messages.contains("[redacted]"), "{messages}");
    assert_hides(&messages, &token(&stage.proxy.log()));

    let started = || agent::start_once(&mut stage.command_with_token(&[]));
    assert_eq!(stage.tokens(started), 0);
    fs::remove_file(stage.file()).unwrap();
    assert_eq!(stage.tokens(started), 1);
    assert_eq!(stage.tokens(|| stage.get()), 0, "the agent keeps it");
}

#[test]
fn without_the_setting_no_token_is_stored_or_used() {
    let stage = Stage::new();
    let without = || {
        let mut off = stage.command(&["get", "KEY"]);
        succeeds(&mut off);
        succeeds(off.env("HELVETISAFE_KEEP_TOKEN", "false"));
    };
    assert_eq!(stage.tokens(without), 2);
    assert!(!stage.folder().exists());
    stage.get();
    let version = stage.version();
    assert_eq!(stage.tokens(without), 2);
    assert_eq!(stage.version(), version);
}

#[test]
fn a_profile_can_set_keep_token() {
    let stage = Stage::new();
    let profile = "[profiles.default]\nkeep_token = true\n";
    stage.world.write("config.toml", profile, 0o600);
    let mut get = stage.command(&["get", "KEY", "--config", "config.toml"]);
    assert_eq!(stage.tokens(|| succeeds(&mut get)), 1);
    assert_eq!(stage.tokens(|| succeeds(&mut get)), 0);
    get.env("HELVETISAFE_KEEP_TOKEN", "false");
    assert_eq!(stage.tokens(|| succeeds(&mut get)), 1);
}

#[test]
fn the_stored_file_is_encrypted_and_private() {
    let stage = Stage::new();
    stage.get();
    let text = fs::read_to_string(stage.file()).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    let answers = json["answers"].as_object().unwrap();
    assert_eq!(answers.keys().collect::<Vec<_>>(), ["ticket"]);
    let secret = stage.world.name("CLIENT_SECRET");
    for plain in [&token(&stage.proxy.log()), CANARY, &secret] {
        assert_hides(&text, plain);
    }
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(stage.folder()), 0o700);
    for entry in fs::read_dir(stage.folder()).unwrap() {
        assert_eq!(mode(entry.unwrap().path()), 0o600);
    }
}

#[test]
fn a_stored_token_opens_with_a_password_too() {
    let stage = Stage::new();
    let password = stage.world.name("PASSWORD");
    let mut get = stage.command_with_token(&["get", "KEY"]);
    get.env_remove("HELVETISAFE_PRIVATE_KEY_PATH")
        .env("HELVETISAFE_PASSWORD", &password);
    assert_eq!(stage.tokens(|| succeeds(&mut get)), 1);
    assert_eq!(stage.tokens(|| succeeds(&mut get)), 0);
    assert_hides(&fs::read_to_string(stage.file()).unwrap(), &password);
}

#[test]
fn an_api_token_is_never_stored() {
    let stage = Stage::new();
    let token = stage.world.name("API_TOKEN");
    let command = |arguments: &[&str]| {
        let mut command = stage.command_with_token(arguments);
        command
            .env_remove("HELVETISAFE_CLIENT_ID")
            .env_remove("HELVETISAFE_CLIENT_SECRET")
            .env("HELVETISAFE_API_TOKEN", &token);
        command
    };
    assert_eq!(succeeds(&mut command(&["get", "KEY"])), "");
    assert!(!stage.folder().exists());

    // It does not use the file of cached responses either.
    let run = ["run", "--prefer-offline", "--key", "KEY", "--", "true"];
    runs(&mut command(&run));
    fs::write(stage.file(), "broken").unwrap();
    assert_eq!(succeeds(&mut command(&["get", "KEY"])), "");
}

#[test]
fn a_refused_or_unreadable_token_is_replaced_silently() {
    let stage = Stage::new();
    stage.get();
    stage.world.revoke_tokens();
    let get = || assert_eq!(stage.get(), "");
    assert_eq!(stage.tokens(get), 1);
    assert_eq!(stage.tokens(get), 0);

    for text in ["", "1.AAAA.AAAA.AAAA", "2.AAAA.AAAA.AAAA", "canary"] {
        stage.edit(|json| json["answers"]["ticket"]["answer"] = text.into());
        assert_eq!(stage.tokens(get), 1, "{text}");
        assert_eq!(stage.tokens(get), 0, "{text}");
    }
}

#[test]
fn a_token_fetched_after_connecting_is_stored() {
    let stage = Stage::new();
    stage.get();
    stage.set_mood(Mood::EndedToken);
    assert_eq!(stage.tokens(|| assert_eq!(stage.get(), "")), 1);
    assert_eq!(stage.tokens(|| stage.get()), 0);
}

#[test]
fn an_expiring_token_is_replaced() {
    let stage = Stage::new();
    succeeds(&mut stage.command(&["get", "KEY"]));
    stage.set_mood(Mood::ShortToken);
    assert_eq!(stage.tokens(|| stage.get()), 1);
    assert_eq!(stage.tokens(|| stage.get()), 0);
    thread::sleep(Duration::from_secs(2));
    assert_eq!(stage.tokens(|| stage.get()), 1, "half its life is over");
}

#[test]
fn a_refused_credential_fails_as_without_the_setting() {
    let stage = Stage::new();
    stage.get();
    let version = stage.version();
    let wrong = |mut command: Command| {
        command.env("HELVETISAFE_CLIENT_SECRET", "another");
        fails(&mut command, 3)
    };
    let get = ["get", "KEY"];
    assert_eq!(
        wrong(stage.command_with_token(&get)),
        wrong(stage.command(&get))
    );
    stage.set_mood(Mood::Revoked);
    let revoked = |mut command: Command| fails(&mut command, 3);
    assert_eq!(
        revoked(stage.command_with_token(&get)),
        revoked(stage.command(&get))
    );
    assert_eq!(stage.version(), version);
}

#[test]
fn a_failing_command_stores_the_token_too() {
    let stage = Stage::new();
    let fails = || fails(&mut stage.command_with_token(&["get", "NONE"]), 5);
    assert_eq!(stage.tokens(fails), 1);
    assert_eq!(stage.tokens(fails), 0);
}

#[test]
fn an_unreadable_file_is_reported_and_replaced() {
    let stage = Stage::new();
    stage.get();
    let original = fs::read_to_string(stage.file()).unwrap();
    for broken in [
        String::new(),
        original[..original.len() / 2].to_owned(),
        original.replace("client-id", "client-id another"),
        original.replace("\"version\":1", "\"version\":2"),
    ] {
        fs::write(stage.file(), &broken).unwrap();
        let messages = stage.get();
        assert!(messages.starts_with("helvetisafe: warning: "), "{messages}");
        assert!(messages.contains("delete it to start again"), "{messages}");
        assert_eq!(messages.lines().count(), 1, "{messages}");
        assert_eq!(stage.tokens(|| assert_eq!(stage.get(), "")), 0);
    }
    fs::set_permissions(stage.file(), fs::Permissions::from_mode(0o644)).unwrap();
    let messages = stage.get();
    assert!(
        messages.contains("warning: other users can read"),
        "{messages}"
    );
    assert_eq!(stage.get(), "");
}

#[test]
fn a_folder_without_write_access_is_only_a_warning() {
    let stage = Stage::new();
    stage.get();
    let fingerprint = stage.world.fingerprint();
    let mut get = stage.command_with_token(&["get", "KEY", "--org-key-fingerprint", &fingerprint]);
    let messages = succeeds(get.env(
        "HELVETISAFE_STATE_DIR",
        stage.world.folder.path().join("key.pem/state"),
    ));
    assert!(
        messages.contains("warning: cannot cache the access token"),
        "{messages}"
    );
    assert_eq!(messages.lines().count(), 1, "{messages}");
}

#[test]
fn concurrent_commands_leave_one_complete_file() {
    let stage = Stage::new();
    let start = || {
        let mut get = stage.command_with_token(&["get", "KEY"]);
        get.stdout(Stdio::null()).stderr(Stdio::piped());
        get.spawn().unwrap()
    };
    let children: Vec<_> = (0..6).map(|_| start()).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        assert_eq!(output.stderr, b"");
    }
    assert_eq!(stage.tokens(|| assert_eq!(stage.get(), "")), 0);
    let files = fs::read_dir(stage.folder()).unwrap();
    assert_eq!(files.count(), 2, "the file and its lock");
}

#[test]
fn commands_that_test_the_credential_fetch_their_own_token() {
    let stage = Stage::new();
    stage.get();
    let version = stage.version();
    for arguments in [&["doctor"][..], &["trust"], &["trust", "pin", "--yes"]] {
        let tests = || runs(&mut stage.command_with_token(arguments));
        assert_eq!(stage.tokens(tests), 1, "{arguments:?}");
    }
    assert_eq!(stage.version(), version, "nor do they keep it");
}

#[test]
fn a_changed_org_key_is_noticed_with_a_stored_token() {
    let stage = Stage::new();
    stage.get();
    stage.set_mood(Mood::ForeignOrgKey);
    let changed = "the org key of this vault has changed";
    let set = ["set", "OTHER", "--generate"];
    let messages = fails(&mut stage.command_with_token(&set), 8);
    assert!(messages.contains(changed), "{messages}");
    let messages = fails(&mut stage.command_with_token(&["list", "--keys"]), 8);
    assert!(messages.contains(changed), "{messages}");
    let fingerprint = stage.world.fingerprint();
    let pinned = ["list", "--org-key-fingerprint", &fingerprint];
    fails(&mut stage.command_with_token(&pinned), 8);
    assert_eq!(stage.proxy.count("POST", "/oauth/token"), 1);
}

#[test]
fn run_works_offline_and_shares_the_token() {
    let stage = Stage::new();
    let run = |option: &str| {
        let arguments = ["run", option, "--key", "KEY", "--", "printenv", "KEY"];
        let output = runs(&mut stage.command_with_token(&arguments));
        assert_eq!(output.stdout, format!("{CANARY}\n").as_bytes());
    };
    stage.get();
    assert_eq!(stage.tokens(|| run("--prefer-offline")), 0);
    let (version, before) = (stage.version(), stage.proxy.log().len());
    run("--prefer-offline");
    run("--offline");
    assert_eq!(stage.proxy.log().len(), before);
    assert_eq!(stage.version(), version);
    stage.world.revoke_tokens();
    assert_eq!(stage.tokens(|| stage.get()), 1);
    let before = stage.proxy.log().len();
    run("--offline");
    assert_eq!(stage.proxy.log().len(), before, "the answers stay");
    assert_eq!(stage.tokens(|| run("--max-age=1h")), 0);

    // Without a ticket an offline run adds none.
    stage.edit(|json| json["answers"]["ticket"]["answer"] = "".into());
    let version = stage.version();
    run("--offline");
    assert_eq!(stage.version(), version);
}
