//! Organizations: interrupted commands, wrong codes, and the trust memory. The life of one is in `organization.txt`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use helvetisafe::organization::InvitationCode;
use helvetisafe_crypto::{OrgKey, PrivateKey};
use helvetisafe_test_support::{Action, Proxy, tls_server};
use rexpect::session::{PtySession, spawn_command};
use serde_json::Value;

use crate::world::{World, bootstrap_token, start_proxy};

/// The variables of the world's own account.
pub(crate) const OTHERS: [&str; 4] = [
    "HELVETISAFE_CLIENT_ID",
    "HELVETISAFE_CLIENT_SECRET",
    "HELVETISAFE_PRIVATE_KEY_PATH",
    "HELVETISAFE_TRUST_FIRST_USE",
];

/// Runs a command without the world's own account, and with this text as its input.
pub(crate) fn run(world: &World, url: Option<&str>, arguments: &[&str], input: &str) -> Output {
    command(world, url, arguments, input).output().unwrap()
}

pub(crate) fn command(
    world: &World,
    url: Option<&str>,
    arguments: &[&str],
    input: &str,
) -> Command {
    world.write("input", input, 0o600);
    let mut command: Command = world.command();
    for name in OTHERS {
        command.env_remove(name);
    }
    match url {
        Some(url) => command.env("HELVETISAFE_BASE_URL", url),
        None => command.env_remove("HELVETISAFE_BASE_URL"),
    };
    let input = fs::File::open(world.folder.path().join("input")).unwrap();
    command.args(arguments).stdin(input).stderr(Stdio::piped());
    command
}

pub(crate) fn ok(output: Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Asserts the status, and returns the messages.
pub(crate) fn fails(output: &Output, status: i32) -> String {
    let messages = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(status), "{messages}");
    messages
}

/// A founded organization; `ada` is the folder of its founder.
pub(crate) struct Organization {
    pub(crate) world: World,
    url: String,
}

impl Organization {
    pub(crate) fn new() -> Self {
        let world = World::new();
        let url = world.name("URL");
        Self::at(world, url)
    }

    /// Founds one at a vault with this URL.
    pub(crate) fn at(world: World, url: String) -> Self {
        Self::founded(world, url, &bootstrap_token())
    }

    /// Founds one with the token of its vault.
    pub(crate) fn founded(world: World, url: String, token: &str) -> Self {
        let organization = Self { world, url };
        let arguments = ["org", "create", "--output-dir", "ada", "--name", "ada"];
        ok(organization.vault(&arguments, token));
        organization
    }

    /// Runs a command with the vault's URL alone.
    fn vault(&self, arguments: &[&str], input: &str) -> Output {
        run(&self.world, Some(&self.url), arguments, input)
    }

    /// Runs a command with the profile in a folder.
    pub(crate) fn with(&self, folder: &str, arguments: &[&str]) -> Output {
        let config = format!("{folder}/config.toml");
        let arguments = [&["--config", &config], arguments].concat();
        run(&self.world, None, &arguments, "")
    }

    /// Returns the code of an invitation.
    pub(crate) fn invite(&self, name: &str, scopes: &str) -> String {
        let output = self.with("ada", &["org", "invite", name, "--scopes", scopes]);
        ok(output).trim().to_owned()
    }

    pub(crate) fn join(&self, code: &str, folder: &str) -> Output {
        run(
            &self.world,
            None,
            &["join", "--output-dir", folder, "--json"],
            code,
        )
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.world.folder.path().join(name)
    }

    /// Joins and is confirmed.
    pub(crate) fn member(&self, name: &str, scopes: &str) {
        let code = self.invite(name, scopes);
        ok(self.join(&code, name));
        ok(self.with("ada", &["org", "confirm", name, "--yes"]));
    }
}

/// A proxy that lets the vault act on the requests of a call, and loses the answers while the flag is set.
pub(crate) fn losing(method: &'static str, path: &'static str, is_set: &Arc<AtomicBool>) -> Proxy {
    let is_set = Arc::clone(is_set);
    start_proxy(move |request, _| {
        let is_lost = request.is(method, path) && is_set.load(Ordering::Relaxed);
        match is_lost {
            true => Action::ForwardAndClose,
            false => Action::Forward,
        }
    })
}

pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_founding_whose_answers_are_lost_is_completed_with_the_same_keys() {
    let world = World::new();
    let is_lost = Arc::new(AtomicBool::new(true));
    let proxy = losing("POST", "/api/v1/organizations", &is_lost);
    let (url, token) = (proxy.base_url(), bootstrap_token());
    let url = url.as_str();
    let arguments = [
        "org",
        "create",
        "--output-dir",
        "ada",
        "--json",
        "--timeout",
        "9s",
    ];
    let messages = fails(&run(&world, Some(url), &arguments, &token), 9);
    assert!(
        messages.contains("run the command again with the same name and folder to continue"),
        "{messages}"
    );
    let secret = || fs::read_to_string(world.folder.path().join("ada/client-secret")).unwrap();
    let before = secret();

    // These keys are not sent to another vault, and the account does not get another name by mistake.
    let of = "has the keys of `administrator`, the founder of an organization, from a command that was interrupted";
    let other_url = world.name("URL");
    let other = [&arguments[..], &["--name", "eve"]].concat();
    for (url, arguments, reason) in [
        (
            other_url.as_str(),
            &arguments[..],
            format!(
                "{of}, for the vault {url}, not {other_url}; to continue with these keys, give --base-url {url}"
            ),
        ),
        (
            url,
            &other,
            format!(
                "{of}, and this command is for `eve`; to continue with these keys, give --name administrator"
            ),
        ),
    ] {
        let dry = [arguments, &["--dry-run"]].concat();
        for arguments in [arguments, &dry] {
            let text = fails(&run(&world, Some(url), arguments, &token), 6);
            assert!(
                text.contains(&reason) && text.contains("; to start over, choose a new folder"),
                "{text}"
            );
        }
    }
    let dry = [&arguments[..], &["--dry-run"]].concat();
    let text = ok(run(&world, Some(url), &dry, &token));
    assert!(text.contains("which exist in ada"), "{text}");

    is_lost.store(false, Ordering::Relaxed);
    let honest = json(&ok(run(&world, Some(url), &arguments[..5], &token)));
    assert_eq!(honest["action"], "created");
    assert_eq!(secret(), before);
    let again = json(&ok(run(&world, Some(url), &arguments[..5], &token)));
    assert_eq!(again["action"], "unchanged");
    for member in [
        "organization",
        "account",
        "org_key_fingerprint",
        "verification_key",
    ] {
        assert_eq!(again[member], honest[member], "{member}");
    }
    let set = ["--config", "ada/config.toml", "set", "KEY", "--generate"];
    ok(run(&world, None, &set, ""));
}

