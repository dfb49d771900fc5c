//! `keep_token`: one access token for many commands, and what is on disk for it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::agent;
use crate::offline::{assert_hides, token};
use crate::proxy::{Deed, Proxy, Seen, answer};
use crate::world::{World, vault_address};

const CANARY: &str = "canary-7e5a1d";
const TOKEN_PATH: &str = "/oauth/token";
const ORG_KEY_PATH: &str = "/api/v1/credentials/org-key";
const SECRET_PATH: &str = "/api/v1/secrets/KEY";

/// A world whose requests are counted, and whose vault can be made to refuse.
struct Stage {
    world: World,
    proxy: Proxy,
    deed: Arc<AtomicUsize>,
}

/// What the proxy does, by its number.
const FORWARD: usize = 0;
const SHORT: usize = 1;
const REVOKED: usize = 2;
const FOREIGN: usize = 3;
const ENDED: usize = 4;

fn deed(number: usize, seen: &Seen, before: &[Seen], foreign: &str) -> Deed {
    match number {
        // A token from before, with a life of 4 s.
        SHORT if seen.is("POST", TOKEN_PATH) => answer(
            200,
            format!(r#"{{"access_token":"{}","expires_in":4}}"#, token(before)),
        ),
        // The first token is good to connect with, and no longer for the secret.
        ENDED if seen.is("GET", SECRET_PATH) && authorization([seen]) == authorization(before) => {
            answer(401, "")
        }
        REVOKED => answer(401, r#"{"error":"no"}"#),
        FOREIGN if seen.is("GET", ORG_KEY_PATH) => answer(200, foreign),
        _ => Deed::Forward,
    }
}

/// The first credential among these.
fn authorization<'a>(requests: impl IntoIterator<Item = &'a Seen>) -> Option<&'a str> {
    let mut requests = requests.into_iter();
    requests.find_map(|seen| seen.header("authorization"))
}

impl Stage {
    fn new() -> Self {
        let world = World::new();
        world.set("KEY", CANARY);
        let number = Arc::new(AtomicUsize::new(FORWARD));
        let shared = Arc::clone(&number);
        let foreign = world.foreign_org_key();
        let proxy = Proxy::start(vault_address(), move |seen, before| {
            deed(shared.load(Ordering::SeqCst), seen, before, &foreign)
        });
        Self {
            world,
            proxy,
            deed: number,
        }
    }

    fn play(&self, number: usize) {
        self.deed.store(number, Ordering::SeqCst);
    }

    /// A command without the setting.
    fn plain(&self, arguments: &[&str]) -> Command {
        let mut command = self.world.command();
        command
            .env("HELVETISAFE_BASE_URL", self.proxy.base_url())
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    /// A command with the setting.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.plain(arguments);
        command.env("HELVETISAFE_KEEP_TOKEN", "true");
        command
    }

    /// The value comes; what was told.
    fn get(&self) -> String {
        succeeds(&mut self.command(&["get", "KEY"]))
    }

    fn folder(&self) -> PathBuf {
        let folder = self.world.folder.path();
        folder.join(".local/state/helvetisafe/cache")
    }

    fn file(&self) -> PathBuf {
        let files = fs::read_dir(self.folder()).unwrap();
        let mut files = files.map(|entry| entry.unwrap().path());
        let is_json = |path: &PathBuf| path.extension().is_some_and(|it| it == "json");
        files.find(is_json).unwrap()
    }

    /// Which file it is: another one after each writing.
    fn version(&self) -> (u64, i64, i64) {
        let metadata = fs::metadata(self.file()).unwrap();
        (metadata.ino(), metadata.mtime(), metadata.mtime_nsec())
    }

    fn edit(&self, change: impl FnOnce(&mut Value)) {
        let mut json = serde_json::from_slice(&fs::read(self.file()).unwrap()).unwrap();
        change(&mut json);
        fs::write(self.file(), json.to_string()).unwrap();
    }

    /// How many access tokens `run` fetches.
    fn tokens<T>(&self, run: impl FnOnce() -> T) -> usize {
        let before = self.proxy.count("POST", TOKEN_PATH);
        run();
        self.proxy.count("POST", TOKEN_PATH) - before
    }
}

