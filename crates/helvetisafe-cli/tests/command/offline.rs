//! `run --offline`, `--prefer-offline`, `--max-age`: the contents of the cache, and its use.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use helvetisafe::{Scopes, Timestamp};
use jiff::SignedDuration;
use serde_json::Value;

use crate::changing_vault::{CANARY, KEY_PATH, Mood, ORG_KEY_PATH, Stage, assert_hides, token};

impl Stage {
    /// Returns `run` with these options and a program that prints `KEY`.
    fn run_command(&self, options: &[&str]) -> Command {
        let mut command = self.command(&["run"]);
        command.args(options).args(["--", "printenv", "KEY"]);
        command
    }

    fn run(&self, options: &[&str]) -> Output {
        let options = [&["--key", "KEY"], options].concat();
        self.run_command(&options).output().unwrap()
    }

    /// Asserts that the program gets the value; returns stderr.
    fn succeeds(&self, options: &[&str]) -> String {
        let output = self.run(options);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{options:?}: {stderr}");
        assert_eq!(output.stdout, format!("{CANARY}\n").as_bytes());
        stderr
    }

    /// Asserts that no program starts; returns stderr.
    fn fails(&self, options: &[&str]) -> String {
        let output = self.run(options);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(125), "{options:?}: {stderr}");
        assert_eq!(output.stdout, b"");
        stderr
    }
}

#[test]
fn without_an_option_nothing_is_stored() {
    let stage = Stage::new();
    stage.succeeds(&[]);
    assert!(!stage.folder().exists());
    assert!(stage.fails(&["--offline"]).contains("nothing is cached"));
    assert!(!stage.folder().exists());
}

#[test]
fn offline_runs_send_no_request() {
    let stage = Stage::new();
    stage.succeeds(&["--prefer-offline"]);
    let before = stage.requests();
    stage.succeeds(&["--offline"]);
    stage.succeeds(&["--prefer-offline"]);
    stage.succeeds(&["--offline", "--max-age", "1h"]);
    assert_eq!(stage.requests(), before);

    let other = stage.run_command(&["--offline", "--key", "OTHER"]).output();
    let stderr = String::from_utf8(other.unwrap().stderr).unwrap();
    assert!(
        stderr.contains("`OTHER` is not in the offline cache"),
        "{stderr}"
    );
    let all = stage.run_command(&["--offline", "--all"]).output().unwrap();
    let stderr = String::from_utf8(all.stderr).unwrap();
    assert!(
        stderr.contains("no list of the secrets is cached"),
        "{stderr}"
    );
    assert_eq!(stage.requests(), before);
}

#[test]
fn a_write_removes_the_old_value_from_the_cache() {
    let writes: [&[&str]; 8] = [
        &["set", "KEY", "--value-file", "new"],
        &["update", "KEY", "--value-file", "new"],
        &["rotate", "KEY", "--value-file", "new"],
        &["import", "new.env", "--overwrite"],
        &["copy", "OTHER", "KEY", "--overwrite"],
        &["move", "OTHER", "KEY", "--overwrite"],
        &["delete", "KEY"],
        &["move", "KEY", "THIRD"],
    ];
    for arguments in writes {
        let stage = Stage::new();
        let world = &stage.world;
        world.write("new", "new-value", 0o600);
        world.write("new.env", "KEY=new-value\n", 0o600);
        world.set("OTHER", "new-value");
        let get = |option: &str| stage.command(&["get", "KEY", option]).output().unwrap();
        let listed = || stage.command(&["list", "--keys", "--offline"]).output();
        stage.succeeds(&["--prefer-offline"]);
        let list = stage.command(&["list", "--prefer-offline"]).output();
        assert!(list.unwrap().status.success());
        let written = stage.command(arguments).output().unwrap();
        assert!(written.status.success(), "{arguments:?}: {written:?}");

        let offline = get("--offline");
        assert_eq!(offline.stdout, b"", "{arguments:?}");
        assert_eq!(offline.status.code(), Some(1), "{arguments:?}");
        let is_gone = arguments.iter().position(|it| *it == "KEY") == Some(1)
            && ["delete", "move"].contains(&arguments[0]);
        let listed = String::from_utf8(listed().unwrap().stdout).unwrap();
        assert_eq!(
            listed.contains("KEY\n"),
            !is_gone,
            "{arguments:?}: {listed}"
        );
        let online = get("--prefer-offline");
        let expected: &[u8] = if is_gone { b"" } else { b"new-value" };
        assert_eq!(online.stdout, expected, "{arguments:?}");
    }
}