#[test]
fn keys_that_were_not_complete_are_made_again() {
    let organization = Organization::new();
    let code = organization.invite("bob", "member");
    let arguments = ["join", "--output-dir", "bob", "--dry-run", "--json"];
    let terms = json(&ok(run(&organization.world, None, &arguments, &code)));
    assert_eq!(
        (&terms["state"], &terms["name"]),
        (&"invited".into(), &"bob".into())
    );
    assert!(!organization.path("bob").exists());

    // As after a kill between two files: nothing was sent.
    let other = organization.invite("carol", "member");
    ok(organization.join(&other, "carol"));
    let plan = fs::read_to_string(organization.path("carol/account.json")).unwrap();
    let mut plan = json(&plan);
    plan["stage"] = "begun".into();
    plan["name"] = "bob".into();
    plan["invitation"] = invitation_id(&code).into();
    plan.as_object_mut().unwrap().remove("client_id");
    fs::create_dir(organization.path("bob")).unwrap();
    fs::set_permissions(organization.path("bob"), fs::Permissions::from_mode(0o700)).unwrap();
    organization
        .world
        .write("bob/account.json", &plan.to_string(), 0o600);
    organization.world.write("bob/client-secret", "old", 0o600);
    ok(organization.join(&code, "bob"));
    assert_ne!(
        fs::read_to_string(organization.path("bob/client-secret")).unwrap(),
        "old"
    );
    ok(organization.with("ada", &["org", "confirm", "bob", "--yes"]));
    ok(organization.with("bob", &["set", "KEY", "--generate"]));
}

/// Each answer is lost once, and the command is run again after it.
#[test]
fn an_interrupted_recovery_kit_is_completed_with_the_same_keys() {
    for (method, path) in [
        ("POST", "/api/v1/organization/invitations"),
        ("POST", "/api/v1/join"),
        ("POST", "/api/v1/organization/members"),
    ] {
        let is_lost = Arc::new(AtomicBool::new(false));
        let proxy = losing(method, path, &is_lost);
        let organization = Organization::at(World::new(), proxy.base_url());
        let arguments = ["org", "recovery-kit", "--output-dir", "kit", "--json"];
        is_lost.store(true, Ordering::Relaxed);
        let lost = [&arguments[..], &["--timeout", "9s"]].concat();
        let messages = fails(&organization.with("ada", &lost), 9);
        assert!(
            messages.contains("run the command again to continue"),
            "{path}: {messages}"
        );
        is_lost.store(false, Ordering::Relaxed);
        let key = || fs::read_to_string(organization.path("kit/private-key.pem")).unwrap();
        let before = key();
        let made = json(&ok(organization.with("ada", &arguments)));
        assert_eq!(
            (made["action"].as_str(), key()),
            (Some("created"), before),
            "{path}"
        );
        ok(organization.with("kit", &["org", "members"]));
        let pending = json(&ok(organization.with("ada", &["org", "pending", "--json"])));
        assert_eq!(pending, serde_json::json!([]), "{path}");
    }
}

#[test]
fn a_disabled_recovery_kit_is_not_made_again() {
    let organization = Organization::new();
    let arguments = ["org", "recovery-kit", "--output-dir", "kit"];
    ok(organization.with("ada", &arguments));
    ok(organization.with("ada", &["org", "disable", "recovery-kit", "--yes"]));
    let messages = fails(&organization.with("ada", &arguments), 6);
    assert!(
        messages.contains("an account that was disabled"),
        "{messages}"
    );
    organization.member("bob", "member");
    let no_key = fs::read_to_string(organization.path("ada/config.toml")).unwrap();
    let no_key = no_key
        .lines()
        .filter(|line| !line.starts_with("signing_key_path"));
    let no_key = no_key.collect::<Vec<_>>().join("\n");
    organization.world.write("ada/no-key.toml", &no_key, 0o600);
    let without = [&["--config", "ada/no-key.toml"], &arguments[..]].concat();
    let messages = fails(&run(&organization.world, None, &without, ""), 2);
    assert!(
        messages.contains("the signing key of this administrator is missing"),
        "{messages}"
    );
    let create = ["org", "create", "--output-dir", "kit"];
    let messages = fails(&organization.vault(&create, &bootstrap_token()), 6);
    assert!(
        messages.contains("the keys of the recovery kit `recovery-kit`"),
        "{messages}"
    );
}

