//! Commands that run for long follow an honest rotation of the org key by the signed chain, without a restart.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use helvetisafe_crypto::{OrgKey, Payload, PrivateKey};
use helvetisafe_test_support::Action;

use crate::agent::Agent;
use crate::organization::{Organization, command, fails, json, ok};
use crate::world::{World, start_proxy};

const CONFIG: [&str; 2] = ["--config", "bob/config.toml"];
/// Its plaintext is the attacker's.
const BAIT: &str = "chosen by the attacker";

/// Returns a command of Bob, who reads.
pub(crate) fn bobs(organization: &Organization, arguments: &[&str]) -> Command {
    let arguments = [&CONFIG[..], arguments].concat();
    command(&organization.world, None, &arguments, "")
}

pub(crate) fn set(organization: &Organization, value: &str) {
    let arguments = ["--config", "ada/config.toml", "set", "KEY"];
    ok(command(&organization.world, None, &arguments, value)
        .output()
        .unwrap());
}

/// An organization with the member Bob and a secret, whose value is `one`.
pub(crate) fn acme(organization: Organization) -> Organization {
    organization.member("bob", "reader");
    set(&organization, "one");
    ok(organization.with("bob", &["get", "KEY"]));
    organization
}

/// Returns the fingerprint that Bob's trust memory has.
fn remembered(organization: &Organization) -> String {
    let list = json(&ok(organization.with("bob", &["trust", "list", "--json"])));
    let account = json(&fs::read_to_string(organization.path("bob/account.json")).unwrap());
    let account = format!("client-id {}", account["client_id"].as_str().unwrap());
    let mut entries = list.as_array().unwrap().iter();
    let entry = entries.find(|it| it["account"] == *account).unwrap();
    entry["fingerprint"].as_str().unwrap().to_owned()
}

/// Replaces the org key, and then the value. Returns the new fingerprint.
pub(crate) fn rotate_and_set(organization: &Organization, value: &str) -> String {
    let rotated = ok(organization.with("ada", &["org", "rotate", "--yes", "--json"]));
    set(organization, value);
    let fingerprint = json(&rotated)["org_key_fingerprint"].clone();
    fingerprint.as_str().unwrap().to_owned()
}

pub(crate) fn wait_for(what: &str, mut is_done: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_done() {
        assert!(Instant::now() < end, "no {what}");
        thread::sleep(Duration::from_millis(100));
    }
}

fn body(agent: &Agent) -> String {
    agent.get("/secret/KEY").body.to_string()
}

fn start_agent(organization: &Organization) -> Agent {
    let arguments = [
        "agent",
        "--listen",
        "127.0.0.1:0",
        "--ttl",
        "1s",
        "--key",
        "KEY",
    ];
    let agent = Agent::spawn(&mut bobs(organization, &arguments));
    agent.wait_until_ready();
    agent
}

#[test]
fn an_agent_follows_two_rotations() {
    let organization = acme(Organization::new());
    let agent = start_agent(&organization);
    assert!(body(&agent).contains("one"));
    for value in ["two", "three"] {
        let fingerprint = rotate_and_set(&organization, value);
        wait_for(value, || body(&agent).contains(value));
        let messages = agent.wait_for(&fingerprint);
        assert!(messages.contains("as the signed chain shows"), "{messages}");
        assert_eq!(remembered(&organization), fingerprint);
        // So the next command needs no chain.
        let output = organization.with("bob", &["get", "KEY"]);
        assert_eq!(fails(&output, 0), "");
    }
}

#[test]
fn run_watch_restarts_the_program_with_a_value_under_the_new_org_key() {
    let organization = acme(Organization::new());
    let arguments = ["run", "--watch", "1s", "--key", "KEY", "--", "sh", "-c"];
    let mut command = bobs(&organization, &arguments);
    let log = organization.path("log");
    command
        .arg("echo $KEY; exec sleep 60")
        .stdout(Stdio::piped())
        .stderr(fs::File::create(&log).unwrap());
    let mut child = command.spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = || {
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        line.trim().to_owned()
    };
    assert_eq!(line(), "one");
    let fingerprint = rotate_and_set(&organization, "two");
    assert_eq!(line(), "two");
    assert_eq!(remembered(&organization), fingerprint);
    end(child, &log, "as the signed chain shows");
}

