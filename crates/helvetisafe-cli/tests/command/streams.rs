//! Closed pipes, full disks, kills; and secrets that must never appear.

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use helvetisafe_test_support::{Action, server};

use crate::world::{World, start_proxy};

const CANARY: &str = "canary-5c1d8e";

fn run(command: &mut Command, stdin: &str) -> Output {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_closed_pipe_ends_quietly_and_the_work_is_done() {
    let world = World::new();
    for key in ["A", "B"] {
        assert!(
            run(world.command().args(["set", key]), "value")
                .status
                .success()
        );
    }
    for arguments in [
        &["list"][..],
        &["get", "A", "B"],
        &["delete", "A", "B", "--yes", "--json"],
    ] {
        let mut command = world.command();
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            stderr(&output)
        );
        assert_eq!(stderr(&output), "", "{arguments:?}");
    }
    assert!(run(world.command().args(["list"]), "").stdout.is_empty());
}

#[test]
fn a_rate_limit_wait_is_reported_unless_quiet() {
    let url =
        server::serve_bytes("HTTP/1.1 429 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n");
    let world = World::new();
    let noted = |arguments: &[&str]| {
        let output = run(
            world
                .command()
                .args(arguments)
                .env("HELVETISAFE_BASE_URL", &url),
            "",
        );
        assert_eq!(output.status.code(), Some(7));
        stderr(&output)
            .matches("the vault asks for fewer requests; waiting")
            .count()
    };
    assert_eq!(noted(&["list"]), 2);
    assert_eq!(noted(&["list", "--quiet"]), 0);
}

#[test]
fn concurrent_waits_are_reported_once() {
    let world = World::new();
    let keys: Vec<_> = (0..8).map(|n| format!("KEY_{n}")).collect();
    for key in &keys {
        run(world.command().args(["set", key]), "value");
    }
    // The first requests are refused.
    let begun = OnceLock::new();
    let proxy = start_proxy(move |seen, _| {
        let is_secret = seen.path.contains("/secrets/");
        let is_early = || begun.get_or_init(Instant::now).elapsed() < Duration::from_millis(500);
        match is_secret && is_early() {
            true => Action::Answer(429, "Retry-After: 2\r\n", Vec::new()),
            false => Action::Forward,
        }
    });
    let mut command = world.command_through(&proxy);
    command.args(["export", "--format", "json"]);
    for key in &keys {
        command.args(["--key", key]);
    }
    let output = run(&mut command, "");
    assert!(output.status.success(), "{}", stderr(&output));
    let messages = stderr(&output);
    assert_eq!(messages.matches("fewer requests").count(), 1, "{messages}");
}

#[test]
fn no_message_contains_a_value_or_a_credential() {
    let world = World::new();
    let closed = server::closed_url();
    let set = |key: &str| run(world.command().args(["set", key, "--verbose"]), CANARY);
    let mut messages = stderr(&set("KEY"));
    assert!(messages.contains("authorization: [redacted]"), "{messages}");
    messages += &stderr(&set("bad key"));
    messages += &stderr(&run(
        world.command().args(["create", "KEY", "--verbose"]),
        CANARY,
    ));
    messages += &stderr(&run(
        world.command().args(["update", "NO", "--verbose"]),
        CANARY,
    ));
    messages += &stderr(&run(
        world
            .command()
            .args(["set", "KEY", "-v", "--timeout", "1s"])
            .env("HELVETISAFE_BASE_URL", closed),
        CANARY,
    ));
    let get = run(world.command().args(["get", "KEY", "--verbose"]), "");
    assert_eq!(get.stdout, CANARY.as_bytes());
    messages += &stderr(&get);
    assert!(!messages.contains(CANARY), "{messages}");
    for (name, secret) in world.names() {
        if ["CLIENT_SECRET", "API_TOKEN", "PASSWORD"].contains(&name) {
            assert!(!messages.contains(&secret), "{name}: {messages}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_piped_value_is_in_no_command_line() {
    let world = World::new();
    let mut command = world.command();
    command
        .args(["set", "KEY", "--timeout", "1s"])
        .env("HELVETISAFE_BASE_URL", server::serve_bytes(""));
    command.stdin(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(CANARY.as_bytes())
        .unwrap();
    while child.try_wait().unwrap().is_none() {
        for process in fs::read_dir("/proc").unwrap().flatten() {
            let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
            assert!(!String::from_utf8_lossy(&line).contains(CANARY));
        }
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_kill_leaves_the_old_file_or_the_new_one() {
    let world = World::new();
    let (old, new) = ("o".repeat(1_000_000), "n".repeat(1_000_001));
    let set = run(world.command().args(["set", "BIG"]), &new);
    assert!(set.status.success());
    let file = world.folder.path().join("out");
    let is_whole =
        || [old.len(), new.len()].contains(&(fs::metadata(&file).unwrap().len() as usize));
    let is_writing = || {
        let mut names = fs::read_dir(world.folder.path()).unwrap().flatten();
        names.any(|entry| {
            entry
                .file_name()
                .to_string_lossy()
                .starts_with(".helvetisafe-")
        })
    };
    let mut was_replaced = false;
    for n in 0..30 {
        fs::write(&file, &old).unwrap();
        let mut command = world.command();
        command.args(["get", "BIG", "--output", "out"]);
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        // A reader finds a complete file at any time.
        while !is_writing() && child.try_wait().unwrap().is_none() {
            assert!(is_whole());
        }
        // The kill comes later each time, up to 40 ms: writing takes longer on a busy machine.
        thread::sleep(Duration::from_micros(n * n * 50));
        let _ = child.kill();
        child.wait().unwrap();
        let text = fs::read_to_string(&file).unwrap();
        assert!(text == old || text == new, "{} bytes", text.len());
        was_replaced |= text == new;
        // The leftover of a killed command would be mistaken for that of the next one.
        for entry in fs::read_dir(world.folder.path()).unwrap().flatten() {
            if entry
                .file_name()
                .to_string_lossy()
                .starts_with(".helvetisafe-")
            {
                fs::remove_file(entry.path()).unwrap();
            }
        }
    }
    assert!(was_replaced, "every run was killed before it wrote");
}