/// Returns the id of the invitation with this code.
fn invitation_id(code: &str) -> String {
    let id = InvitationCode::parse(code).unwrap().secret.id();
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_join_whose_answer_is_lost_is_completed_with_the_same_keys() {
    let organization = Organization::new();
    let is_lost = Arc::new(AtomicBool::new(true));
    let proxy = losing("POST", "/api/v1/join", &is_lost);
    let code = organization.invite("bob", "member");
    let arguments = [
        "join",
        "--output-dir",
        "bob",
        "--base-url",
        &proxy.base_url(),
    ];
    let lost = [&arguments[..], &["--timeout", "9s"]].concat();
    fails(&run(&organization.world, None, &lost, &code), 9);
    let key = || fs::read_to_string(organization.path("bob/private-key.pem")).unwrap();
    let before = key();
    is_lost.store(false, Ordering::Relaxed);
    ok(run(&organization.world, None, &arguments, &code));
    assert_eq!(key(), before);
    ok(organization.with("ada", &["org", "confirm", "bob", "--yes"]));
    ok(organization.with("bob", &["set", "KEY", "--generate"]));
}

/// The request of a repeated command is the same, so the private key is encrypted once.
/// A repeated request has another epoch then, and is of the same keys.
#[test]
fn a_join_is_repeated_after_a_rotation() {
    let organization = Organization::new();
    let bob = organization.invite("bob", "reader");
    ok(organization.join(&bob, "bob"));
    ok(organization.with("ada", &["org", "confirm", "bob", "--yes"]));
    let eve = organization.invite("eve", "reader");
    ok(organization.join(&eve, "eve"));
    ok(organization.with("ada", &["org", "rotate", "--yes"]));
    assert_eq!(
        json(&ok(organization.join(&bob, "bob")))["state"],
        "confirmed"
    );
    assert_eq!(json(&ok(organization.join(&eve, "eve")))["state"], "joined");
    assert!(ok(organization.with("ada", &["org", "pending"])).contains("eve"));
    ok(organization.with("ada", &["org", "confirm", "eve", "--yes"]));
    assert_eq!(
        json(&ok(organization.join(&eve, "eve")))["state"],
        "confirmed"
    );
    fails(&organization.join(&eve, "other"), 6);
}

#[test]
fn the_vault_stores_the_private_key_under_a_password() {
    let organization = Organization::new();
    organization.world.write("password", "Chur-7000", 0o600);
    let is_lost = Arc::new(AtomicBool::new(true));
    let proxy = losing("POST", "/api/v1/join", &is_lost);
    let url = proxy.base_url();
    let join = ["join", "--output-dir", "bob", "--base-url", &url];
    let under = ["--password-file", "password"];
    let code = organization.invite("bob", "reader");
    let run_with = |arguments: &[&str], code: &str| run(&organization.world, None, arguments, code);
    let with_password = [&join[..], &under].concat();
    let lost = [&with_password[..], &["--timeout", "9s"]].concat();
    fails(&run_with(&lost, &code), 9);
    is_lost.store(false, Ordering::Relaxed);
    ok(run_with(&with_password, &code));
    ok(run_with(&join, &code));
    ok(organization.with("ada", &["org", "confirm", "bob", "--yes"]));
    ok(organization.with("ada", &["set", "KEY", "--generate"]));
    let value = ok(organization.with("ada", &["get", "KEY"]));

    fs::remove_file(organization.path("bob/private-key.pem")).unwrap();
    let get = ["--password-file", "password", "get", "KEY"];
    assert_eq!(ok(organization.with("bob", &get)), value);
    organization.world.write("password", "Chur-7001", 0o600);
    fails(&organization.with("bob", &get), 8);

    // Keys without a password may have been sent already.
    let code = organization.invite("carol", "reader");
    ok(organization.join(&code, "carol"));
    let again = [&["join", "--output-dir", "carol"][..], &under].concat();
    let messages = fails(&run_with(&again, &code), 6);
    assert!(
        messages.contains("has keys without a password"),
        "{messages}"
    );
}

#[test]
fn a_code_is_used_once() {
    let organization = Organization::new();
    let code = organization.invite("bob", "member");
    ok(organization.join(&code, "bob"));
    let messages = fails(&organization.join(&code, "thief"), 6);
    assert!(messages.contains("used"), "{messages}");
    ok(organization.with("ada", &["org", "confirm", "bob", "--yes"]));
    fails(&organization.join(&code, "thief"), 6);
    let state = json(&ok(organization.join(&code, "bob")))["state"].clone();
    assert_eq!(state, "confirmed");
}

#[test]
fn wrong_and_expired_codes_are_refused() {
    let organization = Organization::new();
    let code = organization.invite("bob", "member");
    let other = if &code[20..21] == "A" { "B" } else { "A" };
    let damaged = format!("{}{other}{}", &code[..20], &code[21..]);
    for (wrong, reason) in [
        ("", "the invitation code is empty"),
        ("hello", "not an invitation code"),
        (damaged.as_str(), "has a typing error"),
        (&code[..code.len() - 3], "has a typing error"),
    ] {
        let messages = fails(&organization.join(wrong, "bob"), 2);
        assert!(messages.contains(reason), "{messages}");
        assert!(!messages.contains(&code[10..40]), "{messages}");
    }
    assert!(!organization.path("bob").exists());
    let argument = run(
        &organization.world,
        None,
        &["join", &code, "--output-dir", "bob"],
        "",
    );
    let messages = fails(&argument, 2);
    assert!(
        messages.contains("cannot be an argument") && !messages.contains(&code),
        "{messages}"
    );

    let output = organization.with(
        "ada",
        &[
            "org",
            "invite",
            "eve",
            "--scopes",
            "reader",
            "--expires",
            "1s",
        ],
    );
    let short = ok(output);
    std::thread::sleep(std::time::Duration::from_secs(2));
    let messages = fails(&organization.join(&short, "eve"), 3);
    assert!(messages.contains("expired"), "{messages}");
}

#[test]
fn an_administrator_joins_and_administers() {
    let organization = Organization::new();
    organization.member("grace", "administrator");
    organization.member("bob", "reader");
    let code = ok(organization.with("grace", &["org", "invite", "carol", "--scopes", "member"]));
    ok(organization.join(&code, "carol"));
    ok(organization.with("grace", &["org", "confirm", "carol", "--yes"]));
    ok(organization.with("grace", &["org", "disable", "ada", "--yes"]));
    let messages = fails(
        &organization.with("grace", &["org", "disable", "grace", "--yes"]),
        6,
    );
    assert!(messages.contains("last administrator"), "{messages}");
    let members = json(&ok(
        organization.with("grace", &["org", "members", "--json"])
    ));
    let states = |name: &str| {
        let members = members.as_array().unwrap();
        let member = members.iter().find(|it| it["name"] == name).unwrap();
        (member["state"].clone(), member["administrator"].clone())
    };
    assert_eq!(states("ada"), ("disabled".into(), false.into()));
    assert_eq!(states("grace"), ("active".into(), true.into()));
    assert_eq!(states("carol"), ("active".into(), false.into()));
}

#[test]
fn an_older_chain_is_refused() {
    let organization = Organization::new();
    organization.member("bob", "member");
    let chain = ok(organization.with("ada", &["account", "show", "--json"]));
    assert_eq!(json(&chain)["chain"], 1);
    let file = organization.path(".local/state/helvetisafe/known-vaults.json");
    let text = fs::read_to_string(&file).unwrap();
    let mut known = json(&text);
    assert_eq!(known["version"], 2);
    // The vault is restored from a backup: the client has seen a later entry.
    for entry in known["vaults"].as_array_mut().unwrap() {
        if let Some(head) = entry.get_mut("organization").map(|it| &mut it["head"]) {
            head["sequence"] = 7.into();
        }
    }
    let write = |known: &Value| fs::write(&file, known.to_string()).unwrap();
    write(&known);
    for arguments in [
        &["org", "members"][..],
        &["org", "pending"],
        &["org", "invite", "eve", "--scopes", "reader"],
        &["org", "disable", "bob", "--yes"],
        &["account", "show"],
    ] {
        let messages = fails(&organization.with("ada", arguments), 8);
        assert!(
            messages.contains("the vault has returned to an earlier chain"),
            "{messages}"
        );
    }
    // A fork has another entry in the same place.
    for entry in known["vaults"].as_array_mut().unwrap() {
        if let Some(head) = entry.get_mut("organization").map(|it| &mut it["head"]) {
            head["sequence"] = 1.into();
            head["hash"] = "ab".repeat(32).into();
        }
    }
    write(&known);
    let messages = fails(&organization.with("ada", &["org", "members"]), 8);
    assert!(messages.contains("different histories"), "{messages}");
}

#[test]
fn an_expired_invitation_with_a_request_is_not_confirmed_and_invited_again() {
    let organization = Organization::new();
    let invite = |time: &str| {
        let arguments = [
            "org",
            "invite",
            "bob",
            "--scopes",
            "member",
            "--expires",
            time,
        ];
        ok(organization.with("ada", &arguments)).trim().to_owned()
    };
    let code = invite("8s");
    ok(organization.join(&code, "bob"));
    std::thread::sleep(Duration::from_secs(8));
    for arguments in [
        &["org", "confirm", "bob", "--yes"][..],
        &["org", "confirm", "bob", "--dry-run"],
    ] {
        let messages = fails(&organization.with("ada", arguments), 5);
        assert!(messages.contains("invite again with"), "{messages}");
    }
    let messages = fails(&organization.with("bob", &["get", "KEY"]), 3);
    let advised = "`helvetisafe org invite --scopes 'secrets:read secrets:write secrets:delete secrets:list credentials:read' bob`";
    assert!(
        messages.contains("the account `bob` was not confirmed before its invitation expired at 2")
            && messages.contains(advised)
            && !messages.contains("org confirm"),
        "{messages}"
    );
    // The name is free, and the old folder is of the old code.
    let code = invite("1h");
    let messages = fails(&organization.join(&code, "bob"), 6);
    assert!(messages.contains("choose a new folder"), "{messages}");
    ok(organization.join(&code, "bob2"));
    ok(organization.with("ada", &["org", "confirm", "bob", "--yes"]));
    ok(organization.with("bob2", &["set", "KEY", "--generate"]));
}

/// The vault numbers its org keys, and then leaves the number out: it could store a value under a replaced key unnoticed.
#[test]
fn an_org_key_without_a_number_is_refused_after_one_with_a_number() {
    let hides = Arc::new(AtomicBool::new(false));
    let answer = Arc::new(Mutex::new(Vec::new()));
    let (is_hidden, body) = (Arc::clone(&hides), Arc::clone(&answer));
    let proxy = start_proxy(move |request, _| {
        let is_org_key = request.is("GET", "/api/v1/credentials/org-key");
        match is_org_key && is_hidden.load(Ordering::Relaxed) {
            true => {
                let body = body.lock().unwrap().clone();
                Action::Answer(200, "content-type: application/json\r\n", body)
            }
            false => Action::Forward,
        }
    });
    let world = World::new();
    let pem = fs::read_to_string(world.folder.path().join("key.pem")).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = world.command_through(&proxy);
        command.args(arguments).output().unwrap()
    };
    // The vault can record the wrapped key that it gives.
    *answer.lock().unwrap() = wrapped_as_given(&world, &pem);
    hides.store(true, Ordering::Relaxed);
    let published = run(&["set", "FIRST", "--generate"]);
    ok(published);
    hides.store(false, Ordering::Relaxed);
    ok(run(&["set", "KEY", "--generate"]));
    let file = world
        .folder
        .path()
        .join(".local/state/helvetisafe/known-vaults.json");
    let known = json(&fs::read_to_string(file).unwrap());
    assert_eq!(known["vaults"][0]["org_key_number"], 1);
    hides.store(true, Ordering::Relaxed);
    let stored = ok(run(&["get", "KEY"]));
    let messages = fails(&run(&["set", "KEY", "--generate"]), 8);
    assert!(messages.contains("without a number"), "{messages}");
    assert_eq!(ok(run(&["get", "KEY"])), stored);
    hides.store(false, Ordering::Relaxed);
    ok(run(&["set", "KEY", "--generate"]));
}

