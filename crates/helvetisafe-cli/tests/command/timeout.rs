//! `--timeout`: one deadline for all work of a command with the vault.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use helvetisafe_test_support::{Action, Proxy};
use rustix::process::{Pid, Signal, kill_process};

use crate::world::{World, start_proxy};

/// The number of secrets. They take far longer than the timeout, also eight at once.
const COUNT: usize = 150;
const DELAY: Duration = Duration::from_millis(300);
const TIME: &str = "2s";
/// The timeout, and the additional time that a busy machine needs.
const ENOUGH: Duration = Duration::from_millis(4500);

/// A world with many secrets, whose vault answers requests for one of them slowly.
struct Stage {
    world: World,
    proxy: Proxy,
    is_slow: Arc<AtomicBool>,
}

impl Stage {
    fn new() -> Self {
        let world = World::new();
        let is_slow = Arc::new(AtomicBool::new(false));
        let slow = Arc::clone(&is_slow);
        let proxy = start_proxy(move |seen, _| {
            let is_about_one = seen.path.starts_with("/api/v1/secrets/");
            match slow.load(Ordering::SeqCst) && is_about_one {
                true => Action::ForwardAfter(DELAY),
                false => Action::Forward,
            }
        });
        let stage = Self {
            world,
            proxy,
            is_slow,
        };
        let names: Vec<_> = names().map(|name| format!("{name}=value")).collect();
        stage.world.write("all.env", &names.join("\n"), 0o600);
        let output = stage.command(&["import", "all.env"]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        stage.set_slow(true);
        stage
    }

    fn set_slow(&self, is_slow: bool) {
        self.is_slow.store(is_slow, Ordering::SeqCst);
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.world.command_through(&self.proxy);
        command.args(arguments);
        command
    }

    /// Runs the command, and fails if it takes too long.
    fn end_in_time(&self, arguments: &[&str]) -> (Output, String) {
        let begun = Instant::now();
        let output = self.command(arguments).output().unwrap();
        let elapsed = begun.elapsed();
        assert!(elapsed < ENOUGH, "{arguments:?}: {elapsed:?}");
        let messages = String::from_utf8_lossy(&output.stderr).into_owned();
        (output, messages)
    }
}

/// A child process that is stopped on drop, also if the test fails.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
        let _ = self.0.wait();
    }
}

fn names() -> impl Iterator<Item = String> {
    (0..COUNT).map(|n| format!("KEY_{n:03}"))
}

/// Asserts that the timeout is reported once, however many secrets were not read.
fn assert_reported(messages: &str, what: &str) {
    let is_about = |line: &&str| line.contains("--timeout") && line.contains(what);
    assert_eq!(messages.lines().filter(is_about).count(), 1, "{messages}");
    assert!(
        messages.contains("2 s") && messages.lines().count() < 4,
        "{messages}"
    );
}

#[test]
fn the_timeout_bounds_all_reads_of_a_command() {
    let stage = Stage::new();
    stage.world.write("template", &template(), 0o600);
    let all: Vec<_> = names().collect();
    let mut get = vec!["get", "--timeout", TIME];
    get.extend(all.iter().map(String::as_str));
    let inject = ["inject", "template", "--timeout", TIME];
    let folder = ["inject", "--output-dir", "out", "--timeout", TIME];
    for (arguments, status) in [
        (&["run", "--all", "--timeout", TIME, "--", "true"][..], 125),
        (
            &["export", "--format", "dotenv", "--all", "--timeout", TIME],
            9,
        ),
        (&inject, 9),
        (&folder, 9),
        (&get, 9),
    ] {
        let (output, messages) = stage.end_in_time(arguments);
        assert_eq!(
            output.status.code(),
            Some(status),
            "{arguments:?}: {messages}"
        );
        assert_reported(&messages, &format!("of {COUNT} secrets"));
    }
    assert!(!stage.world.folder.path().join("out").exists());
}

fn template() -> String {
    let parts: Vec<_> = names()
        .map(|name| format!("{{{{ secret \"{name}\" }}}}"))
        .collect();
    parts.join("\n")
}

