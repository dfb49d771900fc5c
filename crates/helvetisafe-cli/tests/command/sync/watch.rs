//! `sync --watch`.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use helvetisafe_test_support::{Action, Proxy};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tempfile::NamedTempFile;

use super::api_server::ApiServer;
use super::{ROLE, command, failure, text, world};
use crate::world::{World, start_proxy};

/// Starts a `sync --watch` and waits until `is_done` accepts its messages.
fn watch(mut command: Command, is_done: impl Fn(&str) -> bool) -> (Child, String) {
    let stderr = NamedTempFile::new().unwrap();
    command.stderr(stderr.reopen().unwrap());
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
    let messages = || std::fs::read_to_string(stderr.path()).unwrap();
    wait(|| is_done(&messages()), &messages);
    (child, messages())
}

fn wait(is_done: impl Fn() -> bool, shown: &dyn Fn() -> String) {
    let begun = Instant::now();
    while !is_done() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{}", shown());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Ends it with SIGTERM and returns its output.
fn end(child: Child) -> String {
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    text(&output.stdout)
}

#[test]
fn a_watch_follows_the_vault_and_repairs_the_secret() {
    let world = world(&[("A", "one")]);
    let server = ApiServer::start(ROLE);
    let mut command = command(&world, &server);
    command.args(["--watch", "1s"]);
    let has = |entry: &str| server.secret("app").is_some() && server.entries("app") == [entry];
    let (child, _) = watch(command, |_| has("A=one"));
    let shown = || format!("{:?}", server.take_log());
    world.set("A", "two");
    wait(|| has("A=two"), &shown);
    // A deleted entry comes back.
    server.put("kubectl", "app", json!({"data": {}}));
    wait(|| has("A=two"), &shown);
    assert_eq!(end(child), "+ A\n~ A\n+ A\n");
}

#[test]
fn a_watch_survives_a_vault_and_a_server_that_are_down() {
    let world = world(&[("A", "one")]);
    let server = ApiServer::start(ROLE);
    let is_down = Arc::new(AtomicBool::new(true));
    let down = Arc::clone(&is_down);
    let proxy = start_proxy(move |_, _| match down.load(Ordering::SeqCst) {
        true => Action::Close,
        false => Action::Forward,
    });
    let mut command = command(&world, &server);
    command.env("HELVETISAFE_BASE_URL", proxy.base_url()).args([
        "--watch",
        "1s",
        "--timeout",
        "1s",
    ]);
    let (child, _) = watch(command, |messages| messages.contains("trying again"));
    is_down.store(false, Ordering::SeqCst);
    let has = |entry: &str| server.secret("app").is_some() && server.entries("app") == [entry];
    wait(|| has("A=one"), &String::new);
    // More than the client repeats by itself.
    server.fail(5);
    world.set("A", "two");
    wait(|| has("A=two"), &String::new);
    end(child);
}

/// A watch of a vault that can fail.
struct Watched {
    is_down: Arc<AtomicBool>,
    proxy: Proxy,
    child: Child,
    stderr: NamedTempFile,
}

impl Watched {
    /// Starts it, and waits for its first round. While the vault is down, requests to paths with this start fail.
    fn start(world: &World, server: &ApiServer, failing: &'static str) -> Self {
        let is_down = Arc::new(AtomicBool::new(false));
        let down = Arc::clone(&is_down);
        let proxy = start_proxy(move |request, _| {
            match down.load(Ordering::SeqCst) && request.path.starts_with(failing) {
                true => Action::Answer(503, "", Vec::new()),
                false => Action::Forward,
            }
        });
        let stderr = NamedTempFile::new().unwrap();
        let mut command = command(world, server);
        command
            .env("HELVETISAFE_BASE_URL", proxy.base_url())
            .args(["--watch", "1s"])
            .stderr(stderr.reopen().unwrap())
            .stdout(Stdio::piped());
        let watched = Self {
            is_down,
            proxy,
            child: command.spawn().unwrap(),
            stderr,
        };
        wait(|| server.secret("app").is_some(), &|| watched.messages());
        watched
    }

    fn messages(&self) -> String {
        std::fs::read_to_string(self.stderr.path()).unwrap()
    }

    /// Returns the messages after so many requests to a vault that is down since `change`, and those after its end.
    fn outage(self, requests: usize, change: impl FnOnce()) -> (String, String) {
        let before = self.proxy.log().len();
        self.is_down.store(true, Ordering::SeqCst);
        change();
        let messages = || self.messages();
        wait(|| self.proxy.log().len() >= before + requests, &messages);
        let reported = messages();
        self.is_down.store(false, Ordering::SeqCst);
        wait(|| messages().contains("works again, after "), &messages);
        let ended = messages();
        end(self.child);
        (reported, ended)
    }
}

#[test]
fn an_outage_and_its_end_are_reported_once() {
    let world = world(&[("A", "one")]);
    let server = ApiServer::start(ROLE);
    // Three attempts for each of three rounds.
    let (_, messages) = Watched::start(&world, &server, "/").outage(9, || {});
    for once in ["503", "trying again", "works again"] {
        assert_eq!(messages.matches(once).count(), 1, "{messages}");
    }
}

#[test]
fn the_failures_of_several_secrets_are_reported_once() {
    let world = world(&[("A", "one"), ("B", "one")]);
    let server = ApiServer::start(ROLE);
    let watched = Watched::start(&world, &server, "/api/v1/secrets/");
    // Three attempts for each secret in each of three rounds. At the end one of them may be read before the other.
    let (reported, ended) = watched.outage(21, || world.set("A", "two"));
    for (text, count) in [("503", 2), ("trying again", 1)] {
        assert_eq!(reported.matches(text).count(), count, "{reported}");
    }
    assert_eq!(ended.matches("works again").count(), 1, "{ended}");
}

#[test]
fn a_watch_ends_at_a_failure_that_lasts() {
    let world = world(&[("A", "one")]);
    let server = ApiServer::start(&["get"]);
    let (status, message) = failure(&world, &server, &["--watch"]);
    assert_eq!(status, 4, "{message}");
}

/// The new org key is followed by the signed chain of the remembered organization.
#[test]
fn a_watch_follows_a_rotation_of_the_org_key() {
    use crate::organization::{OTHERS, Organization, command as other_command, ok};

    let organization = Organization::new();
    organization.member("bob", "reader");
    let set = |value: &str| {
        let arguments = ["--config", "ada/config.toml", "set", "KEY"];
        let output = other_command(&organization.world, None, &arguments, value).output();
        ok(output.unwrap());
    };
    set("one");
    let server = ApiServer::start(ROLE);
    let mut command = command(&organization.world, &server);
    for name in OTHERS.iter().chain(&["HELVETISAFE_BASE_URL"]) {
        command.env_remove(name);
    }
    command.args(["--config", "bob/config.toml", "--watch", "1s"]);
    let has = |entry: &str| server.secret("app").is_some() && server.entries("app") == [entry];
    let (child, _) = watch(command, |_| has("KEY=one"));
    ok(organization.with("ada", &["org", "rotate", "--yes"]));
    set("two");
    wait(|| has("KEY=two"), &|| format!("{:?}", server.take_log()));
    assert_eq!(end(child), "+ KEY\n~ KEY\n");
}
