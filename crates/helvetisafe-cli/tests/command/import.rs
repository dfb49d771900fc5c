//! Imports that fail half-way, and their messages.

use std::collections::HashSet;
use std::fmt::Write;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use helvetisafe_test_support::{Action, Proxy, answer};

use crate::world::{World, start_proxy};

const ALL: &str = "/api/v1/secrets";
const CANARY: &str = "canary-93af1c";

fn file(count: usize) -> String {
    (0..count).fold(String::new(), |mut text, n| {
        writeln!(text, "KEY_{n}={CANARY}-{n}").unwrap();
        text
    })
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn listed(world: &World) -> usize {
    let output = world.command().args(["list", "--keys"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().count()
}

fn through(world: &World, proxy: &Proxy, arguments: &[&str]) -> Command {
    let mut command = world.command_through(proxy);
    command.args(arguments);
    command
}

/// A proxy that delays each creation.
fn slow(milliseconds: u64) -> Proxy {
    start_proxy(move |seen, _| {
        if seen.is("POST", ALL) {
            thread::sleep(Duration::from_millis(milliseconds));
        }
        Action::Forward
    })
}

#[test]
fn a_killed_import_is_completed_by_the_next_one() {
    let world = World::new();
    world.write(".env", &file(200), 0o600);
    let proxy = slow(20);
    let mut command = through(&world, &proxy, &["import", ".env"]);
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while listed(&world) < 20 {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "nothing is imported"
        );
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // Requests in flight in the proxy still arrive.
    thread::sleep(Duration::from_millis(500));
    let before = listed(&world);
    assert!((20..200).contains(&before), "{before}");

    let output = world.command().args(["import", ".env"]).output().unwrap();
    assert!(output.status.success());
    let summary = format!("{} created, {before} left unchanged", 200 - before);
    assert!(stderr(&output).contains(&summary), "{}", stderr(&output));
    let mut get = world.command();
    let output = get.args(["get", "KEY_0", "KEY_199"]).output().unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        format!("{CANARY}-0\n{CANARY}-199\n")
    );
}

#[test]
fn eight_concurrent_writes_share_one_token() {
    let world = World::new();
    world.write(".env", &file(40), 0o600);
    let proxy = slow(20);
    let output = through(&world, &proxy, &["import", ".env"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let log = proxy.log();
    let tokens = log.iter().filter(|seen| seen.path == "/oauth/token");
    assert_eq!(tokens.count(), 1);
    let connections: HashSet<_> = log.iter().map(|seen| seen.connection).collect();
    assert!((2..=8).contains(&connections.len()), "{connections:?}");
}

#[test]
fn a_rate_limit_of_one_request_slows_all() {
    let world = World::new();
    world.write(".env", &file(60), 0o600);
    let times = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&times);
    let proxy = start_proxy(move |seen, _| {
        if !seen.is("POST", ALL) {
            return Action::Forward;
        }
        let mut times = noted.lock().unwrap();
        times.push(Instant::now());
        match times.len() {
            10 => Action::Answer(429, "Retry-After: 1\r\n", Vec::new()),
            _ => Action::Forward,
        }
    });
    let output = through(&world, &proxy, &["import", ".env"]).output();
    assert!(output.unwrap().status.success());
    let times = times.lock().unwrap();
    let early = times[9] + Duration::from_millis(900);
    let during = times[10..].iter().filter(|time| **time < early);
    // The seven other requests in flight may still arrive.
    assert!(during.count() <= 14, "all wait");
}

/// A vault whose rate limit lasts for this many creations.
fn limited(refused: usize, headers: &'static str) -> Proxy {
    start_proxy(move |seen, log| {
        let tried = log.iter().filter(|it| it.is("POST", ALL)).count();
        match seen.is("POST", ALL) && tried < refused {
            true => Action::Answer(429, headers, Vec::new()),
            false => Action::Forward,
        }
    })
}

#[test]
fn an_import_waits_for_a_rate_limit_as_long_as_its_time_allows() {
    let world = World::new();
    world.write(".env", &file(3), 0o600);
    // More refusals than one call retries.
    let proxy = limited(12, "Retry-After: 1\r\n");
    let output = through(&world, &proxy, &["import", ".env"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(listed(&world), 3);
}

#[test]
fn a_delete_waits_for_a_rate_limit_too() {
    let world = World::new();
    world.set("A", "value");
    let proxy = start_proxy(|seen, log| {
        let tried = log.iter().filter(|it| it.method == "DELETE").count();
        match seen.method == "DELETE" && tried < 4 {
            true => Action::Answer(429, "Retry-After: 1\r\n", Vec::new()),
            false => Action::Forward,
        }
    });
    let output = through(&world, &proxy, &["delete", "A"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(listed(&world), 0);
}

#[test]
fn an_import_that_may_not_wait_says_how_to_continue() {
    let world = World::new();
    world.write(".env", &file(30), 0o600);
    for (arguments, headers) in [
        (&["import", ".env"][..], "Retry-After: 60\r\n"),
        (&["import", ".env", "--timeout", "2s"], "Retry-After: 1\r\n"),
    ] {
        let proxy = limited(usize::MAX, headers);
        let begun = Instant::now();
        let output = through(&world, &proxy, arguments).output().unwrap();
        let message = stderr(&output);
        assert!(begun.elapsed() < Duration::from_secs(10), "{message}");
        assert!(matches!(output.status.code(), Some(7 | 9)), "{message}");
        assert!(message.contains("run it again to complete it"), "{message}");
    }
}

#[cfg(unix)]
#[test]
fn a_slow_import_shows_a_progress_bar_on_a_terminal() {
    let shown = |milliseconds, arguments: &[&str]| {
        let world = World::new();
        world.write(".env", &file(40), 0o600);
        let proxy = slow(milliseconds);
        let mut command = through(&world, &proxy, arguments);
        command.env("TERM", "xterm");
        let mut session = rexpect::session::spawn_command(command, Some(60_000)).unwrap();
        session.exp_eof().unwrap()
    };
    let long = shown(40, &["import", ".env"]);
    assert!(long.contains(" of 40"), "{long}");
    assert!(long.contains("imported .env: 40 created"), "{long}");
    for short in [
        shown(1, &["import", ".env"]),
        shown(40, &["import", ".env", "--quiet"]),
    ] {
        assert!(!short.contains(" of 40"), "{short}");
    }
}

#[test]
fn failures_are_listed_and_the_other_secrets_are_imported() {
    let world = World::new();
    world.write(".env", &file(12), 0o600);
    let proxy = start_proxy(|seen, _| {
        let body = String::from_utf8_lossy(&seen.body);
        match seen.is("POST", ALL) {
            true if body.contains("\"KEY_3\"") => answer(422, "{}"),
            true if body.contains("\"KEY_7\"") => answer(403, "{}"),
            _ => Action::Forward,
        }
    });
    let output = through(&world, &proxy, &["import", ".env"])
        .output()
        .unwrap();
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{message}");
    let lines: Vec<_> = message.lines().collect();
    assert_eq!(lines.len(), 3, "{message}");
    assert!(
        lines[0].contains("cannot create the secret `KEY_3`"),
        "{message}"
    );
    assert!(
        lines[1].contains("cannot create the secret `KEY_7`"),
        "{message}"
    );
    assert!(lines[2].ends_with("10 created, 2 failed"), "{message}");
    assert_eq!(listed(&world), 10);
    let output = world.command().args(["import", ".env"]).output().unwrap();
    assert!(stderr(&output).contains("2 created, 10 left unchanged"));
}

#[test]
fn an_unreachable_vault_stops_the_import() {
    let world = World::new();
    world.write(".env", &file(100), 0o600);
    let proxy = start_proxy(|seen, _| {
        if seen.is("POST", ALL) {
            Action::Close
        } else {
            Action::Forward
        }
    });
    let begun = Instant::now();
    let arguments = ["import", ".env", "--timeout", "1s", "--json"];
    let output = through(&world, &proxy, &arguments).output().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(output.status.code(), Some(9), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("not tried after that"),
        "{}",
        stderr(&output)
    );
    let results = String::from_utf8(output.stdout).unwrap();
    assert!(results.contains(r#""action":"not_tried""#), "{results}");
}

#[test]
fn no_message_contains_a_value() {
    let world = World::new();
    world.write("good.env", &file(3), 0o600);
    world.write(
        "bad.env",
        &format!("A={CANARY}\nA={CANARY}\nB='{CANARY}\n"),
        0o600,
    );
    world.write(
        "bad.json",
        &format!("{{\"A\": \"{CANARY}\", \"B\": {CANARY}}}"),
        0o600,
    );
    world.write("list.json", &format!("{{\"A\": [\"{CANARY}\"]}}"), 0o600);
    world.write("bad.yaml", &format!("A: {CANARY}\n  B: '{CANARY}\n"), 0o600);
    for arguments in [
        &["good.env", "--dry-run"][..],
        &["good.env", "--json"],
        &["good.env", "--overwrite"],
        &["bad.env"],
        &["bad.json"],
        &["list.json"],
        &["bad.yaml"],
    ] {
        let mut command = world.command();
        let output = command
            .args(["import", "--verbose"])
            .args(arguments)
            .output()
            .unwrap();
        let all = stderr(&output) + &String::from_utf8_lossy(&output.stdout);
        assert!(!all.is_empty() && !all.contains(CANARY), "{all}");
    }
}