/// The value comes; what was told.
fn succeeds(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert_eq!(output.stdout, CANARY.as_bytes());
    told
}

/// It ends with this status, and prints nothing; what was told.
fn fails(command: &mut Command, status: i32) -> String {
    let output = command.output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(status), "{told}");
    assert_eq!(output.stdout, b"");
    told
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
    let tokens = stage.tokens(|| all.map(|arguments| runs(&mut stage.command(arguments))));
    assert_eq!(tokens, 0);
    let org_keys = stage.proxy.count("GET", ORG_KEY_PATH) - before;
    assert_eq!(org_keys, all.len(), "each looks at the org key of now");
    assert_eq!(stage.version(), version, "nothing changed");
    let told = succeeds(&mut stage.command(&["get", "KEY", "--verbose"]));
    assert!(told.contains("[redacted]"), "{told}");
    assert_hides(&told, &token(&stage.proxy.log()));

    let started = || agent::start_once(&mut stage.command(&[]));
    assert_eq!(stage.tokens(started), 0);
    fs::remove_file(stage.file()).unwrap();
    assert_eq!(stage.tokens(started), 1);
    assert_eq!(stage.tokens(|| stage.get()), 0, "the agent keeps it");
}

#[test]
fn without_the_setting_nothing_is_kept_or_used() {
    let stage = Stage::new();
    let without = || {
        let mut off = stage.plain(&["get", "KEY"]);
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
fn a_profile_asks_for_it_too() {
    let stage = Stage::new();
    let profile = "[profiles.default]\nkeep_token = true\n";
    stage.world.write("config.toml", profile, 0o600);
    let mut get = stage.plain(&["get", "KEY", "--config", "config.toml"]);
    assert_eq!(stage.tokens(|| succeeds(&mut get)), 1);
    assert_eq!(stage.tokens(|| succeeds(&mut get)), 0);
    get.env("HELVETISAFE_KEEP_TOKEN", "false");
    assert_eq!(stage.tokens(|| succeeds(&mut get)), 1);
}

#[test]
fn what_is_kept_is_ciphertext_and_nobody_elses() {
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
fn a_password_opens_it_too() {
    let stage = Stage::new();
    let password = stage.world.name("PASSWORD");
    let mut get = stage.command(&["get", "KEY"]);
    get.env_remove("HELVETISAFE_PRIVATE_KEY_PATH")
        .env("HELVETISAFE_PASSWORD", &password);
    assert_eq!(stage.tokens(|| succeeds(&mut get)), 1);
    assert_eq!(stage.tokens(|| succeeds(&mut get)), 0);
    assert_hides(&fs::read_to_string(stage.file()).unwrap(), &password);
}

#[test]
fn an_api_token_is_never_kept() {
    let stage = Stage::new();
    let token = stage.world.name("API_TOKEN");
    let command = |arguments: &[&str]| {
        let mut command = stage.command(arguments);
        command
            .env_remove("HELVETISAFE_CLIENT_ID")
            .env_remove("HELVETISAFE_CLIENT_SECRET")
            .env("HELVETISAFE_API_TOKEN", &token);
        command
    };
    assert_eq!(succeeds(&mut command(&["get", "KEY"])), "");
    assert!(!stage.folder().exists());

    // Nor is it looked for in the answers that are kept.
    let run = ["run", "--prefer-offline", "--key", "KEY", "--", "true"];
    runs(&mut command(&run));
    fs::write(stage.file(), "broken").unwrap();
    assert_eq!(succeeds(&mut command(&["get", "KEY"])), "");
}

#[test]
fn one_that_is_refused_or_does_not_open_is_replaced_and_nobody_is_told() {
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
fn one_that_is_fetched_after_connecting_is_kept() {
    let stage = Stage::new();
    stage.get();
    stage.play(ENDED);
    assert_eq!(stage.tokens(|| assert_eq!(stage.get(), "")), 1);
    assert_eq!(stage.tokens(|| stage.get()), 0);
}

#[test]
fn one_near_its_end_is_replaced() {
    let stage = Stage::new();
    succeeds(&mut stage.plain(&["get", "KEY"]));
    stage.play(SHORT);
    assert_eq!(stage.tokens(|| stage.get()), 1);
    assert_eq!(stage.tokens(|| stage.get()), 0);
    thread::sleep(Duration::from_secs(2));
    assert_eq!(stage.tokens(|| stage.get()), 1, "half its life is over");
}

#[test]
fn a_credential_that_is_refused_fails_as_it_does_without() {
    let stage = Stage::new();
    stage.get();
    let version = stage.version();
    let wrong = |mut command: Command| {
        command.env("HELVETISAFE_CLIENT_SECRET", "another");
        fails(&mut command, 3)
    };
    let get = ["get", "KEY"];
    assert_eq!(wrong(stage.command(&get)), wrong(stage.plain(&get)));
    stage.play(REVOKED);
    let revoked = |mut command: Command| fails(&mut command, 3);
    assert_eq!(revoked(stage.command(&get)), revoked(stage.plain(&get)));
    assert_eq!(stage.version(), version);
}

#[test]
fn a_command_that_fails_keeps_it_too() {
    let stage = Stage::new();
    let fails = || fails(&mut stage.command(&["get", "NONE"]), 5);
    assert_eq!(stage.tokens(fails), 1);
    assert_eq!(stage.tokens(fails), 0);
}

#[test]
fn what_cannot_be_read_is_told_and_replaced() {
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
        let told = stage.get();
        assert!(told.starts_with("helvetisafe: warning: "), "{told}");
        assert!(told.contains("delete it to start again"), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
        assert_eq!(stage.tokens(|| assert_eq!(stage.get(), "")), 0);
    }
    fs::set_permissions(stage.file(), fs::Permissions::from_mode(0o644)).unwrap();
    let told = stage.get();
    assert!(told.contains("warning: other users can read"), "{told}");
    assert_eq!(stage.get(), "");
}

#[test]
fn where_nothing_can_be_written_it_is_only_told() {
    let stage = Stage::new();
    stage.get();
    let fingerprint = stage.world.fingerprint();
    let mut get = stage.command(&["get", "KEY", "--org-key-fingerprint", &fingerprint]);
    let told = succeeds(get.env("HELVETISAFE_STATE_DIR", "key.pem/state"));
    assert!(
        told.contains("warning: cannot cache the access token"),
        "{told}"
    );
    assert_eq!(told.lines().count(), 1, "{told}");
}

#[test]
fn many_at_once_leave_one_whole_file() {
    let stage = Stage::new();
    let start = || {
        let mut get = stage.command(&["get", "KEY"]);
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
fn whoever_tests_the_credential_gets_a_token_of_its_own() {
    let stage = Stage::new();
    stage.get();
    let version = stage.version();
    for arguments in [&["doctor"][..], &["trust"], &["trust", "pin", "--yes"]] {
        let tests = || runs(&mut stage.command(arguments));
        assert_eq!(stage.tokens(tests), 1, "{arguments:?}");
    }
    assert_eq!(stage.version(), version, "nor do they keep it");
}

#[test]
fn an_org_key_that_changed_is_seen_all_the_same() {
    let stage = Stage::new();
    stage.get();
    stage.play(FOREIGN);
    let changed = "the org key of this vault has changed";
    let set = ["set", "OTHER", "--generate"];
    let told = fails(&mut stage.command(&set), 8);
    assert!(told.contains(changed), "{told}");
    let told = fails(&mut stage.command(&["list", "--keys"]), 8);
    assert!(told.contains(changed), "{told}");
    let fingerprint = stage.world.fingerprint();
    let pinned = ["list", "--org-key-fingerprint", &fingerprint];
    fails(&mut stage.command(&pinned), 8);
    assert_eq!(stage.proxy.count("POST", TOKEN_PATH), 1);
}

#[test]
fn run_goes_on_offline_and_shares_the_token() {
    let stage = Stage::new();
    let run = |option: &str| {
        let arguments = ["run", option, "--key", "KEY", "--", "printenv", "KEY"];
        let output = runs(&mut stage.command(&arguments));
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

    // Where there is none, what is kept brings none.
    stage.edit(|json| json["answers"]["ticket"]["answer"] = "".into());
    let version = stage.version();
    run("--offline");
    assert_eq!(stage.version(), version);
}
