//! A hostile vault that knows the account's public key, against every command that reads or writes
//! secrets. The matrix in `docs/testing.md` lists the commands and the attacks.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use helvetisafe_crypto::{OrgKey, Payload};
use helvetisafe_test_support::{Action, Proxy, Request, answer};

use crate::world::{World, start_proxy};

const ORG_KEY: &str = "/api/v1/credentials/org-key";
/// The plaintext that the attacker returns.
const BAIT: &str = "chosen by the attacker";
/// The plaintext of the user.
const VALUE: &str = "of the user alone";

/// The behaviour of the vault from now on. By default it is honest.
#[derive(Clone, Default)]
struct Plan {
    /// It returns its own org key after this number of honest responses.
    honest_org_keys: Option<usize>,
    org_keys_seen: usize,
    /// The record that it returns for a secret.
    records: BTreeMap<String, Vec<u8>>,
}

/// A vault that turns hostile, and the user's command.
struct Stage {
    world: World,
    proxy: Proxy,
    plan: Arc<Mutex<Plan>>,
}

fn attackers() -> OrgKey {
    OrgKey::from_bytes(&[6; 32])
}

/// The answer to a read of `key` with this envelope.
fn record(key: &str, value: &str, nonce: &str) -> Vec<u8> {
    format!(r#"{{"key":"{key}","value":"{value}","nonce":"{nonce}"}}"#).into_bytes()
}

fn play(plan: &mut Plan, foreign: &str, seen: &Request) -> Action {
    if seen.is("GET", ORG_KEY) {
        let honest = plan.honest_org_keys.unwrap_or(usize::MAX);
        plan.org_keys_seen += 1;
        return if plan.org_keys_seen > honest {
            answer(200, foreign)
        } else {
            Action::Forward
        };
    }
    let key = seen.path.strip_prefix("/api/v1/secrets/");
    let record = key.filter(|_| seen.method == "GET");
    match record.and_then(|key| plan.records.get(key)) {
        Some(record) => answer(200, record.as_slice()),
        None => Action::Forward,
    }
}

impl Stage {
    fn new() -> Self {
        let world = World::new();
        for key in ["KEY", "OTHER"] {
            world.set(key, VALUE);
        }
        let plan = Arc::new(Mutex::new(Plan::default()));
        let (shared, foreign) = (Arc::clone(&plan), world.foreign_org_key());
        let proxy = start_proxy(move |seen, _| play(&mut shared.lock().unwrap(), &foreign, seen));
        world.write("template", "value={{ secret \"KEY\" }}", 0o600);
        world.write("references", "NAME=hs://KEY\n", 0o600);
        world.write("project.toml", "[variables]\nNAME = \"KEY\"\n", 0o600);
        world.write("import.json", r#"{"KEY":"imported value"}"#, 0o600);
        Self { world, proxy, plan }
    }

    /// The vault returns the honest org key when a command connects. After that it returns its own, and a
    /// secret sealed under it.
    fn turns_in_the_middle(&self) {
        let forged = attackers().seal(&Payload::encode("KEY", BAIT)).unwrap();
        let forged = record("KEY", &forged.encode_value(), &forged.encode_nonce());
        let mut plan = self.plan.lock().unwrap();
        plan.honest_org_keys = Some(1);
        plan.org_keys_seen = 0;
        plan.records = [("KEY".to_owned(), forged)].into();
    }

    /// The vault returns its own org key from the start.
    fn shows_its_own_org_key(&self) {
        self.plan.lock().unwrap().honest_org_keys = Some(0);
    }

    /// The vault returns `other` in place of `key`.
    fn swaps(&self, key: &str, other: &str) {
        let stored = self.world.stored(other);
        let record = record(key, &stored.0, &stored.1);
        let records = &mut self.plan.lock().unwrap().records;
        records.insert(key.to_owned(), record);
    }

    fn command(&self, line: &str) -> Command {
        let mut command = self.world.command_through(&self.proxy);
        // `edit` has an editor, which is never started.
        command.env("EDITOR", "false").args(line.split(' '));
        command
    }

    fn run(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    /// The first use of this place, while the vault is honest.
    fn remembers(&self) {
        let output = self.run("list");
        assert!(output.status.success(), "{output:?}");
    }

    /// Runs a command that must fail with this status, print no value, and write nothing that the attacker can
    /// read.
    fn refuses(&self, line: &str, status: i32, says: &str) -> String {
        let output = self.run(line);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{line}: {stderr}");
        assert!(stderr.contains(says), "{line}: {stderr}");
        let stdout = String::from_utf8(output.stdout).unwrap();
        for text in [&stdout, &stderr] {
            assert!(
                !text.contains(BAIT) && !text.contains(VALUE),
                "{line}: {text}"
            );
        }
        assert!(!self.world.folder.path().join("out").exists(), "{line}");
        self.assert_nothing_is_sealed_for_the_attacker(line);
        stderr
    }

    fn assert_nothing_is_sealed_for_the_attacker(&self, line: &str) {
        for seen in self.proxy.log().iter().filter(|seen| seen.method != "GET") {
            if let Ok(json) = serde_json::from_slice::<serde_json::Value>(&seen.body) {
                let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
                let envelope = helvetisafe_crypto::Envelope::decode(&text("value"), &text("nonce"));
                let is_read = envelope.is_ok_and(|sealed| attackers().open(sealed).is_ok());
                assert!(!is_read, "{line}: the attacker reads {}", seen.path);
            }
        }
    }
}

/// The commands that pass the value of `KEY` to the user or to a program, with the status of a refusal.
const READERS: &[(&str, i32)] = &[
    ("get KEY", 8),
    ("get KEY --output out", 8),
    ("get KEY --json", 8),
    ("run --key KEY -- printenv", 125),
    ("run --env OTHER_NAME=KEY -- printenv", 125),
    ("run --prefer-offline --key KEY -- printenv", 125),
    ("run --max-age 1h --key KEY -- printenv", 125),
    ("run --no-exec --key KEY -- printenv", 125),
    ("run --watch 1s --key KEY -- printenv", 125),
    ("run --env-file references -- printenv", 125),
    ("run --project project.toml -- printenv", 125),
    ("export --format json --key KEY", 8),
    ("export --format shell --key KEY --output out", 8),
    ("inject template", 8),
    ("inject template --output out", 8),
    ("inject --output-dir out --key KEY", 8),
    ("agent --listen 127.0.0.1:0 --no-token --key KEY", 8),
];

/// The commands that read `KEY` and write.
const WRITERS: &[(&str, i32)] = &[
    ("copy KEY NEW", 8),
    ("copy KEY OTHER --overwrite", 8),
    ("move KEY NEW", 8),
    ("set KEY --field FIELD --generate", 8),
    ("update KEY --field FIELD --generate", 8),
    ("edit KEY", 8),
    ("rotate KEY --generate", 8),
    ("rotate KEY --generate -- touch out", 8),
];

/// The commands that are tested against a remembered org key only: they read no secret.
const OTHERS: &[(&str, i32)] = &[
    ("list", 8),
    ("set KEY --generate", 8),
    ("create NEW --generate", 8),
    ("update KEY --generate", 8),
    ("delete KEY --yes", 8),
    ("import import.json", 8),
    ("org invite eve --scopes reader", 8),
    ("org confirm eve --yes", 8),
    ("org recovery-kit --output-dir out", 8),
];

#[test]
fn the_matrix_in_the_documentation_has_every_command() {
    let document = include_str!("../../../../docs/testing.md");
    let (_, matrix) = document.split_once("## Commands and attacks").unwrap();
    let (matrix, _) = matrix.split_once("\n## ").unwrap();
    let rows = matrix.lines().filter_map(|line| line.strip_prefix("| `"));
    let documented: BTreeSet<_> = rows.map(|row| row.split('`').next().unwrap()).collect();
    let tested = [READERS, WRITERS, OTHERS].concat();
    let tested: BTreeSet<_> = tested
        .iter()
        .map(|(line, _)| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(documented, tested);
}

#[test]
fn an_org_key_that_changes_between_two_calls_is_refused_by_every_command() {
    let stage = Stage::new();
    stage.remembers();
    let imports = [("import import.json --overwrite", 8)];
    for (line, status) in [READERS, WRITERS, &imports].concat() {
        stage.turns_in_the_middle();
        let stderr = stage.refuses(line, status, "this client accepts");
        for fingerprint in [
            attackers().fingerprint().to_string(),
            stage.world.fingerprint(),
        ] {
            assert!(stderr.contains(&fingerprint), "{line}: {stderr}");
        }
    }
}

/// At first contact nothing is remembered, but the command accepts only the key that it connected with.
#[test]
fn a_changed_org_key_is_refused_at_first_contact_too() {
    for (line, status) in WRITERS {
        let stage = Stage::new();
        stage.turns_in_the_middle();
        stage.refuses(line, *status, "this client accepts");
    }
}

#[test]
fn an_org_key_other_than_the_remembered_one_stops_every_command() {
    let stage = Stage::new();
    stage.remembers();
    stage.shows_its_own_org_key();
    for (line, status) in [READERS, WRITERS, OTHERS].concat() {
        stage.refuses(line, status, "the org key of this vault has changed");
        stage.refuses(
            &format!("{line} --quiet").replace(" -- printenv --quiet", " --quiet -- printenv"),
            status,
            "has changed",
        );
    }
}

#[test]
fn swapped_secrets_are_refused_by_every_command() {
    let stage = Stage::new();
    stage.remembers();
    stage.swaps("KEY", "OTHER");
    for (line, status) in [READERS, WRITERS].concat() {
        let stderr = stage.refuses(line, status, "`KEY` holds one value named `OTHER`");
        for way in [
            "--field OTHER",
            "--env NAME=KEY.OTHER",
            "--allow-unbound",
            "allow_unbound = true",
        ] {
            assert!(stderr.contains(way), "{line}: {stderr}");
        }
    }
    // Replacing the secret does not disclose it, but may lose a field.
    let line = "import import.json --overwrite";
    stage.refuses(
        line,
        2,
        "the secret `KEY` has the field OTHER, which would be lost",
    );
    let output = stage.run(&format!("{line} --drop-fields"));
    assert!(output.status.success(), "{output:?}");
    stage.plan.lock().unwrap().records.clear();
    assert_eq!(stage.run("get KEY").stdout, b"imported value");
}

/// `check` reports a refusal as the outcome of a variable.
#[test]
fn a_swapped_secret_fails_the_check_of_a_project_without_its_value() {
    let stage = Stage::new();
    stage.remembers();
    stage.swaps("KEY", "OTHER");
    let output = stage.run("check --project project.toml");
    assert_eq!(output.status.code(), Some(8), "{output:?}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.starts_with("failed   NAME"), "{stdout}");
    assert!(
        stdout.contains("`KEY` holds one value named `OTHER`"),
        "{stdout}"
    );
    assert!(!stdout.contains(VALUE), "{stdout}");
}

#[test]
fn a_swap_on_disk_is_refused_offline_as_it_is_online() {
    let stage = Stage::new();
    let run = "run --prefer-offline --key KEY --key OTHER -- true";
    assert!(stage.run(run).status.success());
    let folder = stage
        .world
        .folder
        .path()
        .join(".local/state/helvetisafe/cache");
    let file = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let file = file.filter(|path| path.extension().is_some_and(|it| it == "json"));
    let file = file.last().unwrap();
    let mut json: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let other = json["answers"]["secrets/OTHER"]["answer"].clone();
    for part in ["value", "nonce"] {
        json["answers"]["secrets/KEY"]["answer"][part] = other[part].clone();
    }
    fs::write(&file, json.to_string()).unwrap();
    let says = "`KEY` holds one value named `OTHER`";
    stage.refuses("run --offline --key KEY -- printenv", 125, says);
    let allowed = stage.run("run --offline --allow-unbound --key KEY -- printenv OTHER");
    assert_eq!(allowed.stdout, format!("{VALUE}\n").as_bytes());
}

#[test]
fn secrets_with_one_field_are_listed_together_with_the_one_setting_that_allows_them() {
    let stage = Stage::new();
    for (key, field) in [("ONE", "A"), ("TWO", "B"), ("THREE", "C")] {
        let output = stage.run(&format!("create {key} --field {field} --generate"));
        assert!(output.status.success(), "{output:?}");
    }
    let command = "run --all -- true";
    let stderr = String::from_utf8(stage.run(command).stderr).unwrap();
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains("so they were refused"), "{stderr}");
    for (key, field) in [("ONE", "A"), ("TWO", "B"), ("THREE", "C")] {
        let named = format!("`{key}` holds one value named `{field}`");
        assert!(stderr.contains(&named), "{stderr}");
    }
    let doctor = String::from_utf8(stage.run("doctor").stdout).unwrap();
    let line = doctor
        .lines()
        .find(|line| line.contains("  binding "))
        .unwrap();
    assert!(line.starts_with("warning"), "{line}");
    assert!(line.contains("`THREE` holds one value named `C`"), "{line}");

    // Each solution that the message names.
    let field = stage.run("run --env X=ONE.A -- true");
    assert!(field.status.success(), "{field:?}");
    assert_eq!(stage.run("get ONE --field A").stdout.len(), 32);
    stage
        .world
        .write("fields", "{{ secret \"TWO\" \"B\" }}", 0o600);
    assert_eq!(stage.run("inject fields").stdout.len(), 32);
    let allowed = [
        stage.run("run --all --allow-unbound -- true"),
        stage
            .command("run --all -- true")
            .env("HELVETISAFE_ALLOW_UNBOUND", "true")
            .output()
            .unwrap(),
    ];
    for output in allowed {
        assert!(output.status.success(), "{output:?}");
    }
}

#[test]
fn require_binding_refuses_unbound_values() {
    let stage = Stage::new();
    stage
        .world
        .write("two.json", r#"{"TWO":{"A":"1","B":"2"}}"#, 0o600);
    assert!(stage.run("import two.json").status.success());
    assert!(stage.run("get TWO").status.success());
    for output in [
        stage.run("get TWO --require-binding"),
        stage.run("get TWO --field A --require-binding"),
        stage
            .command("get TWO")
            .env("HELVETISAFE_REQUIRE_BINDING", "true")
            .output()
            .unwrap(),
    ] {
        assert_eq!(output.status.code(), Some(8), "{output:?}");
    }
    assert!(stage.run("get KEY --require-binding").status.success());
}

/// Without a terminal and without a fingerprint, a first write could go to any vault.
#[test]
fn a_first_write_needs_a_person_a_fingerprint_or_an_explicit_option() {
    let stage = Stage::new();
    let first = |line: &str| {
        let mut command = stage.command(line);
        let home = tempfile::tempdir().unwrap();
        command
            .env("HOME", home.path())
            .env_remove("HELVETISAFE_TRUST_FIRST_USE");
        (command, home)
    };
    let fingerprint = stage.world.fingerprint();
    let writers = [WRITERS, OTHERS].concat();
    // The organization has no chain, by which `org` decides about a first contact.
    let is_first_write = |line: &str| line != "list" && !line.starts_with("org ");
    for (line, _) in writers.iter().filter(|(line, _)| is_first_write(line)) {
        let (mut command, _home) = first(line);
        let output = command.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(8), "{line}: {stderr}");
        for way in [
            format!("HELVETISAFE_ORG_KEY_FINGERPRINT={fingerprint}"),
            "--trust-first-use".to_owned(),
        ] {
            assert!(stderr.contains(&way), "{line}: {stderr}");
        }
    }
    for line in [
        "run --key KEY -- true",
        "export --format json --key KEY",
        "inject template",
        "list",
    ] {
        let (mut read, _home) = first(line);
        let output = read.output().unwrap();
        assert!(output.status.success(), "{line}: {output:?}");
    }
    // An earlier read in the same new home does not confirm the key.
    let (mut read, home) = first("get KEY");
    assert!(read.output().unwrap().status.success());
    let (mut write, _) = first("set NEW --generate");
    let output = write.env("HOME", home.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(8), "{output:?}");
    let settings = [
        ("HELVETISAFE_ORG_KEY_FINGERPRINT", fingerprint.as_str()),
        ("HELVETISAFE_TRUST_FIRST_USE", "true"),
    ];
    for (name, value) in settings {
        let (mut command, _home) = first("set NEW --generate");
        let output = command.env(name, value).output().unwrap();
        assert!(output.status.success(), "{name}: {output:?}");
    }
    // A trusted key stays trusted.
    let (mut command, home) = first("set NEW --generate --trust-first-use");
    assert!(command.output().unwrap().status.success());
    let (mut again, _) = first("set NEW --generate");
    let output = again.env("HOME", home.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_first_write_whose_key_is_not_that_of_other_credentials_fails() {
    let stage = Stage::new();
    stage.remembers();
    let other = World::new();
    let mut command = stage.command("set KEY --generate --quiet");
    command.envs(other.credentials());
    let refused = |command: &mut Command| {
        let output = command.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(8), "{stderr}");
        assert!(
            stderr.contains("differs from those that are remembered"),
            "{stderr}"
        );
        assert!(stderr.contains(&other.fingerprint()), "{stderr}");
    };
    refused(&mut command);
    // All names of this machine mean the same vault.
    let localhost = stage.proxy.base_url().replace("127.0.0.1", "localhost");
    refused(command.env("HELVETISAFE_BASE_URL", localhost));
    // A read warns, also with --quiet.
    let mut read = stage.command("list --quiet");
    let output = read.envs(other.credentials()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains("warning: first use of this credential"),
        "{stderr}"
    );
    // The user accepts a second organization at one URL.
    let mut pin = stage.command(&format!("trust pin {}", other.fingerprint()));
    assert!(pin.envs(other.credentials()).status().unwrap().success());
    command.env("HELVETISAFE_BASE_URL", stage.proxy.base_url());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// A key that was only read does not confirm itself, neither for the same credential on a terminal nor for
/// another one.
#[test]
fn a_read_confirms_no_key_that_differs_from_that_of_other_credentials() {
    let stage = Stage::new();
    stage.remembers();
    let strange = World::new();
    let mut read = stage.command("list");
    read.envs(strange.credentials());
    assert!(read.output().unwrap().status.success());
    // Another account of the unknown organization.
    let mut second = strange.command_with(helvetisafe::Scopes::ALL);
    second
        .args(["set", "KEY", "--generate"])
        .env("HELVETISAFE_BASE_URL", stage.proxy.base_url())
        .env("HOME", stage.world.folder.path());
    let mut first = stage.command("set KEY --generate --trust-first-use");
    first.envs(strange.credentials());
    for command in [&mut first, &mut second] {
        let output = command.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(8), "{stderr}");
        assert!(
            stderr.contains("differs from those that are remembered"),
            "{stderr}"
        );
    }
}

#[test]
fn naming_a_field_once_does_not_allow_the_whole_secret() {
    let stage = Stage::new();
    stage.remembers();
    stage.swaps("KEY", "OTHER");
    let says = "`KEY` holds one value named `OTHER`";
    stage.refuses("run --env X=KEY.OTHER --key KEY -- printenv", 125, says);
    stage.refuses("run --env X=KEY.OTHER --env Y=KEY -- printenv", 125, says);
    let both = "{{ secret \"KEY\" \"OTHER\" }} {{ secret \"KEY\" }}";
    stage.world.write("both", both, 0o600);
    stage.refuses("inject both", 8, says);
}

#[test]
fn a_first_write_that_cannot_store_the_org_key_fails() {
    let stage = Stage::new();
    let mut command = stage.command("set KEY --generate");
    let state = stage.world.folder.path().join("key.pem/state");
    command.env("HELVETISAFE_STATE_DIR", &state);
    let output = command.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(8), "{stderr}");
    assert!(stderr.contains("cannot remember the org key"), "{stderr}");
    assert_eq!(stage.proxy.count("PUT", "/api/v1/secrets/KEY"), 0);
    let fingerprint = stage.world.fingerprint();
    command.env("HELVETISAFE_ORG_KEY_FINGERPRINT", fingerprint);
    assert!(command.output().unwrap().status.success());
    // A read succeeds. --quiet does not hide the warning that a change would go unnoticed.
    let mut read = stage.command("get KEY --quiet");
    let output = read.env("HELVETISAFE_STATE_DIR", &state).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains("warning: cannot remember the org key"),
        "{stderr}"
    );
}

/// Waits until `found` returns a value.
fn eventually<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} did not happen");
        thread::sleep(Duration::from_millis(50));
    }
}

