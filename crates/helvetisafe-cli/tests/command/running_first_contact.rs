//! Commands that run for long, whose first contact with the vault is their own: they follow a later rotation of the org key, also
//! if the trust memory cannot be written.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command};

use rustix::process::{Pid, Signal, kill_process};

use crate::followed_rotation::{acme, bobs, rotate_and_set, set, wait_for};
use crate::organization::{Organization, json};
#[cfg(feature = "kubernetes")]
use crate::sync::api_server::ApiServer;

/// Bob's state folder, in which nothing is remembered yet.
const STATE: &str = "new-state";
const WARNING: &str = "warning: cannot remember the org key";
const FOLLOWED: &str = "as the signed chain shows";

/// A running command of Bob, which has shown the value `one`.
struct Running<'o> {
    organization: &'o Organization,
    child: Child,
    /// Returns true if the command has used this value.
    shows: Box<dyn Fn(&str) -> bool + 'o>,
}

impl<'o> Running<'o> {
    fn start(
        organization: &'o Organization,
        mut command: Command,
        shows: impl Fn(&str) -> bool + 'o,
    ) -> Self {
        let log = fs::File::create(organization.path("log")).unwrap();
        let state = organization.path(STATE);
        command.env("HELVETISAFE_STATE_DIR", state).stderr(log);
        let child = command.spawn().unwrap();
        let running = Self {
            organization,
            child,
            shows: Box::new(shows),
        };
        running.wait_for("one");
        running
    }

    fn wait_for(&self, value: &str) {
        wait_for(value, || (self.shows)(value));
    }

    fn messages(&self) -> String {
        fs::read_to_string(self.organization.path("log")).unwrap()
    }

    /// Returns the fingerprint that is remembered now.
    fn remembered(&self) -> String {
        let known = fs::read_to_string(self.memory("known-vaults.json")).unwrap();
        let fingerprint = &json(&known)["vaults"][0]["fingerprint"];
        fingerprint.as_str().unwrap().to_owned()
    }

    fn memory(&self, file: &str) -> PathBuf {
        self.organization.path(STATE).join(file)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}

fn agent(organization: &Organization) -> Running<'_> {
    let arguments = ["agent", "--listen", "unix:s", "--no-token", "--ttl", "1s"];
    let socket = organization.path("s");
    let shows = move |value: &str| ask(&socket).is_some_and(|answer| answer.contains(value));
    Running::start(organization, bobs(organization, &arguments), shows)
}

/// Returns the answer of an agent, if it listens.
fn ask(socket: &PathBuf) -> Option<String> {
    use std::io::{Read, Write};
    let mut stream = std::os::unix::net::UnixStream::connect(socket).ok()?;
    let request = b"GET /secret/KEY HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(request).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

fn run_watch(organization: &Organization) -> Running<'_> {
    let arguments = ["run", "--watch", "1s", "--key", "KEY", "--", "sh", "-c"];
    let mut command = bobs(organization, &arguments);
    let values = fs::File::create(organization.path("values")).unwrap();
    command.arg("echo $KEY; exec sleep 120").stdout(values);
    let shows = |value: &str| {
        let values = fs::read_to_string(organization.path("values")).unwrap();
        values.lines().last() == Some(value)
    };
    Running::start(organization, command, shows)
}

#[cfg(feature = "kubernetes")]
fn sync_watch<'o>(organization: &'o Organization, server: &'o ApiServer) -> Running<'o> {
    let world = &organization.world;
    world.write("kubeconfig", &server.kubeconfig(), 0o600);
    let mut command = bobs(organization, &["sync", "--name", "app", "--watch", "1s"]);
    command
        .env("KUBECONFIG", "kubeconfig")
        .stdout(std::process::Stdio::null());
    let shows = |value: &str| {
        server.secret("app").is_some() && server.entries("app") == [format!("KEY={value}")]
    };
    Running::start(organization, command, shows)
}

/// Rotates twice, and once more while the trust memory cannot be written.
fn follows(running: &Running<'_>) {
    let organization = running.organization;
    let first = running.remembered();
    let second = rotate_and_set(organization, "two");
    running.wait_for("two");
    assert_ne!(first, second);
    let messages = running.messages();
    assert_eq!(messages.matches(FOLLOWED).count(), 1, "{messages}");
    assert_eq!(running.remembered(), second, "{messages}");

    let lock = fs::File::open(running.memory(".known-vaults.lock")).unwrap();
    lock.lock().unwrap();
    let third = rotate_and_set(organization, "three");
    running.wait_for("three");
    set(organization, "four");
    running.wait_for("four");
    let messages = running.messages();
    assert_eq!(messages.matches(WARNING).count(), 1, "{messages}");
    assert!(messages.contains(&third), "{messages}");
    assert_eq!(running.remembered(), second, "{messages}");
    // A later rotation is followed and remembered.
    lock.unlock().unwrap();
    let fourth = rotate_and_set(organization, "five");
    running.wait_for("five");
    let messages = running.messages();
    assert_eq!(running.remembered(), fourth, "{messages}");
    assert_eq!(messages.matches(WARNING).count(), 1, "{messages}");
}

#[test]
fn an_agent_follows_rotations_after_its_first_contact() {
    let organization = acme(Organization::new());
    follows(&agent(&organization));
}

#[test]
fn run_watch_follows_rotations_after_its_first_contact() {
    let organization = acme(Organization::new());
    follows(&run_watch(&organization));
}

#[cfg(feature = "kubernetes")]
#[test]
fn sync_watch_follows_rotations_after_its_first_contact() {
    let organization = acme(Organization::new());
    let server = ApiServer::start(&["get", "create", "patch"]);
    follows(&sync_watch(&organization, &server));
}