#[test]
fn the_list_is_stored_too() {
    let stage = Stage::new();
    let run = |options: &[&str]| stage.run_command(options).output().unwrap();
    assert!(run(&["--prefer-offline", "--all"]).status.success());
    let before = stage.requests();
    assert!(run(&["--offline", "--prefix", "K"]).status.success());
    assert_eq!(stage.requests(), before);
}

#[test]
fn with_a_password_the_locked_key_is_stored() {
    let stage = Stage::new();
    let password = stage.world.name("PASSWORD");
    let run = |option| {
        let mut command = stage.run_command(&["--key", "KEY", option]);
        command
            .env_remove("HELVETISAFE_PRIVATE_KEY_PATH")
            .env("HELVETISAFE_PASSWORD", &password);
        command.output().unwrap()
    };
    assert_eq!(run("--prefer-offline").stdout, b"canary-0ff11e\n");
    let before = stage.requests();
    assert_eq!(run("--offline").stdout, b"canary-0ff11e\n");
    assert_eq!(stage.requests(), before);
    // It also opens the cached access token.
    let asks = || assert_eq!(run("--max-age=1h").stdout, b"canary-0ff11e\n");
    assert_eq!(stage.tokens(asks), 0);
    assert!(stage.requests() > before);
}

#[test]
fn the_stored_file_is_encrypted_and_private() {
    let stage = Stage::new();
    stage.succeeds(&["--prefer-offline"]);
    let text = fs::read_to_string(stage.file()).unwrap();
    assert!(text.contains("secrets/KEY"), "{text}");
    assert!(text.contains("\"ticket\""), "{text}");

    let token = token(&stage.proxy.log());
    let pem = fs::read_to_string(stage.world.folder.path().join("key.pem")).unwrap();
    let pem = pem.lines().nth(1).unwrap().to_owned();
    let secret = stage.world.name("CLIENT_SECRET");
    for plain in [CANARY, &token, &secret, &pem] {
        assert_hides(&text, plain);
    }

    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(stage.folder()), 0o700);
    for entry in fs::read_dir(stage.folder()).unwrap() {
        assert_eq!(mode(entry.unwrap().path()), 0o600);
    }
}

#[test]
fn the_next_run_needs_no_access_token() {
    let stage = Stage::new();
    let ask = || stage.succeeds(&["--max-age", "1h"]);
    assert_eq!(stage.tokens(ask), 1);
    assert_eq!(stage.tokens(ask), 0);
    assert_eq!(stage.tokens(ask), 0, "it stays cached");
    stage.world.set("OTHER", "other");
    let for_the_rest = || {
        let options = ["--prefer-offline", "--key", "KEY", "--key", "OTHER"];
        assert!(
            stage
                .run_command(&options)
                .output()
                .unwrap()
                .status
                .success()
        );
    };
    assert_eq!(stage.tokens(for_the_rest), 0);
    let messages = stage.succeeds(&["--max-age", "1h", "--verbose"]);
    assert!(messages.contains("[redacted]"), "{messages}");
    assert!(!messages.contains(&token(&stage.proxy.log())), "{messages}");

    assert_eq!(stage.tokens(|| stage.succeeds(&[])), 1, "only when asked");
    fs::remove_file(stage.file()).unwrap();
    assert_eq!(stage.tokens(ask), 1);
}

#[test]
fn a_failing_run_stores_only_the_access_token() {
    let stage = Stage::new();
    let fails = || {
        let options = ["--max-age", "1h", "--key", "KEY", "--key", "NONE"];
        let output = stage.run_command(&options).output().unwrap();
        assert_eq!(output.status.code(), Some(125));
    };
    assert_eq!(stage.tokens(fails), 1);
    assert_eq!(stage.tokens(fails), 0);
    assert!(stage.fails(&["--offline"]).contains("nothing is cached"));
}

#[test]
fn a_refused_stored_token_is_replaced() {
    let stage = Stage::new();
    let ask = || stage.succeeds(&["--max-age", "1h"]);
    ask();
    stage.world.revoke_tokens();
    let before = stage.proxy.count("GET", ORG_KEY_PATH);
    assert_eq!(stage.tokens(ask), 1);
    assert_eq!(stage.proxy.count("GET", ORG_KEY_PATH), before + 2);
    assert_eq!(stage.tokens(ask), 0);
}

#[test]
fn an_expiring_stored_token_is_not_used() {
    let stage = Stage::new();
    let ask = || stage.succeeds(&["--max-age", "1h"]);
    ask();
    fs::remove_file(stage.file()).unwrap();
    stage.set_mood(Mood::ShortToken);
    assert_eq!(stage.tokens(ask), 1);
    assert_eq!(stage.tokens(ask), 0);
    thread::sleep(Duration::from_secs(2));
    assert_eq!(stage.tokens(ask), 1, "half its life is over");
}

