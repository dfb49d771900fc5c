//! `run --watch`: a program that is restarted when its secrets change.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::{Duration, Instant};

use helvetisafe_test_support::{Action, answer};
use rustix::process::{Pid, Signal, kill_process};

use crate::world::{World, start_proxy};

/// A program that prints its value. It ends with 7 at SIGTERM, or with 0 after a minute, so that no test hangs.
const SERVER: &str = "trap 'echo stopped; exit 7' TERM; echo $KEY; \
                      for n in $(seq 3000); do sleep 0.02; done";

fn start(command: &mut Command) -> (Child, BufReader<ChildStdout>) {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    (child, stdout)
}

fn watch(world: &World, options: &[&str], script: &str) -> Command {
    let mut command = world.command();
    command
        .args(["run", "--watch", "1s", "--key", "KEY"])
        .args(options)
        .args(["--", "sh", "-c", script]);
    command
}

fn line(stdout: &mut impl BufRead) -> String {
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

fn kill(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// Returns all messages; call it after the end.
fn messages(child: &mut Child) -> String {
    let mut messages = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut messages)
        .unwrap();
    messages
}

fn wait_for(text: &str, stderr: &mut impl BufRead) {
    loop {
        let messages = line(stderr);
        assert_ne!(messages, "", "it has ended");
        if messages.contains(text) {
            return;
        }
    }
}

#[test]
fn a_change_restarts_the_program() {
    let world = World::new();
    world.set("KEY", "one");
    world.set("OTHER", "one");
    let (mut child, mut stdout) = start(&mut watch(&world, &[], SERVER));
    assert_eq!(line(&mut stdout), "one");
    world.set("OTHER", "two");
    world.set("KEY", "two");
    assert_eq!(line(&mut stdout), "stopped");
    assert_eq!(line(&mut stdout), "two");
    // SIGTERM ends it with the status of the program.
    kill(&child, Signal::TERM);
    assert_eq!(line(&mut stdout), "stopped");
    assert_eq!(child.wait().unwrap().code(), Some(7));
    let messages = messages(&mut child);
    assert!(messages.contains("`KEY` has changed"), "{messages}");
    assert!(!messages.contains("OTHER"), "{messages}");
}

#[test]
fn a_program_that_does_not_stop_is_killed_after_the_grace_period() {
    let world = World::new();
    world.set("KEY", "one");
    // It ends by itself long after that, so that the test ends even if it is not killed.
    let script = "trap '' TERM; trap 'exit 5' INT; echo $KEY; \
                  for n in $(seq 1000); do sleep 0.02; done";
    let (mut child, mut stdout) = start(&mut watch(&world, &["--grace", "1s"], script));
    assert_eq!(line(&mut stdout), "one");
    let begun = Instant::now();
    world.set("KEY", "two");
    assert_eq!(line(&mut stdout), "two");
    let elapsed = begun.elapsed();
    assert!(elapsed >= Duration::from_secs(1), "{elapsed:?}");
    assert!(elapsed < Duration::from_secs(10), "{elapsed:?}");
    kill(&child, Signal::INT);
    assert_eq!(child.wait().unwrap().code(), Some(5));
}

#[test]
fn a_program_that_ignores_the_signal_is_killed_after_the_grace_period() {
    let world = World::new();
    world.set("KEY", "one");
    let script = "trap '' TERM INT; echo $KEY; for n in $(seq 1000); do sleep 0.02; done";
    for signal in [Signal::TERM, Signal::INT] {
        let (mut child, mut stdout) = start(&mut watch(&world, &["--grace", "1s"], script));
        assert_eq!(line(&mut stdout), "one");
        let begun = Instant::now();
        kill(&child, signal);
        // A second signal does not extend the grace period.
        std::thread::sleep(Duration::from_millis(700));
        kill(&child, signal);
        assert_eq!(child.wait().unwrap().code(), Some(128 + 9));
        let elapsed = begun.elapsed();
        assert!(elapsed >= Duration::from_secs(1), "{elapsed:?}");
        assert!(elapsed < Duration::from_secs(10), "{elapsed:?}");
        assert!(messages(&mut child).contains("did not end in time"));
    }
}

#[test]
fn a_crashing_program_is_restarted_with_growing_delays() {
    let world = World::new();
    world.set("KEY", "one");
    let script = "echo $KEY; test -e well && exit 0; exit 3";
    let begun = Instant::now();
    let (mut child, mut stdout) = start(&mut watch(&world, &[], script));
    for _ in 0..3 {
        assert_eq!(line(&mut stdout), "one");
    }
    let elapsed = begun.elapsed();
    assert!(elapsed >= Duration::from_secs(3), "{elapsed:?}");
    world.write("well", "", 0o600);
    assert!(
        child.wait().unwrap().success(),
        "the end of one that is well"
    );
    let messages = messages(&mut child);
    for pause in [1, 2] {
        let wanted = format!("`sh` ended with status 3; starting it again in {pause} s");
        assert!(messages.contains(&wanted), "{messages}");
    }
}

#[test]
fn a_delayed_restart_can_be_stopped_or_hastened_by_a_change() {
    let world = World::new();
    world.set("KEY", "one");
    let script = "echo $KEY; exit 3";
    let (mut child, mut stdout) = start(&mut watch(&world, &[], script));
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    wait_for("again in 8 s", &mut stderr);
    for _ in 0..4 {
        assert_eq!(line(&mut stdout), "one");
    }
    let begun = Instant::now();
    world.set("KEY", "two");
    assert_eq!(line(&mut stdout), "two");
    wait_for("again in 1 s", &mut stderr);
    kill(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(3));
    assert!(begun.elapsed() < Duration::from_secs(7));
}

#[test]
fn signals_are_passed_on() {
    let world = World::new();
    world.set("KEY", "one");
    let script = "trap 'echo usr1' USR1; trap 'echo hup' HUP; numbers=$(seq 1500); \
                  echo $KEY; for n in $numbers; do sleep 0.02; done";
    let (mut child, mut stdout) = start(&mut watch(&world, &[], script));
    assert_eq!(line(&mut stdout), "one");
    for (signal, name) in [(Signal::USR1, "usr1"), (Signal::HUP, "hup")] {
        kill(&child, signal);
        assert_eq!(line(&mut stdout), name);
    }
    kill(&child, Signal::INT);
    assert_eq!(child.wait().unwrap().code(), Some(128 + 2));
}

#[test]
fn unreadable_values_leave_the_program_running() {
    let world = World::new();
    world.set("KEY", "one");
    let is_down = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&is_down);
    let proxy = start_proxy(move |seen, _| {
        match flag.load(Ordering::SeqCst) && seen.is("GET", "/api/v1/secrets/KEY") {
            true => Action::Close,
            false => Action::Forward,
        }
    });
    let mut command = watch(&world, &["--timeout", "2s"], SERVER);
    command.env("HELVETISAFE_BASE_URL", proxy.base_url());
    let (mut child, mut stdout) = start(&mut command);
    assert_eq!(line(&mut stdout), "one");
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    is_down.store(true, Ordering::SeqCst);
    world.set("KEY", "two");
    wait_for("continuing with the old ones", &mut stderr);
    assert!(child.try_wait().unwrap().is_none());
    // A temporary failure is retried without another change.
    is_down.store(false, Ordering::SeqCst);
    assert_eq!(line(&mut stdout), "stopped");
    assert_eq!(line(&mut stdout), "two");
    kill(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(7));
}

