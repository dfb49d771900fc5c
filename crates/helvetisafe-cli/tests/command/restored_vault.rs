//! A vault that was restored from a backup: each command that notices it says so, and says what to do.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Output;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use helvetisafe_server::{Error, Vault};
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::agent::Agent;
use crate::organization::{Organization, command, fails, json, ok};
use crate::world::World;

/// An organization in a vault with a file, which can be restored.
struct Restorable {
    organization: Organization,
    vault: Mutex<Option<Vault>>,
    address: SocketAddr,
}

impl Restorable {
    fn new() -> Self {
        let world = World::new();
        let file = world.folder.path().join("vault.db");
        let vault = Vault::builder().state(&file).start().unwrap();
        let token = vault.new_bootstrap_token().unwrap();
        let (url, address) = (vault.base_url().to_owned(), vault.address());
        Self {
            organization: Organization::founded(world, url, token.expose_secret()),
            vault: Mutex::new(Some(vault)),
            address,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.organization.path(name)
    }

    /// Stops the vault, copies its file, and starts it again.
    fn copy(&self, from: &str, to: &str) {
        let mut vault = self.vault.lock().unwrap();
        vault.take().unwrap().stop().unwrap();
        for name in ["vault.db-wal", "vault.db-shm"] {
            assert!(!self.file(name).exists());
        }
        fs::copy(self.file(from), self.file(to)).unwrap();
        *vault = Some(self.start());
    }

    /// Starts the vault at its address, which a connection of another test may have for a moment.
    fn start(&self) -> Vault {
        for _ in 0..100 {
            let builder = Vault::builder().listen(self.address);
            match builder.state(self.file("vault.db")).start() {
                Err(Error::AddressInUse { .. }) => {
                    thread::sleep(Duration::from_millis(50));
                }
                started => return started.unwrap(),
            }
        }
        panic!("{} stays in use", self.address);
    }

    fn back_up(&self) {
        self.copy("vault.db", "backup.db");
    }

    fn restore(&self) {
        self.copy("backup.db", "vault.db");
    }

    /// Starts the vault again with a new database.
    fn renew(&self) {
        let mut vault = self.vault.lock().unwrap();
        vault.take().unwrap().stop().unwrap();
        fs::remove_file(self.file("vault.db")).unwrap();
        *vault = Some(self.start());
    }

    fn with(&self, folder: &str, line: &str) -> Output {
        let arguments: Vec<_> = line.split(' ').collect();
        self.organization.with(folder, &arguments)
    }
}

/// Asserts that a text says once what happened, and what to do.
fn assert_explained(text: &str, says: &str, folder: &str) {
    let forget = format!("`helvetisafe trust forget --config {folder}/config.toml`");
    for expected in [
        says,
        "ask an administrator before you continue",
        "only if the restore was intended",
        &forget,
    ] {
        assert_eq!(text.matches(expected).count(), 1, "{expected}: {text}");
    }
    assert!(!text.contains("trust pin"), "{text}");
}

/// Asserts that `doctor` and `trust show` explain it, the latter with this state.
fn assert_checks_explain(vault: &Restorable, folder: &str, says: &str, state: &str) {
    let output = vault.with(folder, "doctor --json");
    let lines = checks(&output);
    assert_eq!(output.status.code(), Some(8), "{lines:?}");
    let line = lines.iter().find(|it| it["check"] == "trust").unwrap();
    assert_eq!(line["outcome"], "failed");
    assert_explained(line["message"].as_str().unwrap(), says, folder);

    let output = vault.with(folder, "trust show --json");
    assert_explained(&fails(&output, 8), says, folder);
    let shown = json(&String::from_utf8_lossy(&output.stdout));
    assert_eq!(shown["state"], state);
}

/// Starts Bob's agent.
fn start_agent(vault: &Restorable) -> Agent {
    let line = "--config bob/config.toml agent --listen 127.0.0.1:0 --ttl 1s --key KEY";
    let arguments: Vec<_> = line.split(' ').collect();
    let agent = Agent::spawn(&mut command(
        &vault.organization.world,
        None,
        &arguments,
        "",
    ));
    agent.wait_until_ready();
    agent
}

fn checks(output: &Output) -> Vec<Value> {
    let lines = json(&String::from_utf8_lossy(&output.stdout));
    lines.as_array().unwrap().clone()
}

#[test]
fn a_vault_that_returned_to_an_earlier_org_key_is_explained() {
    let vault = Restorable::new();
    vault.organization.member("bob", "member");
    ok(vault.with("ada", "set KEY --generate"));
    let value = ok(vault.with("ada", "get KEY"));
    vault.back_up();
    ok(vault.with("ada", "org rotate --yes"));
    vault.organization.member("eve", "reader");
    ok(vault.with("ada", "account show"));
    ok(vault.with("bob", "get KEY"));
    let agent = start_agent(&vault);
    vault.restore();

    // The founding and Bob; then a rotation and Eve.
    let says = "has returned to an earlier chain: it ends with entry 1, and entry 3 was seen here";
    for (folder, line, status) in [
        ("ada", "get KEY", 8),
        ("ada", "list", 8),
        ("ada", "set KEY --generate", 8),
        ("ada", "export --format json", 8),
        ("ada", "run -- true", 125),
        ("ada", "org members", 8),
        ("ada", "org pending", 8),
        ("ada", "org invite joe --scopes reader", 8),
        ("ada", "org disable bob --yes", 8),
        ("ada", "org rotate --yes", 8),
        ("ada", "org recovery-kit --output-dir kit", 8),
        ("ada", "account show", 8),
    ] {
        let messages = fails(&vault.with(folder, line), status);
        assert_explained(&messages, says, folder);
    }
    assert_checks_explain(&vault, "ada", says, "changed");
    let says = "has returned to an earlier chain: it ends with entry 1, and entry ";
    assert_checks_explain(&vault, "bob", says, "changed");
    let messages = agent.wait_for_asking("/secret/KEY", "has returned to an earlier chain");
    assert_explained(&messages, says, "bob");

    // The administrators agree that it was restored.
    for folder in ["ada", "bob"] {
        ok(vault.with(folder, "trust forget"));
        assert_eq!(ok(vault.with(folder, "get KEY")), value);
        ok(vault.with(folder, "doctor"));
        ok(vault.with(folder, "trust show"));
    }
    ok(vault.with("ada", "org rotate --yes"));
}

/// A former member knows the org key that the agent had at its start.
#[test]
fn an_agent_that_has_followed_rotations_refuses_the_org_key_of_its_start() {
    for is_first_contact in [false, true] {
        let vault = Restorable::new();
        vault.organization.member("bob", "reader");
        ok(vault.with("ada", "set KEY --generate"));
        let old = ok(vault.with("ada", "get KEY"));
        ok(vault.with("bob", "get KEY"));
        if is_first_contact {
            ok(vault.with("bob", "trust forget"));
        }
        let agent = start_agent(&vault);
        vault.back_up();
        for _ in 0..2 {
            let rotated = ok(vault.with("ada", "org rotate --yes --json"));
            let rotated = json(&rotated)["org_key_fingerprint"].clone();
            ok(vault.with("ada", "set KEY --generate"));
            let messages = agent.wait_for_asking("/secret/KEY", rotated.as_str().unwrap());
            let says = "the administrators have replaced the org key";
            assert!(messages.contains(says), "{messages}");
        }
        vault.restore();
        let messages = agent.wait_for_asking("/secret/KEY", "has returned to an earlier chain");
        let says = "has returned to an earlier chain: it ends with entry ";
        assert_explained(&messages, says, "bob");
        let answer = agent.get("/secret/KEY").body.to_string();
        assert!(!answer.contains(old.trim()), "{answer}");
        fails(&vault.with("bob", "get KEY"), 8);
    }
}

/// The org key is the same, so reads and writes of secrets need no chain.
#[test]
fn a_vault_that_returned_to_an_earlier_chain_alone_is_explained() {
    let vault = Restorable::new();
    ok(vault.with("ada", "set KEY --generate"));
    vault.back_up();
    vault.organization.member("bob", "member");
    vault.restore();
    let says = "has returned to an earlier chain: it ends with entry 0, and entry 1 was seen here";
    assert_checks_explain(&vault, "ada", says, "refused");
    assert_explained(&fails(&vault.with("ada", "org members"), 8), says, "ada");
    let pinned = vault.with("ada", "trust pin --yes");
    assert_explained(&fails(&pinned, 0), says, "ada");
    ok(vault.with("ada", "get KEY"));
    // Another administrator goes on.
    let before = fs::read(vault.file(".local/state/helvetisafe/known-vaults.json")).unwrap();
    ok(vault.with("ada", "trust forget"));
    vault.organization.member("carol", "member");
    fs::write(
        vault.file(".local/state/helvetisafe/known-vaults.json"),
        before,
    )
    .unwrap();
    let says = "the vault shows different histories: entry 1, the newest one that was seen here, is another one";
    assert_checks_explain(&vault, "ada", says, "refused");
    assert_explained(&fails(&vault.with("ada", "org members"), 8), says, "ada");
}

/// The code of an invitation vouches for a chain, too. Nothing is remembered yet, so nothing can be forgotten.
#[test]
fn a_code_from_before_a_restore_needs_a_new_invitation() {
    let vault = Restorable::new();
    let code = vault.organization.invite("bob", "reader");
    vault.back_up();
    vault.organization.member("eve", "reader");
    let later = vault.organization.invite("joe", "reader");
    vault.restore();
    let messages = fails(&vault.organization.join(&later, "joe"), 3);
    assert!(messages.contains("the invitation"), "{messages}");
    ok(vault.organization.join(&code, "bob"));
}

#[test]
fn doctor_and_trust_accept_an_honest_rotation() {
    let organization = Organization::new();
    organization.member("bob", "member");
    ok(organization.with("bob", &["list"]));
    ok(organization.with("ada", &["org", "rotate", "--yes"]));
    let lines = checks(&organization.with("bob", &["doctor", "--json"]));
    let line = lines.iter().find(|it| it["check"] == "trust").unwrap();
    assert_eq!(line["outcome"], "ok");
    let message = line["message"].as_str().unwrap();
    assert!(
        message.starts_with("the administrators have replaced the org key remembered since")
            && message.ends_with("verified up to entry 2"),
        "{message}"
    );
    let shown = json(&ok(organization.with("bob", &["trust", "show", "--json"])));
    assert_eq!(shown["state"], "replaced");
    ok(organization.with("bob", &["list"]));
    let shown = json(&ok(organization.with("bob", &["trust", "show", "--json"])));
    assert_eq!(shown["state"], "trusted");
}

/// Otherwise the command would say that the organization exists, and each later command would fail.
#[test]
fn a_founder_that_a_new_database_does_not_have_is_not_called_unchanged() {
    let vault = Restorable::new();
    let create = ["org", "create", "--output-dir", "ada", "--name", "ada"];
    let again = |extra: &[&str]| {
        let arguments = [&create[..], extra].concat();
        command(&vault.organization.world, None, &arguments, "")
            .output()
            .unwrap()
    };
    let text = fails(&again(&["--json"]), 0);
    assert!(
        text.contains("the organization exists already, and its account can be used"),
        "{text}"
    );
    vault.renew();
    let text = fails(&again(&["--json"]), 3);
    assert!(
        text.contains("ada, but the vault at http://")
            && text.contains("to found another organization, choose a new folder"),
        "{text}"
    );
    let text = ok(again(&["--dry-run"]));
    assert!(text.contains("would only check the keys in ada"), "{text}");
}