/// Returns the honest answer with the wrapped org key, without its number.
fn wrapped_as_given(world: &World, pem: &str) -> Vec<u8> {
    let ticket = world.client().resumption_ticket().unwrap().unwrap();
    // `3.NONCE.VALUE.ORG_KEY`, which the account's key unwraps.
    let wrapped = ticket.split('.').nth(3).unwrap();
    let decoded = helvetisafe_crypto::WrappedOrgKey::decode(wrapped).unwrap();
    PrivateKey::from_pem(pem)
        .unwrap()
        .unwrap_org_key(&decoded)
        .unwrap();
    serde_json::json!({ "encrypted_org_key": wrapped })
        .to_string()
        .into_bytes()
}

#[test]
fn an_upgrade_keeps_what_was_remembered() {
    let organization = Organization::new();
    let file = organization.path(".local/state/helvetisafe/known-vaults.json");
    let mut known = json(&fs::read_to_string(&file).unwrap());
    let fingerprint = known["vaults"][0]["fingerprint"].clone();
    // As an earlier version wrote it.
    known["version"] = 1.into();
    known["vaults"][0]
        .as_object_mut()
        .unwrap()
        .remove("organization");
    known["vaults"].as_array_mut().unwrap().push(serde_json::json!({
        "base_url": "https://vault.example", "account": "client-id app", "fingerprint": fingerprint,
        "since": "2026-01-31T12:00:00Z", "unconfirmed": true
    }));
    fs::write(&file, known.to_string()).unwrap();
    ok(organization.with("ada", &["org", "members"]));
    let after = json(&fs::read_to_string(&file).unwrap());
    assert_eq!(after["version"], 2);
    assert_eq!(after["vaults"][0]["fingerprint"], fingerprint);
    assert_eq!(after["vaults"][0]["organization"]["head"]["sequence"], 0);
    assert_eq!(after["vaults"][1], known["vaults"][1]);

    // `trust pin` keeps the head, `trust forget` forgets it.
    let fingerprint = fingerprint.as_str().unwrap();
    ok(organization.with("ada", &["trust", "pin", fingerprint]));
    let pinned = json(&fs::read_to_string(&file).unwrap());
    let entry = |known: &Value| {
        let vaults = known["vaults"].as_array().unwrap();
        vaults
            .iter()
            .find(|it| it["base_url"] != "https://vault.example")
            .cloned()
    };
    assert!(entry(&pinned).unwrap()["organization"].is_object());
    ok(organization.with("ada", &["trust", "forget"]));
    assert!(entry(&json(&fs::read_to_string(&file).unwrap())).is_none());
}

