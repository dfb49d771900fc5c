//! The examples, run as programs against a vault. `cargo test` builds them beside the tests.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails loudly")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use helvetisafe::{Client, KeySource};
use helvetisafe_server::{Account, NewAccount, Vault};
use helvetisafe_test_support::credentials;
use secrecy::ExposeSecret;

struct World {
    vault: Vault,
    account: Account,
}

impl World {
    fn new() -> Self {
        let vault = Vault::ephemeral().unwrap();
        let organization = vault.new_organization().unwrap();
        let account = vault
            .new_account(&organization, NewAccount::default())
            .unwrap();
        Self { vault, account }
    }

    fn client(&self) -> Client {
        let key = KeySource::pem(self.account.private_key_pem.as_bytes());
        Client::builder(self.vault.base_url(), credentials(&self.account), key)
            .connect()
            .unwrap()
    }

    /// An example with the account in its environment.
    fn command(&self, example: &str) -> Command {
        let mut command = Command::new(path(example));
        command
            .env_clear()
            .env("HELVETISAFE_BASE_URL", self.vault.base_url())
            .env("HELVETISAFE_CLIENT_ID", &self.account.client_id)
            .env(
                "HELVETISAFE_CLIENT_SECRET",
                self.account.client_secret.expose_secret(),
            )
            .env(
                "HELVETISAFE_PRIVATE_KEY_PEM",
                self.account.private_key_pem.as_str(),
            )
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, example: &str) -> String {
        let output = self.command(example).output().unwrap();
        assert!(output.status.success(), "{example}: {}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn path(example: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    let path = profile
        .join("examples")
        .join(example)
        .with_extension(std::env::consts::EXE_EXTENSION);
    assert!(path.exists(), "`cargo build --examples` makes {example}");
    path
}

#[test]
fn quickstart() {
    let shown = World::new().run("quickstart");
    assert!(
        shown.contains("Grüezi mitenand | ") && shown.contains("n3w-v@lue"),
        "{shown}"
    );
}

#[test]
fn basic_usage() {
    let shown = World::new().run("basic_usage");
    for line in [
        "created",
        "read    12 bytes",
        "updated",
        "listed",
        "deleted",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
}

#[test]
fn env_config() {
    let world = World::new();
    world.client().secrets().put("db", "value", None).unwrap();
    let mut command = world.command("env_config");
    let output = command
        .env("HELVETISAFE_SECRET_KEYS", "db, other")
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(shown.contains("db: 5 bytes\nother: not there\n"), "{shown}");
}

#[test]
fn metrics() {
    let shown = World::new().run("metrics");
    for counter in [
        r#"requests_total{method="GET",path="/api/v1/secrets/{key}",status="200"} 1"#,
        r#"requests_total{method="GET",path="/api/v1/secrets/{key}",status="404"} 1"#,
        r#"requests_total{method="POST",path="/oauth/token",status="200"} 1"#,
        r#"operations_total{operation="secrets.get",outcome="ok"} 2"#,
        r#"operations_total{operation="secrets.get",outcome="not_found"} 1"#,
        r#"operations_total{operation="secrets.put",outcome="ok"} 1"#,
        r#"cache_reads_total{result="hit"} 1"#,
        r#"cache_reads_total{result="miss"} 2"#,
    ] {
        let line = format!("helvetisafe_{counter}\n");
        assert!(shown.contains(&line), "{line}{shown}");
    }
    assert!(!shown.contains("metrics_example"), "{shown}");
}

#[test]
fn threads() {
    let world = World::new();
    let without = world.command("threads").output().unwrap();
    assert_eq!(without.status.code(), Some(1));
    assert!(stderr(&without).contains("database_password"));
    let secrets = world.client();
    secrets
        .secrets()
        .put("database_password", "value", None)
        .unwrap();
    let shown = world.run("threads");
    let mut lines: Vec<_> = shown.lines().collect();
    lines.sort_unstable();
    let expected = (1..=4).map(|number| format!("worker {number} has a password of 5 bytes"));
    assert_eq!(lines, expected.collect::<Vec<_>>());
}

/// A program that is killed when the test ends.
struct Service {
    child: Child,
    address: String,
    _output: BufReader<ChildStdout>,
}

impl Service {
    fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://");
        let address = address.unwrap_or_else(|| panic!("{line}")).to_owned();
        Self {
            child,
            address,
            _output: output,
        }
    }

    /// The whole answer to a request.
    fn ask(&self, method: &str, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn axum() {
    let world = World::new();
    let service = Service::start(world.command("axum"));
    let answer = service.ask("POST", "/tag", "hello");
    assert!(answer.starts_with("HTTP/1.1 500 "), "no key yet: {answer}");
    world
        .client()
        .secrets()
        .put("tag_key", "some key", None)
        .unwrap();
    let first = service.ask("POST", "/tag", "hello");
    assert!(
        first.starts_with("HTTP/1.1 200 ") && first.ends_with(" hello"),
        "{first}"
    );
    let body = |answer: &str| answer.split("\r\n\r\n").nth(1).unwrap().to_owned();
    assert_eq!(body(&service.ask("POST", "/tag", "hello")), body(&first));
    assert_ne!(body(&service.ask("POST", "/tag", "hullo")), body(&first));
    let health = service.ask("GET", "/health", "");
    assert!(health.ends_with("the vault answers"), "{health}");
    // The service continues with its cached value.
    drop(world);
    assert_eq!(body(&service.ask("POST", "/tag", "hello")), body(&first));
    let health = service.ask("GET", "/health", "");
    assert!(health.starts_with("HTTP/1.1 503 "), "{health}");
}
