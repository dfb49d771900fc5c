//! The sources of the private key: a pipe is read once, and a key is never printed.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use helvetisafe_test_support::{Action, answer};

use crate::agent;
use crate::world::{World, start_proxy};

const CANARY: &str = "canary-4b3f";

/// A world whose key comes from a named pipe.
fn with_pipe() -> World {
    let world = World::new();
    world.set("KEY", CANARY);
    let pipe = world.folder.path().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    world
}

/// Writes the key once, to the next process that opens the pipe.
fn feed(world: &World) {
    let pipe = world.folder.path().join("pipe");
    let pem = world.owner.private_key_pem.clone();
    thread::spawn(move || {
        let mut pipe = OpenOptions::new().write(true).open(pipe).unwrap();
        let _ = pipe.write_all(pem.as_bytes());
    });
}

/// Returns a command that reads the key from the pipe.
fn piped(world: &World, arguments: &[&str]) -> Command {
    let mut command = world.command();
    command
        .env("HELVETISAFE_PRIVATE_KEY_PATH", "pipe")
        .args(arguments);
    command
}

/// Returns the output of a command that must succeed in time.
fn succeeds(command: &mut Command) -> String {
    let output = ends(command);
    let messages = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{command:?}: {messages}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command for 20 s at most: opening the pipe a second time blocks forever.
fn ends(command: &mut Command) -> Output {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    while child.try_wait().unwrap().is_none() && Instant::now() < end {
        thread::sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    child.wait_with_output().unwrap()
}

#[test]
fn a_pipe_serves_every_command() {
    let world = with_pipe();
    for (arguments, printed) in [
        (&["get", "KEY"][..], CANARY),
        (&["set", "OTHER", "--generate"], ""),
        (&["copy", "KEY", "COPY"], ""),
        (&["trust"], "trusted"),
        (&["doctor"], "the private key unwraps it"),
        (&["run", "--key", "KEY", "--", "printenv", "KEY"], CANARY),
    ] {
        feed(&world);
        let found = succeeds(&mut piped(&world, arguments));
        assert!(found.contains(printed), "{arguments:?}: {found}");
    }
}

#[test]
fn a_pipe_of_a_shell_serves_every_command() {
    let world = with_pipe();
    let get = "helvetisafe get KEY --private-key-path <(cat key.pem)";
    let mut bash = Command::new("bash");
    world.prepare(&mut bash);
    assert_eq!(succeeds(bash.args(["-c", get])), CANARY);
    let doctor = get.replace("get KEY", "doctor");
    let mut bash = Command::new("bash");
    world.prepare(&mut bash);
    succeeds(bash.args(["-c", &doctor]));
}

/// While the vault is down, the command uses the key twice: to connect, and for the cache.
#[test]
fn a_pipe_serves_stored_answers_too() {
    let world = with_pipe();
    let is_down = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&is_down);
    let proxy = start_proxy(move |_, _| match flag.load(Ordering::SeqCst) {
        true => Action::Close,
        false => Action::Forward,
    });
    for down in [false, true] {
        is_down.store(down, Ordering::SeqCst);
        feed(&world);
        let arguments = ["run", "--max-age", "1h", "--key", "KEY", "--timeout", "2s"];
        let mut command = piped(&world, &arguments);
        command
            .env("HELVETISAFE_BASE_URL", proxy.base_url())
            .args(["--", "printenv", "KEY"]);
        assert_eq!(succeeds(&mut command), format!("{CANARY}\n"));
    }
}

#[test]
fn a_pipe_serves_an_agent_that_tries_again() {
    let world = with_pipe();
    let begin = Instant::now();
    let proxy = start_proxy(move |_, _| match begin.elapsed() < Duration::from_secs(2) {
        true => answer(503, ""),
        false => Action::Forward,
    });
    feed(&world);
    let mut command = piped(&world, &["--timeout", "1s"]);
    agent::start_once(command.env("HELVETISAFE_BASE_URL", proxy.base_url()));
}

#[test]
fn a_key_in_place_of_its_path_is_not_shown() {
    let world = World::new();
    let pem = world.owner.private_key_pem.as_str();
    let profile = format!("[profiles.default]\nprivate_key_path = \"\"\"\n{pem}\"\"\"\n");
    world.write("config.toml", &profile, 0o600);
    let line = pem.lines().nth(1).unwrap();
    for arguments in [&["list"][..], &["config", "show"], &["doctor"]] {
        let mut by_variable = world.command();
        by_variable.env("HELVETISAFE_PRIVATE_KEY_PATH", pem);
        let mut by_flag = world.command();
        by_flag.arg(format!("--private-key-path={pem}"));
        let mut by_profile = world.command();
        by_profile.args(["--config", "config.toml"]);
        for mut command in [by_variable, by_flag, by_profile] {
            let output = ends(command.args(arguments));
            let text = [output.stdout, output.stderr].concat();
            let text = String::from_utf8(text).unwrap();
            assert!(!text.contains(line), "{arguments:?}");
            assert!(text.contains("is not a path"), "{arguments:?}: {text}");
            assert_eq!(output.status.code(), Some(2), "{text}");
        }
    }
}

#[test]
fn a_file_without_a_key_is_named() {
    let world = World::new();
    world.write("large.pem", &"x".repeat((1 << 20) + 1), 0o600);
    fs::write(world.folder.path().join("key.der"), b"\x30\x82\xff").unwrap();
    for (name, why) in [
        (
            "large.pem",
            "the private key large.pem: it has more than 1 MiB",
        ),
        (
            "key.der",
            "HELVETISAFE_PRIVATE_KEY_PATH is not UTF-8, so it is not a PEM",
        ),
        (".", "the private key .: Is a directory"),
    ] {
        let mut command = world.command();
        command
            .env("HELVETISAFE_PRIVATE_KEY_PATH", name)
            .args(["list", "--insecure-permissions"]);
        let output = ends(&mut command);
        let messages = String::from_utf8(output.stderr).unwrap();
        assert!(messages.contains(why), "{messages}");
        assert_eq!(output.status.code(), Some(2), "{messages}");
    }
}