#[test]
fn the_first_use_needs_the_org_key_of_the_code() {
    let organization = Organization::new();
    organization.member("bob", "member");
    let file = organization.path(".local/state/helvetisafe/known-vaults.json");
    let mut known = json(&fs::read_to_string(&file).unwrap());
    let account = json(&fs::read_to_string(organization.path("bob/account.json")).unwrap());
    let account = format!("client-id {}", account["client_id"].as_str().unwrap());
    let entries = known["vaults"].as_array_mut().unwrap();
    let entry = entries
        .iter_mut()
        .find(|it| it["account"] == *account)
        .unwrap();
    assert_eq!(
        entry["organization"]["verification_key"]
            .as_str()
            .unwrap()
            .len(),
        51
    );
    // The code of another org key.
    entry["fingerprint"] = format!("SHA256:{}", "A".repeat(43)).into();
    fs::write(&file, known.to_string()).unwrap();
    let messages = fails(&organization.with("bob", &["list"]), 8);
    assert!(
        messages.contains("the signed chain never had the org key"),
        "{messages}"
    );
}

/// The file that was given is gone then.
#[test]
fn a_folder_has_a_copy_of_the_certificate_authority_and_can_be_moved() {
    let (_, authority) = tls_server::config("localhost");
    let world = World::new();
    let url = world.name("URL");
    world.write("ca.pem", &authority, 0o600);
    let ca = ["--ca-certificate", "ca.pem"];
    let organization = Organization { world, url };
    let create = [&["org", "create", "--output-dir", "ada"], &ca[..]].concat();
    ok(organization.vault(&create, &bootstrap_token()));
    let code = organization.invite("bob", "member");
    let join = [&["join", "--output-dir", "bob"], &ca[..]].concat();
    ok(run(&organization.world, None, &join, &code));
    ok(organization.with("ada", &["org", "confirm", "bob", "--yes"]));
    ok(organization.with("ada", &["org", "recovery-kit", "--output-dir", "kit"]));
    fs::remove_file(organization.path("ca.pem")).unwrap();
    fs::create_dir(organization.path("moved")).unwrap();
    for folder in ["ada", "bob", "kit"] {
        let moved = format!("moved/{folder}");
        fs::rename(organization.path(folder), organization.path(&moved)).unwrap();
        let copy = fs::read_to_string(organization.path(&moved).join("ca-certificate.pem"));
        assert_eq!(copy.unwrap(), authority, "{folder}");
        ok(organization.with(&moved, &["list"]));
    }
}

/// A command that failed without the certificate authority advises to give it, and to run it again.
#[test]
fn a_profile_has_the_certificate_authority_that_only_the_second_run_was_given() {
    let (_, authority) = tls_server::config("localhost");
    let world = World::new();
    let is_lost = Arc::new(AtomicBool::new(true));
    let proxy = losing("POST", "/api/v1/organizations", &is_lost);
    world.write("ca.pem", &authority, 0o600);
    let (url, token) = (proxy.base_url(), bootstrap_token());
    let create = ["org", "create", "--output-dir", "ada", "--timeout", "9s"];
    fails(&run(&world, Some(&url), &create, &token), 9);
    is_lost.store(false, Ordering::Relaxed);
    let again = [&create[..], &["--ca-certificate", "ca.pem"]].concat();
    ok(run(&world, Some(&url), &again, &token));
    let file = |name| fs::read_to_string(world.folder.path().join("ada").join(name)).unwrap();
    assert_eq!(file("ca-certificate.pem"), authority);
    let line = "ca_certificate = \"ca-certificate.pem\"";
    assert!(file("config.toml").contains(line));
    // The complete account keeps its files.
    ok(run(&world, Some(&url), &create, &token));
    assert!(file("config.toml").contains(line));
}

