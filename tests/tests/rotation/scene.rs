//! A vault with an organization of two members, and the command of its administrator.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use helvetisafe::organization::{Anchor, VerificationKey};
use helvetisafe::{Client, ClientBuilder, Credentials, KeySource, OrgKeyRotation, Timeouts};
use helvetisafe_server::{Database, Vault};
use secrecy::ExposeSecret;
use serde_json::Value;
use tempfile::TempDir;

/// Ada administers; Bob's clients read and write.
pub(crate) struct Scene {
    vault: Vault,
    program: PathBuf,
    home: TempDir,
    anchor: Anchor,
    bob: Credentials,
    bobs_key: String,
    /// The names of the secrets that no client changes.
    pub(crate) fixed: Vec<String>,
}

impl Scene {
    /// Returns an organization with so many secrets. `None`, with a message, if the command is not built: `cargo test
    /// --workspace` builds it.
    pub(crate) fn new(database: &Database, secrets: usize) -> Option<Self> {
        let test = std::env::current_exe().unwrap();
        let program = test.ancestors().nth(2).unwrap().join("helvetisafe");
        if !program.exists() {
            eprintln!("skipped: the command is not built");
            return None;
        }
        let vault = Vault::builder().database(database.clone()).start().unwrap();
        let home = tempfile::tempdir().unwrap();
        let run = |arguments: &[&str], input: &str| {
            let mut command = command(&program, home.path());
            command.env("HELVETISAFE_BASE_URL", vault.base_url());
            json(&run(command.args(arguments), input))
        };
        let token = vault.new_bootstrap_token().unwrap();
        let create = [
            "org",
            "create",
            "--output-dir",
            "ada",
            "--name",
            "ada",
            "--json",
        ];
        let ada = run(&create, token.expose_secret());
        let config = ["--config", "ada/config.toml", "--json"];
        let with_config = |arguments: &[&str]| run(&[&config, arguments].concat(), "");
        let invited = with_config(&["org", "invite", "bob", "--scopes", "member"]);
        let join = ["join", "--output-dir", "bob", "--json"];
        let bob = run(&join, invited["code"].as_str().unwrap());
        with_config(&["org", "confirm", "bob", "--yes"]);
        let file = |name| fs::read_to_string(home.path().join(name)).unwrap();
        let key: VerificationKey = text(&ada["verification_key"]).parse().unwrap();
        let scene = Self {
            anchor: Anchor::Key(key),
            bob: Credentials::service_account(
                text(&bob["account"]),
                file("bob/client-secret").trim(),
            ),
            bobs_key: file("bob/private-key.pem"),
            fixed: (0..secrets).map(|it| format!("s{it}")).collect(),
            vault,
            program,
            home,
        };
        let items = scene.fixed.iter().map(|key| (key, fixed_value(key)));
        for written in scene.connect().secrets().put_many(items) {
            written.unwrap();
        }
        Some(scene)
    }

    /// Begins or resumes a rotation.
    pub(crate) fn rotate(&self) -> Child {
        let mut command = command(&self.program, self.home.path());
        command.args(["--config", "ada/config.toml", "org", "rotate", "--yes"]);
        let command = command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Connects Bob.
    pub(crate) fn connect(&self) -> Client {
        self.builder().connect().unwrap()
    }

    pub(crate) fn builder(&self) -> ClientBuilder {
        let builder = Client::builder(self.vault.base_url(), self.bob.clone(), self.key());
        let builder = builder.org_key_rotation(self.policy());
        builder.timeouts(timeouts())
    }

    pub(crate) fn url(&self) -> String {
        self.vault.base_url().to_owned()
    }

    pub(crate) fn credentials(&self) -> Credentials {
        self.bob.clone()
    }

    pub(crate) fn key(&self) -> KeySource {
        KeySource::pem(self.bobs_key.as_str())
    }

    pub(crate) fn policy(&self) -> OrgKeyRotation {
        OrgKeyRotation::follow_chain(self.anchor)
    }
}

/// Timeouts that outlast a busy machine.
pub(crate) fn timeouts() -> Timeouts {
    let long = Duration::from_secs(60);
    Timeouts {
        attempt: long,
        silence: long,
        operation: 2 * long,
        ..Timeouts::default()
    }
}

/// The value of a secret that no client changes.
pub(crate) fn fixed_value(key: &str) -> String {
    format!("{key} 0")
}

fn command(program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(home).env_clear().env("HOME", home);
    command
}

/// Runs a command, which has to succeed.
fn run(command: &mut Command, input: &str) -> Output {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    output
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
