//! `run` and `export`: signals, the terminal, many secrets, and places that must never show a value.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rexpect::session::spawn_command;
use rustix::process::{Pid, Signal, kill_process};

use crate::world::World;

const CANARY: &str = "canary-77c0de";

/// A program that prints when it is ready, and each signal. A signal also ends what the program has started, so
/// it starts nothing that it needs after that. It ends by itself after half a minute, so that a missing signal
/// fails the test and does not block it.
const TRAPS: &str = "
    for signal in TERM INT HUP QUIT USR1 USR2; do trap \"echo $signal\" $signal; done
    trap 'exit 7' TERM
    numbers=$(seq 1500)
    echo ready
    for n in $numbers; do sleep 0.02; done";

fn set(world: &World, key: &str, value: &str) {
    let mut command = world.command();
    command.args(["set", key]).stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), value.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// Starts a program that prints `ready`, and waits for that.
fn start(command: &mut Command) -> (Child, BufReader<ChildStdout>) {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    assert_eq!(line(&mut stdout), "ready");
    (child, stdout)
}

fn line(stdout: &mut impl BufRead) -> String {
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

fn kill(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[test]
fn signals_reach_the_program_once() {
    let world = World::new();
    set(&world, "KEY", CANARY);
    for how in [&["run"][..], &["run", "--no-exec"]] {
        let mut command = world.command();
        command
            .args(how)
            .args(["--key", "KEY", "--", "sh", "-c", TRAPS]);
        let (mut child, mut stdout) = start(&mut command);
        for (signal, name) in [
            (Signal::USR1, "USR1"),
            (Signal::INT, "INT"),
            (Signal::HUP, "HUP"),
            (Signal::QUIT, "QUIT"),
            (Signal::USR2, "USR2"),
        ] {
            kill(&child, signal);
            assert_eq!(line(&mut stdout), name, "{how:?}");
        }
        kill(&child, Signal::TERM);
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "", "{how:?}");
        assert_eq!(child.wait().unwrap().code(), Some(7), "{how:?}");
    }
}

#[test]
fn a_program_killed_by_a_signal_sets_the_exit_status() {
    let world = World::new();
    set(&world, "KEY", CANARY);
    let program = [
        "--key",
        "KEY",
        "--",
        "sh",
        "-c",
        "echo ready; exec sleep 10",
    ];
    let (mut child, _stdout) = start(world.command().arg("run").args(program));
    kill(&child, Signal::INT);
    assert_eq!(child.wait().unwrap().signal(), Some(2));

    let (mut child, _stdout) = start(world.command().args(["run", "--no-exec"]).args(program));
    kill(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(128 + 15));
}

/// A signal that `nohup` ignores stays ignored. The outer shell receives the signals in place of this test.
#[test]
#[cfg(target_os = "linux")]
fn an_ignored_signal_stays_ignored() {
    let world = World::new();
    set(&world, "KEY", CANARY);
    let program = "echo ready; \
                   for signal in HUP INT; do kill -$signal $$; kill -$signal $PPID; done; \
                   sleep 0.2; echo alive";
    for how in ["", "--no-exec", "--watch"] {
        let script =
            format!("trap '' HUP INT; helvetisafe run {how} --key KEY -- sh -c '{program}'; :");
        let mut command = Command::new("sh");
        world.prepare(&mut command);
        let (mut child, mut stdout) = start(command.args(["-c", &script]));
        assert_eq!(line(&mut stdout), "alive", "{how}");
        assert!(child.wait().unwrap().success());
    }
}

/// `nohup` and the background of a script start commands like this.
#[test]
#[cfg(target_os = "linux")]
fn the_signal_tests_also_run_with_ignored_signals() {
    let tests = std::env::current_exe().unwrap();
    let script = "trap '' HUP INT QUIT; exec \"$0\" --exact run::signals_reach_the_program_once";
    let mut command = Command::new("sh");
    let output = command.args(["-c", script]).arg(tests).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// The terminal sends Ctrl-C to the program and to its parent.
#[test]
fn the_signals_of_a_terminal_are_not_doubled() {
    let world = World::new();
    set(&world, "KEY", CANARY);
    // The program is busy, so that it handles each signal at once: two pending signals would count as one.
    let count = "n=0; trap 'n=$((n+1))' INT; echo ready; i=0; \
                 while [ $i -lt 1000000 ]; do i=$((i+1)); done; echo \"interrupts: $n.\"";
    for how in [&["run"][..], &["run", "--no-exec"]] {
        let mut command = world.command();
        command
            .args(how)
            .args(["--key", "KEY", "--", "sh", "-c", count]);
        let mut session = spawn_command(command, Some(60_000)).unwrap();
        session.exp_string("ready").unwrap();
        session.send_control('c').unwrap();
        session.exp_string("interrupts: 1.").unwrap();
    }
}

#[test]
fn a_value_is_in_no_command_line() {
    let world = World::new();
    set(&world, "KEY", CANARY);
    let program = [
        "--verbose",
        "--key",
        "KEY",
        "--",
        "sh",
        "-c",
        "echo ready; read line",
    ];
    let mut command = world.command();
    command
        .args(["run", "--no-exec"])
        .args(program)
        .stderr(Stdio::piped());
    let (mut child, _stdout) = start(&mut command);
    let mut seen = 0;
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let cmdline = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let cmdline = String::from_utf8_lossy(&cmdline);
        assert!(!cmdline.contains(CANARY));
        seen += usize::from(cmdline.contains("echo ready"));
    }
    assert!(
        seen >= 2,
        "neither the program nor its parent was looked at"
    );
    kill(&child, Signal::TERM);
    let mut messages = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut messages)
        .unwrap();
    child.wait().unwrap();
    assert!(messages.contains("starting `sh` with 1 variables"));
    assert!(!messages.contains(CANARY));
}

/// Secrets are fetched eight at a time, each once.
#[test]
fn many_secrets_are_fetched() {
    let world = World::new();
    thread::scope(|scope| {
        for n in 0..20 {
            let world = &world;
            scope.spawn(move || set(world, &format!("MANY_{n:02}"), &format!("{n}")));
        }
    });
    let begun = Instant::now();
    let mut command = world.command();
    command.args(["export", "--format", "docker", "--prefix", "MANY_"]);
    let output = command.output().unwrap();
    let wanted: String = (0..20).map(|n| format!("MANY_{n:02}={n}\n")).collect();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), wanted);
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_value_that_cannot_be_masked_is_not_written() {
    let world = World::new();
    set(&world, "KEY", CANARY);
    let mut command = world.command();
    command.args([
        "export", "--format", "github", "--key", "KEY", "--output", "env",
    ]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(!world.folder.path().join("env").exists());
    assert!(!String::from_utf8_lossy(&output.stderr).contains(CANARY));
}