/// Such as that of `<(command)`.
#[test]
fn a_certificate_authority_in_a_pipe_is_read_once() {
    let (_, authority) = tls_server::config("localhost");
    let world = World::new();
    world.write("ca.pem", &authority, 0o600);
    let pipe = fs::File::open(world.folder.path().join("ca.pem")).unwrap();
    let url = world.name("URL");
    let create = ["org", "create", "--output-dir", "ada", "--token-file"];
    world.write("token", &bootstrap_token(), 0o600);
    let arguments = [&create[..], &["token", "--ca-certificate", "/dev/stdin"]].concat();
    let mut cat = Command::new("cat");
    let mut cat = cat.stdin(pipe).stdout(Stdio::piped()).spawn().unwrap();
    let mut command = command(&world, Some(&url), &arguments, "");
    ok(command.stdin(cat.stdout.take().unwrap()).output().unwrap());
    cat.wait().unwrap();
    let copy = fs::read_to_string(world.folder.path().join("ada/ca-certificate.pem"));
    assert_eq!(copy.unwrap(), authority);
}

#[test]
fn a_folder_with_other_files_or_for_other_users_is_refused() {
    let organization = Organization::new();
    let code = organization.invite("bob", "member");
    fs::create_dir(organization.path("busy")).unwrap();
    organization
        .world
        .write("busy/private-key.pem", "mine", 0o600);
    fs::set_permissions(organization.path("busy"), fs::Permissions::from_mode(0o700)).unwrap();
    let messages = fails(&organization.join(&code, "busy"), 2);
    assert!(messages.contains("it has other files"), "{messages}");
    assert_eq!(
        fs::read_to_string(organization.path("busy/private-key.pem")).unwrap(),
        "mine"
    );
    fs::set_permissions(organization.path("busy"), fs::Permissions::from_mode(0o755)).unwrap();
    let messages = fails(&organization.join(&code, "busy"), 2);
    assert!(messages.contains("chmod 700"), "{messages}");

    // An empty one is made private.
    fs::create_dir(organization.path("empty")).unwrap();
    ok(organization.join(&code, "empty"));
    let mode = |name: &str| {
        fs::metadata(organization.path(name))
            .unwrap()
            .permissions()
            .mode()
    };
    assert_eq!(mode("empty") & 0o777, 0o700);
    for name in [
        ".lock",
        "account.json",
        "client-secret",
        "config.toml",
        "private-key.pem",
    ] {
        assert_eq!(mode(&format!("empty/{name}")) & 0o777, 0o600, "{name}");
    }
}

/// Starts a command on a terminal, without the world's own account.
pub(crate) fn on_terminal(world: &World, arguments: &[&str]) -> PtySession {
    let mut command = world.command();
    for name in OTHERS.iter().chain(&["HELVETISAFE_BASE_URL"]) {
        command.env_remove(name);
    }
    command.args(arguments).env("TERM", "xterm");
    spawn_command(command, Some(60_000)).unwrap()
}

#[test]
fn on_a_terminal_codes_are_hidden_and_confirmations_are_asked() {
    let organization = Organization::new();
    let (world, code) = (&organization.world, organization.invite("bob", "member"));
    let mut session = on_terminal(world, &["join", "--output-dir", "bob"]);
    session.exp_string("the invitation code: ").unwrap();
    session.send_line(&code).unwrap();
    let shown = session.exp_eof().unwrap();
    assert!(!shown.contains(&code[..20]), "{shown}");
    let words = shown
        .lines()
        .find_map(|line| line.strip_prefix("words "))
        .unwrap();
    let words = words.trim();

    let confirm = ["--config", "ada/config.toml", "org", "confirm", "bob"];
    for (answer, outcome) in [("n", "nothing was confirmed"), ("y", "confirmed `bob`")] {
        let mut session = on_terminal(world, &confirm);
        let shown = session
            .exp_string("and should it have these scopes? [y/N]")
            .unwrap();
        assert!(shown.contains(words), "{shown}");
        session.send_line(answer).unwrap();
        let shown = session.exp_eof().unwrap();
        assert!(shown.contains(outcome), "{shown}");
    }
    let disable = ["--config", "ada/config.toml", "org", "disable", "bob"];
    for (answer, outcome) in [("", "nothing was disabled"), ("y", "replaces the org key")] {
        let mut session = on_terminal(world, &disable);
        session.exp_string("which cannot be undone? [y/N]").unwrap();
        session.send_line(answer).unwrap();
        let shown = session.exp_eof().unwrap();
        assert!(shown.contains(outcome), "{shown}");
    }
    let rotate = ["--config", "ada/config.toml", "org", "rotate"];
    for (answer, outcome) in [
        ("", "the org key was not replaced"),
        ("y", "with the number 2"),
    ] {
        let mut session = on_terminal(world, &rotate);
        session
            .exp_string("replace the org key of the organization (members: 1)? [y/N]")
            .unwrap();
        session.send_line(answer).unwrap();
        let shown = session.exp_eof().unwrap();
        assert!(shown.contains(outcome), "{shown}");
    }
    let mut members = on_terminal(world, &["--config", "ada/config.toml", "org", "members"]);
    let shown = members.exp_eof().unwrap();
    assert!(
        shown.contains("NAME  STATE     ADMINISTRATOR  SCOPES"),
        "{shown}"
    );
    assert!(
        shown.contains("bob   disabled  no             member         "),
        "{shown}"
    );
}