#[test]
fn a_stored_token_belongs_to_one_account_and_one_client_secret() {
    let stage = Stage::new();
    let options = ["--max-age", "1h", "--key", "KEY"];
    let ticket = |json: &mut Value| json["answers"]["ticket"]["answer"].clone();
    let mut of_owner = Value::Null;
    stage.succeeds(&options[..2]);
    let file = stage.file();
    stage.edit(|json| of_owner = ticket(json));

    let mut wrong = stage.run_command(&options);
    wrong.env("HELVETISAFE_CLIENT_SECRET", "another");
    assert_eq!(stage.tokens(|| wrong.output().unwrap()), 1);
    assert_eq!(wrong.output().unwrap().status.code(), Some(125));

    let another = stage.world.command_with(Scopes::ALL);
    let variables: Vec<_> = another.get_envs().collect();
    let ask = || {
        let mut command = stage.run_command(&options);
        for (name, value) in &variables {
            let is_url = *name == "HELVETISAFE_BASE_URL";
            command.env(name, value.filter(|_| !is_url).unwrap_or_default());
        }
        command.env("HELVETISAFE_BASE_URL", stage.proxy.base_url());
        assert_eq!(command.output().unwrap().stdout, b"canary-0ff11e\n");
    };
    assert_eq!(stage.tokens(ask), 1);
    assert_eq!(stage.tokens(ask), 0);
    fs::remove_file(file).unwrap();
    stage.edit(|json| json["answers"]["ticket"]["answer"] = of_owner);
    assert_eq!(stage.tokens(ask), 1, "it is another account's");
    assert_eq!(stage.tokens(ask), 0, "it was replaced");
}

#[test]
fn an_unreadable_stored_token_is_replaced_silently() {
    let stage = Stage::new();
    stage.succeeds(&["--max-age", "1h"]);
    for text in ["", "1.AAAA.AAAA.AAAA", "canary"] {
        stage.edit(|json| json["answers"]["ticket"]["answer"] = text.into());
        let ask = || assert_eq!(stage.succeeds(&["--max-age", "1h"]), "");
        assert_eq!(stage.tokens(ask), 1, "{text}");
        assert_eq!(stage.tokens(ask), 0, "{text}");
    }
}

#[test]
fn an_api_token_is_never_stored() {
    let stage = Stage::new();
    let mut command = stage.run_command(&["--max-age", "1h", "--key", "KEY"]);
    let token = stage.world.name("API_TOKEN");
    command
        .env_remove("HELVETISAFE_CLIENT_ID")
        .env_remove("HELVETISAFE_CLIENT_SECRET")
        .env("HELVETISAFE_API_TOKEN", &token);
    assert!(command.output().unwrap().status.success());
    let text = fs::read_to_string(stage.file()).unwrap();
    assert!(text.contains("secrets/KEY"), "{text}");
    assert!(!text.contains("ticket") && !text.contains(&token), "{text}");
}

#[test]
fn while_the_vault_is_down_recent_answers_are_used() {
    let stage = Stage::new();
    stage.succeeds(&["--max-age", "1h"]);
    let reads = || stage.proxy.count("GET", KEY_PATH);
    assert_eq!(reads(), 1);
    stage.succeeds(&["--max-age", "1h"]);
    assert_eq!(reads(), 2, "the vault is asked first");

    stage.set_mood(Mood::Down);
    let messages = stage.succeeds(&["--max-age", "1h"]);
    assert!(messages.contains("using the entries cached"), "{messages}");
    stage.fails(&[]);

    stage.edit(|json| json["answers"]["secrets/KEY"]["at"] = "2020-01-01T00:00:00Z".into());
    let messages = stage.fails(&["--max-age", "1h"]);
    assert!(
        messages.contains("cannot read the secret `KEY`"),
        "{messages}"
    );
    stage.fails(&["--prefer-offline", "--max-age", "1h"]);
    let messages = stage.fails(&["--offline", "--max-age", "1h"]);
    assert!(messages.contains("longer than --max-age"), "{messages}");
    stage.succeeds(&["--offline"]);
    stage.succeeds(&["--prefer-offline"]);

    stage.set_mood(Mood::Honest);
    let before = reads();
    stage.succeeds(&["--prefer-offline", "--max-age", "1h"]);
    assert_eq!(reads(), before + 1, "what is too old is asked for");

    // After the clock was set back, the age is unknown.
    stage.edit(|json| json["answers"]["secrets/KEY"]["at"] = "2200-01-01T00:00:00Z".into());
    let reason = "was cached at 2200-01-01T00:00:00Z, which is later than now by the clock of this \
                  machine, so its age is unknown; set the clock, or leave out --max-age";
    let messages = stage.fails(&["--offline", "--max-age", "1h"]);
    assert!(messages.contains(reason), "{messages}");
    stage.set_mood(Mood::Down);
    let messages = stage.fails(&["--max-age", "1h"]);
    assert!(messages.contains(reason), "{messages}");
    assert!(
        messages.contains("a cached entry was not used"),
        "{messages}"
    );
    stage.succeeds(&["--offline"]);
}