#[test]
fn the_timeout_bounds_all_writes() {
    let stage = Stage::new();
    let all: Vec<_> = names().collect();
    let mut delete = vec!["delete", "--yes", "--timeout", TIME];
    delete.extend(all.iter().map(String::as_str));
    let (output, messages) = stage.end_in_time(&delete);
    assert_eq!(output.status.code(), Some(9), "{messages}");
    assert_reported(&messages, &format!("of {COUNT} secrets"));

    let import = ["import", "all.env", "--overwrite", "--timeout", TIME];
    let (output, messages) = stage.end_in_time(&import);
    assert_eq!(output.status.code(), Some(9), "{messages}");
    assert!(messages.contains("--timeout"), "{messages}");
    assert!(
        messages.contains("not tried after that; run it again"),
        "{messages}"
    );
}

#[test]
fn the_timeout_can_come_from_the_environment() {
    let stage = Stage::new();
    let run = ["run", "--prefix", "KEY_00", "--", "printenv", "KEY_009"];
    let mut command = stage.command(&run);
    let output = command.env("HELVETISAFE_TIMEOUT", "20s").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stdout, b"value\n");
    let mut command = stage.command(&["run", "--all", "--", "true"]);
    let output = command.env("HELVETISAFE_TIMEOUT", TIME).output().unwrap();
    assert_eq!(output.status.code(), Some(125), "{output:?}");
}

/// A password helper waits for a person, not for the vault.
#[test]
fn the_time_of_a_helper_does_not_count() {
    let stage = Stage::new();
    let secret = stage.world.name("CLIENT_SECRET");
    let profile = format!(
        "[profiles.default]\nclient_secret_command = [\"sh\", \"-c\", \"sleep 3; echo {secret}\"]\n"
    );
    stage.world.write("config.toml", &profile, 0o600);
    let arguments = [
        "get",
        "KEY_001",
        "--config",
        "config.toml",
        "--base-url",
        &stage.proxy.base_url(),
        "--timeout",
        TIME,
    ];
    let mut command = stage.command(&arguments);
    command.env_remove("HELVETISAFE_CLIENT_SECRET");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stdout, b"value");
}

/// One note reports it, not one for each secret.
#[test]
fn stored_answers_are_used_after_the_timeout() {
    let stage = Stage::new();
    stage.set_slow(false);
    let run = ["run", "--max-age", "1h", "--timeout", TIME, "--all", "--"];
    let run = [&run[..], &["printenv", "KEY_149"]].concat();
    assert!(stage.command(&run).output().unwrap().status.success());
    stage.set_slow(true);
    let (output, messages) = stage.end_in_time(&run);
    assert!(output.status.success(), "{messages}");
    assert_eq!(output.stdout, b"value\n");
    assert_reported(&messages, &format!("of {COUNT} secrets"));
    assert!(messages.contains("using the entries cached"), "{messages}");
}

/// The agent runs longer than the timeout, which each of its answers has for itself.
#[test]
fn the_timeout_bounds_each_answer_of_an_agent() {
    let stage = Stage::new();
    let mut command = stage.command(&[
        "agent",
        "--listen",
        "unix:socket",
        "--no-token",
        "--serve-values",
    ]);
    command.args(["--timeout", TIME, "--ttl", "1s"]);
    let mut agent = Ended(command.stderr(Stdio::piped()).spawn().unwrap());
    let mut messages = BufReader::new(agent.0.stderr.take().unwrap()).lines();
    assert!(messages.any(|line| line.unwrap().ends_with("ready")));
    thread::spawn(move || messages.for_each(drop));
    let begun = Instant::now();
    let (status, body) = ask(&stage, "/values");
    assert!(begun.elapsed() < ENOUGH, "{:?}", begun.elapsed());
    assert_eq!(status, 500, "{body}");
    thread::sleep(Duration::from_secs(2));
    assert_eq!(ask(&stage, "/secret/KEY_001").0, 200);
    stage.set_slow(false);
    // Failures are cached for 5 s.
    thread::sleep(Duration::from_secs(6));
    assert_eq!(ask(&stage, "/values").0, 200);
}

fn ask(stage: &Stage, path: &str) -> (u16, String) {
    use std::io::Write;
    let socket = stage.world.folder.path().join("socket");
    let mut stream = std::os::unix::net::UnixStream::connect(socket).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer)
}