/// Returns the address in the message of an agent that listens.
fn served(log: &std::path::Path) -> String {
    eventually("serving", || {
        let text = fs::read_to_string(log).ok()?;
        let (_, rest) = text.split_once("serving on ")?;
        let address = rest.split_whitespace().next()?;
        text.contains("ready")
            .then(|| address.replace("http://", ""))
    })
}

fn ask(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn the_agent_reports_and_refuses_a_changed_key_until_it_is_trusted() {
    let stage = Stage::new();
    stage.remembers();
    let log = stage.world.folder.path().join("agent.log");
    let mut command = stage.command("agent --listen 127.0.0.1:0 --no-token --prefix KEY --ttl 1s");
    command.stderr(fs::File::create(&log).unwrap());
    stage.plan.lock().unwrap().org_keys_seen = 0;
    let mut child = command.spawn().unwrap();
    let address = served(&log);
    assert!(ask(&address, "/secret/KEY").contains(VALUE));

    // It has connected before.
    stage.turns_in_the_middle();
    stage.plan.lock().unwrap().org_keys_seen = 1;
    eventually("a refusal", || {
        ask(&address, "/secret/KEY").contains("500").then_some(())
    });
    assert!(!ask(&address, "/secret/KEY").contains(BAIT));
    let reported = fs::read_to_string(&log).unwrap();
    assert_eq!(reported.matches("has changed").count(), 1, "{reported}");
    let pin = format!("trust pin {}", attackers().fingerprint());
    assert!(reported.contains(&pin), "{reported}");

    assert!(stage.run(&format!("{pin} --yes")).status.success());
    eventually("the trusted key", || {
        ask(&address, "/secret/KEY").contains(BAIT).then_some(())
    });
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn run_watch_reports_and_refuses_a_changed_key_until_it_is_trusted() {
    let stage = Stage::new();
    stage.remembers();
    let (log, out) = (
        stage.world.folder.path().join("log"),
        stage.world.folder.path().join("seen"),
    );
    let mut command = stage.command("run --watch 1s --key KEY -- sh -c");
    command
        .arg("echo \"$KEY\" >> seen; exec sleep 600")
        .stderr(fs::File::create(&log).unwrap());
    let mut child = command.spawn().unwrap();
    let read = |path: &std::path::Path| fs::read_to_string(path).unwrap_or_default();
    eventually("a start", || read(&out).contains(VALUE).then_some(()));

    stage.turns_in_the_middle();
    stage.plan.lock().unwrap().org_keys_seen = 1;
    // The honest vault's list shows the write.
    let honest = stage
        .world
        .command()
        .args(["set", "KEY", "--generate"])
        .output()
        .unwrap();
    assert!(honest.status.success(), "{honest:?}");
    let says = attackers().fingerprint().to_string();
    eventually("a report", || read(&log).contains(&says).then_some(()));
    thread::sleep(Duration::from_secs(3));
    let reported = read(&log);
    assert_eq!(
        reported.matches("continuing with the old ones").count(),
        1,
        "{reported}"
    );
    assert!(!read(&out).contains(BAIT));

    let pin = format!("trust pin {}", attackers().fingerprint());
    assert!(stage.run(&format!("{pin} --yes")).status.success());
    eventually("the trusted key", || {
        read(&out).contains(BAIT).then_some(())
    });
    let id = child.id().to_string();
    assert!(Command::new("kill").arg(id).status().unwrap().success());
    child.wait().unwrap();
}