#[test]
fn an_unreachable_vault_is_reported_once() {
    let stage = Stage::new();
    let all = || {
        stage
            .run_command(&["--max-age", "1h", "--all"])
            .output()
            .unwrap()
    };
    assert!(all().status.success());
    // The entries have the same age, however slow the machine is.
    let at = Timestamp::now() - SignedDuration::from_secs(600);
    stage.edit(|json| {
        for entry in json["answers"].as_object_mut().unwrap().values_mut() {
            entry["at"] = at.to_string().into();
        }
    });
    stage.set_mood(Mood::Down);
    let output = all();
    assert!(output.status.success());
    let messages = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        messages.matches("using the entries cached").count(),
        1,
        "{messages}"
    );
}

#[test]
fn a_refusal_by_the_vault_is_final() {
    let stage = Stage::new();
    stage.succeeds(&["--max-age", "1h"]);
    stage.set_mood(Mood::Forbidden);
    stage.fails(&["--max-age", "1h"]);
    stage.succeeds(&["--offline"]);
    // The page of a proxy says nothing about the secret.
    stage.set_mood(Mood::Page);
    let messages = stage.fails(&["--max-age", "1h"]);
    assert!(messages.contains("check the base URL"), "{messages}");
    stage.succeeds(&["--offline"]);
    stage.set_mood(Mood::Gone);
    stage.fails(&["--max-age", "1h"]);
    let messages = stage.fails(&["--offline"]);
    assert!(
        messages.contains("`KEY` is not in the offline cache"),
        "{messages}"
    );
}

#[test]
fn a_modified_stored_answer_is_an_error() {
    let stage = Stage::new();
    stage.world.set("OTHER", "other");
    let both = ["--prefer-offline", "--key", "KEY", "--key", "OTHER"];
    assert!(stage.run_command(&both).output().unwrap().status.success());
    let original = fs::read(stage.file()).unwrap();
    let requests = stage.requests();

    stage.edit(|json| {
        let other = json["answers"]["secrets/OTHER"]["answer"].clone();
        let entry = &mut json["answers"]["secrets/KEY"]["answer"];
        entry["value"] = other["value"].clone();
        entry["nonce"] = other["nonce"].clone();
    });
    for option in ["--offline", "--prefer-offline"] {
        let messages = stage.fails(&[option]);
        assert!(
            messages.contains("holds one value named `OTHER`"),
            "{messages}"
        );
    }

    fs::write(stage.file(), &original).unwrap();
    stage.edit(|json| {
        let answers = &mut json["answers"];
        answers["secrets/KEY"]["answer"]["nonce"] = "AAAAAAAAAAAAAAAA".into();
    });
    for option in ["--offline", "--prefer-offline"] {
        let messages = stage.fails(&[option]);
        assert!(messages.contains("it is cached in"), "{messages}");
    }
    assert_eq!(stage.requests(), requests, "the vault is no way out");

    fs::write(stage.file(), &original).unwrap();
    let foreign: Value = serde_json::from_str(&stage.world.foreign_org_key()).unwrap();
    stage.edit(|json| json["answers"]["credentials/org-key"]["answer"] = foreign);
    let messages = stage.fails(&["--offline"]);
    assert!(messages.contains("has changed"), "{messages}");
    let pinned = ["--offline", "--org-key-fingerprint"];
    let messages = stage.fails(&[&pinned[..], &[&stage.world.fingerprint()]].concat());
    assert!(messages.contains("expects"), "{messages}");
}