/// A failure that lasts is retried too, since its cause may end without another change.
#[test]
fn values_that_cannot_be_read_are_read_again_at_each_poll_and_reported_once() {
    let world = World::new();
    world.set("KEY", "one");
    let status = Arc::new(AtomicU16::new(0));
    let answered = Arc::clone(&status);
    let proxy = start_proxy(move |seen, _| match answered.load(Ordering::SeqCst) {
        status if status > 0 && seen.is("GET", "/api/v1/secrets/KEY") => {
            answer(status, r#"{"error":"not now"}"#.to_owned())
        }
        _ => Action::Forward,
    });
    let mut command = watch(&world, &["--timeout", "2s"], SERVER);
    command.env("HELVETISAFE_BASE_URL", proxy.base_url());
    let (mut child, mut stdout) = start(&mut command);
    assert_eq!(line(&mut stdout), "one");
    for (code, value) in [(503, "two"), (403, "three")] {
        status.store(code, Ordering::SeqCst);
        world.set("KEY", value);
        std::thread::sleep(Duration::from_secs(9));
        status.store(0, Ordering::SeqCst);
        assert_eq!(line(&mut stdout), "stopped");
        assert_eq!(line(&mut stdout), value);
    }
    kill(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(7));
    let messages = messages(&mut child);
    for text in [
        "cannot read the secret `KEY`: ",
        "continuing with the old",
        "the values can be read again, after ",
    ] {
        assert_eq!(messages.matches(text).count(), 2, "{text}: {messages}");
    }
}

/// Each change of state is reported once, not each poll.
#[test]
fn an_outage_and_its_end_are_reported_once() {
    let world = World::new();
    world.set("KEY", "one");
    let is_down = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&is_down);
    let proxy = start_proxy(move |_, _| match flag.load(Ordering::SeqCst) {
        true => Action::Close,
        false => Action::Forward,
    });
    let mut command = watch(&world, &[], SERVER);
    command.env("HELVETISAFE_BASE_URL", proxy.base_url());
    let (mut child, mut stdout) = start(&mut command);
    assert_eq!(line(&mut stdout), "one");
    is_down.store(true, Ordering::SeqCst);
    std::thread::sleep(Duration::from_secs(5));
    is_down.store(false, Ordering::SeqCst);
    std::thread::sleep(Duration::from_secs(5));
    kill(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(7));
    let messages = messages(&mut child);
    let count = |text| messages.matches(text).count();
    assert_eq!(
        count("cannot see whether secrets change: "),
        1,
        "{messages}"
    );
    assert_eq!(count("can be seen again, after "), 1, "{messages}");
    assert!(messages.contains("seconds"), "{messages}");
}

#[test]
fn a_failure_before_the_start_is_reported_as_without_watch() {
    let world = World::new();
    world.set("KEY", "one");
    let run = |arguments: &[&str]| {
        let mut command = world.command();
        let output = command.args(["run", "--watch"]).args(arguments).output();
        output.unwrap().status.code()
    };
    assert_eq!(run(&["--key", "NONE", "--", "true"]), Some(125));
    assert_eq!(run(&["--key", "KEY", "--", "no-such-program"]), Some(127));
    assert_eq!(run(&["--key", "KEY", "--", "true"]), Some(0));
    for option in ["--offline", "--prefer-offline", "--max-age=1h"] {
        assert_eq!(run(&[option, "--key", "KEY", "--", "true"]), Some(125));
    }
    assert_eq!(run(&["100ms", "--key", "KEY", "--", "true"]), Some(125));
}