fn end(mut child: std::process::Child, log: &Path, says: &str) {
    let id = child.id().to_string();
    assert!(Command::new("kill").arg(id).status().unwrap().success());
    child.wait().unwrap();
    let messages = fs::read_to_string(log).unwrap();
    assert!(messages.contains(says), "{messages}");
}

/// The vault knows the member's public key, so it can wrap any key for it, and seal any value under it.
#[test]
fn a_key_that_the_chain_does_not_have_opens_nothing_in_an_agent() {
    let attack = Arc::new(Mutex::new(None::<[Vec<u8>; 2]>));
    let answers = Arc::clone(&attack);
    let proxy = start_proxy(move |request, _| {
        let [org_key, record] = match answers.lock().unwrap().clone() {
            Some(answers) => answers,
            None => return Action::Forward,
        };
        let answer = |body| Action::Answer(200, "content-type: application/json\r\n", body);
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/api/v1/credentials/org-key") => answer(org_key),
            ("GET", "/api/v1/secrets/KEY") => answer(record),
            _ => Action::Forward,
        }
    });
    let organization = acme(Organization::at(World::new(), proxy.base_url()));
    let before = remembered(&organization);
    let agent = start_agent(&organization);
    *attack.lock().unwrap() = Some(hostile_answers(&organization));
    let messages = agent.wait_for_asking("/secret/KEY", "the signed chain does not confirm it");
    assert_eq!(messages.matches("has changed").count(), 1, "{messages}");
    let answer = agent.get("/secret/KEY");
    let text = answer.body.to_string();
    assert!(answer.status != 200 || text.contains("one"), "{text}");
    assert!(!text.contains(BAIT), "{text}");
    assert_eq!(remembered(&organization), before);
    // An honest rotation is followed then.
    *attack.lock().unwrap() = None;
    rotate_and_set(&organization, "two");
    wait_for("two", || body(&agent).contains("two"));
}

fn hostile_answers(organization: &Organization) -> [Vec<u8>; 2] {
    let attackers = OrgKey::generate().unwrap();
    let pem = fs::read_to_string(organization.path("bob/private-key.pem")).unwrap();
    let public_key = PrivateKey::from_pem(&pem).unwrap().public_key();
    let wrapped = public_key.wrap_org_key(&attackers).unwrap().encode();
    let sealed = attackers.seal(&Payload::encode("KEY", BAIT)).unwrap();
    let (value, nonce) = (sealed.encode_value(), sealed.encode_nonce());
    let org_key = serde_json::json!({ "encrypted_org_key": wrapped, "key_epoch": 2 });
    let record = serde_json::json!({ "key": "KEY", "value": value, "nonce": nonce });
    [org_key, record].map(|body| body.to_string().into_bytes())
}

/// Without a chain in the trust memory, as after `trust pin`, and without a verification key, the new key is reported and
/// refused.
#[test]
fn without_a_remembered_chain_the_agent_refuses_and_explains() {
    let organization = acme(Organization::new());
    let file = organization.path(".local/state/helvetisafe/known-vaults.json");
    let mut known = json(&fs::read_to_string(&file).unwrap());
    for entry in known["vaults"].as_array_mut().unwrap() {
        entry.as_object_mut().unwrap().remove("organization");
    }
    fs::write(&file, known.to_string()).unwrap();
    let profile = organization.path("bob/config.toml");
    let text = fs::read_to_string(&profile).unwrap();
    let lines = text
        .lines()
        .filter(|it| !it.starts_with("verification_key"));
    let without_key: Vec<_> = lines.collect();
    fs::write(&profile, without_key.join("\n")).unwrap();
    let agent = start_agent(&organization);
    let fingerprint = rotate_and_set(&organization, "two");
    let messages = agent.wait_for_asking("/secret/KEY", "secrets under the new key are refused");
    assert!(
        messages.contains(&format!("trust pin {fingerprint}")),
        "{messages}"
    );
    let answer = body(&agent);
    assert!(!answer.contains("two"), "{answer}");
    // The library's methods are nothing to a client of the agent.
    assert!(answer.contains("helvetisafe trust pin"), "{answer}");
    assert!(!answer.contains("pin_org_keys"), "{answer}");
}