#[test]
fn a_key_problem_does_not_suggest_deleting_the_cache() {
    let stage = Stage::new();
    stage.succeeds(&["--prefer-offline"]);
    let offline = |name, value: &str| {
        let mut command = stage.run_command(&["--offline", "--key", "KEY"]);
        command.env_remove("HELVETISAFE_PRIVATE_KEY_PATH");
        let output = command.env(name, value).output().unwrap();
        assert_eq!(output.status.code(), Some(125));
        String::from_utf8(output.stderr).unwrap()
    };
    let key_file = |name| offline("HELVETISAFE_PRIVATE_KEY_PATH", name);
    stage.world.write("malformed.pem", "no key", 0o600);
    stage.world.write("open.pem", "no key", 0o644);
    for name in ["missing.pem", "malformed.pem", "open.pem"] {
        let messages = key_file(name);
        assert!(!messages.contains("delete"), "{messages}");
    }
    let messages = offline("HELVETISAFE_PASSWORD", &stage.world.name("PASSWORD"));
    assert!(!messages.contains("delete"), "{messages}");
    assert!(messages.contains("with --prefer-offline"), "{messages}");

    // Another account, whose key opens none of this account's secrets.
    stage.world.reader_names();
    let messages = key_file("reader.pem");
    let [key, file] = ["private key", "it is cached in"].map(|part| messages.find(part));
    assert!(messages.contains("may belong to another"), "{messages}");
    assert!(key.unwrap() < file.unwrap(), "{messages}");
}

#[test]
fn an_expired_secret_is_never_used() {
    let stage = Stage::new();
    stage.succeeds(&["--prefer-offline"]);
    let expire = |json: &mut Value| {
        json["answers"]["secrets/KEY"]["answer"]["expires_at"] = "2020-01-01T00:00:00Z".into();
    };
    stage.edit(expire);
    assert!(stage.fails(&["--offline"]).contains("has expired"));
    stage.set_mood(Mood::Down);
    stage.fails(&["--prefer-offline"]);
    stage.fails(&["--max-age", "1h"]);
    stage.set_mood(Mood::Honest);
    let before = stage.proxy.count("GET", KEY_PATH);
    stage.succeeds(&["--prefer-offline"]);
    assert_eq!(stage.proxy.count("GET", KEY_PATH), before + 1);
}

#[test]
fn an_unusable_file_is_reported_and_replaced() {
    let stage = Stage::new();
    stage.succeeds(&["--prefer-offline"]);
    let original = fs::read_to_string(stage.file()).unwrap();
    for broken in [
        String::new(),
        original[..original.len() / 2].to_owned(),
        original.replace("client-id", "client-id another"),
        original.replace("\"version\":1", "\"version\":2"),
    ] {
        fs::write(stage.file(), &broken).unwrap();
        let messages = stage.fails(&["--offline"]);
        assert!(messages.contains("delete it to start again"), "{messages}");
        let messages = stage.succeeds(&["--prefer-offline"]);
        assert!(messages.contains("delete it to start again"), "{messages}");
        assert_eq!(stage.succeeds(&["--offline"]), "");
    }
    fs::set_permissions(stage.file(), fs::Permissions::from_mode(0o644)).unwrap();
    let messages = stage.fails(&["--offline"]);
    assert!(messages.contains("other users can read"), "{messages}");
}

#[test]
fn concurrent_runs_store_all_their_answers() {
    let stage = Stage::new();
    let keys: Vec<_> = (0..6).map(|n| format!("AT_ONCE_{n}")).collect();
    for key in &keys {
        stage.world.set(key, key);
    }
    let start = |key: &String| {
        let mut command = stage.run_command(&["--prefer-offline", "--env", &format!("KEY={key}")]);
        command.stdout(Stdio::null()).spawn().unwrap()
    };
    let children: Vec<_> = keys.iter().map(start).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    for key in &keys {
        let output = stage.run_command(&["--offline", "--env", &format!("KEY={key}")]);
        let output = { output }.output().unwrap();
        assert_eq!(output.stdout, format!("{key}\n").as_bytes());
    }
}

/// Whenever the command is killed, the file is the old one or the new one.
#[test]
fn a_kill_leaves_a_complete_file() {
    let stage = Stage::new();
    stage.succeeds(&["--max-age", "1h"]);
    for n in 0..12 {
        let mut child = stage.run_command(&["--max-age", "1h", "--key", "KEY"]);
        let mut child = child.stdout(Stdio::null()).spawn().unwrap();
        let reads = stage.proxy.count("GET", KEY_PATH);
        while stage.proxy.count("GET", KEY_PATH) == reads && child.try_wait().unwrap().is_none() {
            thread::sleep(Duration::from_micros(200));
        }
        // The kill comes a little later after the secret's arrival each time.
        thread::sleep(Duration::from_micros(n * 700));
        let _ = child.kill();
        child.wait().unwrap();
        stage.succeeds(&["--offline"]);
    }
}