/// The program runs longer than the timeout, which each poll has for itself.
#[test]
fn the_timeout_bounds_each_poll_of_a_watch() {
    let stage = Stage::new();
    let watch = ["run", "--watch", "1s", "--timeout", TIME, "--all", "--"];
    let arguments = [&watch[..], &["sh", "-c", "echo $KEY_000; sleep 60"]].concat();
    let (output, messages) = stage.end_in_time(&arguments);
    assert_eq!(output.status.code(), Some(125), "{messages}");
    assert_reported(&messages, &format!("of {COUNT} secrets"));

    stage.set_slow(false);
    let mut command = stage.command(&arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = Ended(command.spawn().unwrap());
    let mut values = BufReader::new(child.0.stdout.take().unwrap()).lines();
    let mut messages = BufReader::new(child.0.stderr.take().unwrap()).lines();
    assert_eq!(values.next().unwrap().unwrap(), "value");
    thread::sleep(Duration::from_secs(3));
    stage.set_slow(true);
    stage.world.set("KEY_000", "new");
    assert!(messages.any(|line| line.unwrap().contains("--timeout")));
    stage.set_slow(false);
    thread::spawn(move || messages.for_each(drop));
    assert_eq!(values.next().unwrap().unwrap(), "new");
}

/// Each message names the limit, and the setting that raises it, in no words of a library.
#[test]
fn each_timeout_names_the_limit_and_the_setting() {
    let world = World::new();
    world.set("KEY", "value");
    let stalled = |method: &'static str, path: &'static str| {
        start_proxy(
            move |seen, _| match seen.method == method && seen.path.contains(path) {
                true => Action::Stall(Duration::from_secs(20)),
                false => Action::Forward,
            },
        )
    };
    for (method, path, line, limit) in [
        (
            "POST",
            "/oauth/token",
            &["get", "KEY"][..],
            "timed out after 1 s",
        ),
        ("GET", "org-key", &["trust"], "timed out after 1 s"),
        ("GET", "/secrets", &["list"], "timed out after 1 s"),
        (
            "GET",
            "/secrets/KEY",
            &["get", "KEY"],
            "timed out after 1 s",
        ),
        (
            "PUT",
            "/secrets/KEY",
            &["update", "KEY", "--generate"],
            "in the time that was left",
        ),
        (
            "DELETE",
            "/secrets/KEY",
            &["delete", "KEY", "--yes"],
            "in the time that was left",
        ),
        (
            "GET",
            "/account",
            &["account", "show"],
            "timed out after 1 s",
        ),
        ("POST", "/oauth/token", &["doctor"], "timed out after 1 s"),
    ] {
        let proxy = stalled(method, path);
        let mut command = world.command_through(&proxy);
        let output = command
            .args(line)
            .args(["--timeout", "1s"])
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        assert_eq!(output.status.code(), Some(9), "{line:?}: {text}");
        assert!(text.contains(limit), "{line:?}: {text}");
        assert!(
            text.contains("--timeout, HELVETISAFE_TIMEOUT"),
            "{line:?}: {text}"
        );
        assert!(!text.contains("timeout: "), "{line:?}: {text}");
    }
}

/// A vault that is silent for longer than a request may wait by default answers within a longer timeout.
#[test]
fn a_longer_timeout_leaves_more_time_for_each_request() {
    let world = World::new();
    world.set("KEY", "value");
    let proxy = start_proxy(|seen, _| match seen.is("GET", "/api/v1/secrets/KEY") {
        true => Action::ForwardAfter(Duration::from_secs(7)),
        false => Action::Forward,
    });
    let mut command = world.command_through(&proxy);
    let output = command
        .args(["get", "KEY", "--timeout", "60s"])
        .output()
        .unwrap();
    assert_eq!(output.stdout, b"value", "{output:?}");
    assert_eq!(proxy.count("GET", "/api/v1/secrets/KEY"), 1);
    let mut command = world.command_through(&proxy);
    let output = command.args(["get", "KEY"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        text.contains("nothing came for 5 s") && text.contains("set a longer --timeout"),
        "{text}"
    );
}