/// A completion is typed without quotes, and names come from the vault.
#[test]
fn members_and_invitations_of_the_last_lists_are_completed_if_they_are_one_word() {
    let organization = Organization::new();
    organization.member("bob", "reader");
    organization.member("$(touch pwned) x", "reader");
    for name in ["carol", "eve;touch pwned"] {
        organization.invite(name, "reader");
    }
    let complete = |verb: &str| {
        let line = [
            "helvetisafe",
            "--config",
            "ada/config.toml",
            "org",
            verb,
            "",
        ];
        let arguments = [&["internal", "complete", "--"][..], &line].concat();
        let lines = ok(run(&organization.world, None, &arguments, ""));
        let names = lines.lines().filter_map(|line| line.split('\t').next());
        let names = names.filter(|name| !name.starts_with('-'));
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(complete("disable"), [] as [&str; 0]);
    for list in ["members", "pending"] {
        ok(organization.with("ada", &["org", list]));
        assert_eq!(complete("disable"), [] as [&str; 0], "not on a terminal");
    }
    for list in ["members", "pending"] {
        let arguments = ["--config", "ada/config.toml", "org", list];
        on_terminal(&organization.world, &arguments)
            .exp_eof()
            .unwrap();
    }
    assert_eq!(complete("disable"), ["ada", "bob"]);
    assert_eq!(complete("confirm"), ["carol"]);
    assert_eq!(complete("withdraw"), ["carol"]);
    assert_eq!(complete("invite"), [] as [&str; 0]);
}

const ROTATIONS: &str = "/api/v1/organization/rotations";
/// No request is held.
const NONE: i64 = i64::MAX;

/// A proxy that holds the changing requests of a rotation after the first `left` ones. With `is_answer_lost` the vault acts on
/// the first of them.
fn holding(left: &Arc<AtomicI64>, is_answer_lost: &Arc<AtomicBool>) -> Proxy {
    let (left, is_answer_lost) = (Arc::clone(left), Arc::clone(is_answer_lost));
    start_proxy(move |request, _| {
        let is_change = request.path.starts_with(ROTATIONS) && request.method != "GET";
        if !is_change || left.load(Ordering::SeqCst) == NONE {
            return Action::Forward;
        }
        match left.fetch_sub(1, Ordering::SeqCst) {
            1.. => Action::Forward,
            0 if is_answer_lost.load(Ordering::SeqCst) => Action::ForwardAndClose,
            _ => Action::Stall(Duration::from_secs(20)),
        }
    })
}

/// The changing requests are the beginning, one of secrets, and the commit.
#[test]
fn a_killed_rotation_goes_on_with_the_same_key() {
    let (left, is_answer_lost) = (Arc::new(AtomicI64::new(NONE)), Arc::default());
    let proxy = holding(&left, &is_answer_lost);
    let organization = Organization::at(World::new(), proxy.base_url());
    organization.member("bob", "reader");
    ok(organization.with("ada", &["set", "KEY", "--generate"]));
    let value = ok(organization.with("ada", &["get", "KEY"]));
    let rotate = ["--config", "ada/config.toml", "org", "rotate", "--yes"];
    let state = organization.path(".local/state/helvetisafe");
    let stored = || {
        let files = fs::read_dir(&state).unwrap().map(|it| it.unwrap());
        let mut files =
            files.filter(|it| it.file_name().to_string_lossy().starts_with("rotation-"));
        files.next().map(|it| it.path())
    };
    let killed = |requests: i64, lost: bool| {
        is_answer_lost.store(lost, Ordering::SeqCst);
        left.store(requests, Ordering::SeqCst);
        let mut child = command(&organization.world, None, &rotate, "");
        let mut child = child.stdout(Stdio::null()).spawn().unwrap();
        let held = if lost { -2 } else { -1 };
        while left.load(Ordering::SeqCst) > held {
            assert!(child.try_wait().unwrap().is_none(), "after {requests}");
            std::thread::sleep(Duration::from_millis(10));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        left.store(NONE, Ordering::SeqCst);
        let file = stored().unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        json(&fs::read_to_string(file).unwrap())
    };
    let abandoned = ["org", "rotate", "--abandon", "--yes", "--json"];
    let pending = killed(2, false);
    let given_up = json(&ok(organization.with("ada", &abandoned)));
    assert_eq!(given_up["action"], "abandoned");
    assert_eq!(given_up["rotation"], pending["id"]);
    assert_eq!(stored(), None);
    assert_eq!(ok(organization.with("bob", &["get", "KEY"])), value);
    let mut epoch = 1;
    for lost in [false, true] {
        for requests in 0..3 {
            let pending = killed(requests, lost);
            if lost && requests == 2 {
                // It is committed, so there is nothing to give up.
                fails(&organization.with("ada", &abandoned), 6);
            }
            let rotated = json(&ok(
                organization.with("ada", &["org", "rotate", "--yes", "--json"])
            ));
            epoch += 1;
            assert_eq!(rotated["action"], "rotated");
            assert_eq!(rotated["key_epoch"], epoch, "after {requests}");
            assert_eq!(rotated["rotation"], pending["id"]);
            assert_eq!(rotated["org_key_fingerprint"], pending["fingerprint"]);
            assert_eq!(stored(), None);
            assert_eq!(ok(organization.with("ada", &["get", "KEY"])), value);
            // He follows the chain.
            let fingerprint = rotated["org_key_fingerprint"].as_str().unwrap();
            let output = organization.with("bob", &["get", "KEY"]);
            let messages = fails(&output, 0);
            assert!(
                messages.contains(fingerprint) && messages.contains("as the signed chain shows"),
                "{messages}"
            );
            assert_eq!(ok(output), value);
            let output = organization.with("bob", &["get", "KEY"]);
            assert_eq!(fails(&output, 0), "");
        }
    }
}

/// A vault that answers with this org key, if there is one.
pub(crate) fn swapping(swapped: &Arc<Mutex<Option<Vec<u8>>>>) -> Proxy {
    let answer = Arc::clone(swapped);
    start_proxy(move |request, _| {
        let answer = answer.lock().unwrap().clone();
        match answer.filter(|_| request.is("GET", "/api/v1/credentials/org-key")) {
            Some(body) => Action::Answer(200, "content-type: application/json\r\n", body),
            None => Action::Forward,
        }
    })
}

/// Returns the answer with a new org key that is wrapped for a member, which the vault can make.
pub(crate) fn wrapped_for(organization: &Organization, folder: &str) -> Vec<u8> {
    let pem = fs::read_to_string(organization.path(&format!("{folder}/private-key.pem"))).unwrap();
    let public_key = PrivateKey::from_pem(&pem).unwrap().public_key();
    let wrapped = public_key.wrap_org_key(&OrgKey::generate().unwrap());
    let wrapped = wrapped.unwrap().encode();
    let body = serde_json::json!({ "encrypted_org_key": wrapped, "key_epoch": 2 });
    body.to_string().into_bytes()
}

/// A vault that knows a member's public key can wrap any key for it.
#[test]
fn an_org_key_that_the_chain_does_not_have_is_refused() {
    let swapped = Arc::new(Mutex::new(None));
    let proxy = swapping(&swapped);
    let organization = Organization::at(World::new(), proxy.base_url());
    organization.member("bob", "member");
    ok(organization.with("ada", &["set", "KEY", "--generate"]));
    let value = ok(organization.with("bob", &["get", "KEY"]));

    *swapped.lock().unwrap() = Some(wrapped_for(&organization, "bob"));
    for arguments in [&["get", "KEY"][..], &["set", "KEY", "--generate"]] {
        let messages = fails(&organization.with("bob", arguments), 8);
        assert!(
            messages.contains("the signed chain does not confirm it"),
            "{messages}"
        );
    }
    *swapped.lock().unwrap() = None;
    assert_eq!(ok(organization.with("bob", &["get", "KEY"])), value);
}

/// The profile of `join` has the verification key of the inviter, so another machine needs no memory.
#[test]
fn a_first_contact_with_a_verification_key_accepts_the_org_key_of_the_chain_alone() {
    let swapped = Arc::new(Mutex::new(None));
    let proxy = swapping(&swapped);
    let organization = Organization::at(World::new(), proxy.base_url());
    organization.member("bob", "member");
    ok(organization.with("ada", &["set", "KEY", "--generate"]));
    ok(organization.with("ada", &["org", "rotate", "--yes"]));
    let value = ok(organization.with("ada", &["get", "KEY"]));
    let forget = || fs::remove_dir_all(organization.path(".local/state")).unwrap();

    *swapped.lock().unwrap() = Some(wrapped_for(&organization, "bob"));
    for arguments in [&["get", "KEY"][..], &["set", "KEY", "--generate"]] {
        forget();
        let messages = fails(&organization.with("bob", arguments), 8);
        assert!(
            messages.contains("and the signed chain, for which"),
            "{messages}"
        );
        assert!(!messages.contains("trust pin"), "{messages}");
        assert!(
            !organization
                .path(".local/state/helvetisafe/known-vaults.json")
                .exists()
        );
        fs::create_dir_all(organization.path(".local/state")).unwrap();
    }
    *swapped.lock().unwrap() = None;
    // A first write without a terminal needs no --trust-first-use.
    ok(organization.with("bob", &["set", "OTHER", "--generate"]));
    assert_eq!(ok(organization.with("bob", &["get", "KEY"])), value);
    let known = organization.path(".local/state/helvetisafe/known-vaults.json");
    let known = json(&fs::read_to_string(known).unwrap());
    assert_eq!(known["vaults"][0]["organization"]["head"]["sequence"], 2);
}

#[test]
fn a_replaced_org_key_that_cannot_be_remembered_is_used() {
    let organization = Organization::new();
    organization.member("bob", "reader");
    ok(organization.with("ada", &["set", "KEY", "--generate"]));
    let value = ok(organization.with("ada", &["get", "KEY"]));
    ok(organization.with("ada", &["org", "rotate", "--yes"]));
    let lock = organization.path(".local/state/helvetisafe/.known-vaults.lock");
    let lock = fs::File::open(lock).unwrap();
    lock.lock().unwrap();
    let output = organization.with("bob", &["get", "KEY"]);
    let messages = fails(&output, 0);
    assert!(
        messages.contains("cannot remember the org key"),
        "{messages}"
    );
    assert_eq!(ok(output), value);
    lock.unlock().unwrap();
    let messages = fails(&organization.with("bob", &["get", "KEY"]), 0);
    assert!(messages.contains("as the signed chain shows"), "{messages}");
}

/// The first use had no key, such as that of an earlier version.
#[test]
fn a_verification_key_that_is_added_later_confirms_a_replaced_org_key() {
    let organization = Organization::new();
    organization.member("bob", "member");
    let profile = fs::read_to_string(organization.path("bob/config.toml")).unwrap();
    let is_other = |line: &&str| !line.starts_with("verification_key");
    let lines = profile.lines().filter(is_other);
    let without_key: String = lines.flat_map(|it| [it, "\n"]).collect();
    organization
        .world
        .write("bob/without-key.toml", &without_key, 0o600);
    let elsewhere = |config: &str, arguments: &[&str]| {
        let arguments = [&["--config", config], arguments].concat();
        let mut command = command(&organization.world, None, &arguments, "");
        command.env("HELVETISAFE_STATE_DIR", organization.path("elsewhere"));
        command.output().unwrap()
    };
    let (with_key, without_key) = ("bob/config.toml", "bob/without-key.toml");
    let rotate = || ok(organization.with("ada", &["org", "rotate", "--yes"]));

    ok(organization.with("ada", &["set", "KEY", "--generate"]));
    let value = ok(elsewhere(without_key, &["get", "KEY"]));
    rotate();
    let messages = fails(&elsewhere(without_key, &["get", "KEY"]), 8);
    assert!(messages.contains("has changed"), "{messages}");
    let output = elsewhere(with_key, &["get", "KEY"]);
    let messages = fails(&output, 0);
    assert!(messages.contains("as the signed chain shows"), "{messages}");
    assert_eq!(ok(output), value);
    // The head is remembered, and the key is confirmed for writing.
    ok(elsewhere(with_key, &["set", "KEY", "--generate"]));
    rotate();
    ok(elsewhere(without_key, &["get", "KEY"]));
}
