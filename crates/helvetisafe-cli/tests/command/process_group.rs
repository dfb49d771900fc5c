//! `run --no-exec` and `run --watch`: the processes that a program starts, and the terminal that they share
//! with a shell.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rexpect::session::{PtySession, spawn_command};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::world::World;

/// A shell waits for its server in the background; the server ends by itself, so that no test leaves it.
const WRAPPER: &str = "sleep 30 & echo $KEY $!; wait";

/// A world with the secret `KEY`.
fn world() -> World {
    let world = World::new();
    world.set("KEY", "one");
    world
}

/// A command that is ended on drop, so that a failed test leaves none.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.try_wait().unwrap().is_none() {
            self.kill(Signal::TERM);
        }
    }
}

impl Running {
    fn kill(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }

    /// Returns the exit status.
    fn wait(mut self) -> Option<i32> {
        self.0.wait().unwrap().code()
    }
}

fn run(world: &World, options: &[&str], script: &str) -> (Running, BufReader<ChildStdout>) {
    let mut command = world.command();
    command.arg("run").args(options).args(["--key", "KEY"]);
    command.args(["--", "sh", "-c", script]);
    let pipes = command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    (Running(child), stdout)
}

fn line(stdout: &mut impl BufRead) -> String {
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

/// Reads the value of the secret and the id of the server.
fn server(stdout: &mut impl BufRead) -> (String, Pid) {
    let line = line(stdout);
    let (value, id) = line.split_once(' ').unwrap_or_else(|| panic!("{line:?}"));
    (
        value.to_owned(),
        Pid::from_raw(id.parse().unwrap()).unwrap(),
    )
}

/// Returns true if a process runs. It may end a moment later than its parent notices.
fn is_alive(process: Pid) -> bool {
    let end = Instant::now() + Duration::from_secs(2);
    while Instant::now() < end {
        let state = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero()));
        let is_zombie = state.is_ok_and(|state| state.contains(") Z "));
        if is_zombie || test_kill_process(process).is_err() {
            return false;
        }
        thread::sleep(Duration::from_millis(20));
    }
    true
}

#[test]
fn a_change_ends_what_the_program_has_started() {
    let world = world();
    let (child, mut stdout) = run(&world, &["--watch", "1s"], WRAPPER);
    let (_, first) = server(&mut stdout);
    world.set("KEY", "two");
    let (value, second) = server(&mut stdout);
    assert_eq!(value, "two");
    // A server that is left would still have its port.
    assert!(test_kill_process(first).is_err());
    child.kill(Signal::TERM);
    assert_eq!(child.wait(), Some(128 + 15));
    assert!(!is_alive(second));
}

#[test]
fn a_failure_ends_what_the_program_has_started() {
    let world = world();
    let script = "sleep 30 & echo $KEY $!; exit 3";
    let (child, mut stdout) = run(&world, &["--watch"], script);
    let (_, first) = server(&mut stdout);
    let (_, second) = server(&mut stdout);
    assert!(test_kill_process(first).is_err());
    child.kill(Signal::TERM);
    child.wait();
    assert!(!is_alive(second));
}

#[test]
fn what_ignores_the_signal_is_killed_after_the_grace_period() {
    let world = world();
    let script = "sh -c 'trap \"\" TERM; echo $KEY $$; exec sleep 30' & wait";
    let (child, mut stdout) = run(&world, &["--watch", "1s", "--grace", "1s"], script);
    let (_, first) = server(&mut stdout);
    let begun = Instant::now();
    world.set("KEY", "two");
    let (_, second) = server(&mut stdout);
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert!(test_kill_process(first).is_err());
    child.kill(Signal::TERM);
    child.wait();
    assert!(!is_alive(second));
}

/// The wrapper of a server that cannot listen may end with 0.
#[test]
fn a_program_that_ends_at_once_after_a_change_is_started_again() {
    let world = world();
    let script = "echo $KEY; test $KEY = two && test ! -e again && touch again && exit 0; \
                  for n in $(seq 1500); do sleep 0.02; done";
    let (child, mut stdout) = run(&world, &["--watch", "1s"], script);
    assert_eq!(line(&mut stdout), "one");
    world.set("KEY", "two");
    assert_eq!(line(&mut stdout), "two");
    assert_eq!(line(&mut stdout), "two", "the command has ended");
    child.kill(Signal::TERM);
    assert_eq!(child.wait(), Some(128 + 15));
}

#[test]
fn a_signal_reaches_what_the_program_has_started() {
    let world = world();
    let script = "trap 'wait; echo program; exit 7' USR1; \
                  (trap 'echo server; exit' USR1; echo ready; \
                  for n in $(seq 1500); do sleep 0.02; done) & wait; sleep 1";
    for option in ["--no-exec", "--watch"] {
        let (child, mut stdout) = run(&world, &[option], script);
        assert_eq!(line(&mut stdout), "ready", "{option}");
        child.kill(Signal::USR1);
        assert_eq!(line(&mut stdout), "server", "{option}");
        assert_eq!(line(&mut stdout), "program", "{option}");
        child.kill(Signal::TERM);
        child.wait();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn orphans_are_adopted_and_reaped() {
    let world = world();
    let script = "sh -c 'sleep 0.5 & echo $! > orphan'; orphan=$(cat orphan); \
                  grep -q \"^PPid:.$PPID$\" /proc/$orphan/status && echo adopted; \
                  sleep 1; test -e /proc/$orphan || echo reaped";
    for option in ["--no-exec", "--watch"] {
        let (child, mut stdout) = run(&world, &[option], script);
        assert_eq!(line(&mut stdout), "adopted", "{option}");
        assert_eq!(line(&mut stdout), "reaped", "{option}");
        assert_eq!(child.wait(), Some(0), "{option}");
    }
}

/// In a container the command is process 1.
#[test]
#[cfg(target_os = "linux")]
fn process_1_reaps_orphans_and_handles_signals() {
    let world = world();
    let unshare = ["--map-root-user", "--pid", "--fork", "--mount-proc"];
    let is_possible = Command::new("unshare").args(unshare).arg("true").output();
    if !is_possible.is_ok_and(|output| output.status.success()) {
        eprintln!("this system allows no namespaces");
        return;
    }
    let script = "sh -c 'sleep 0.1 &'; sleep 1; echo $PPID $(grep -l '^State:.Z' \
                  /proc/[0-9]*/status | wc -l); kill -TERM 1; sleep 30";
    for option in ["--no-exec", "--watch"] {
        let mut command = Command::new("unshare");
        world.prepare(&mut command);
        command.args(unshare).args(["helvetisafe", "run", option]);
        command.args(["--key", "KEY", "--", "sh", "-c", script]);
        let output = command.output().unwrap();
        assert_eq!(output.stdout, b"1 0\n", "{option}: {output:?}");
        assert_eq!(output.status.code(), Some(128 + 15), "{option}");
    }
}

/// Starts a shell with job control on a terminal that runs the lines.
fn shell(world: &World, lines: &str) -> PtySession {
    let mut command = Command::new("bash");
    world.prepare(&mut command);
    command.args(["-c", &format!("set -m; {lines}")]);
    spawn_command(command, Some(60_000)).unwrap()
}

fn lines(option: &str, program: &str, then: &str) -> String {
    format!("helvetisafe run {option} --key KEY -- sh -c '{program}'; {then}")
}

const MODES: [&str; 2] = ["--no-exec", "--watch"];

#[test]
fn a_program_reads_the_terminal_and_the_shell_gets_it_back() {
    let world = world();
    let reads = "read line; set -- $(cut -d\")\" -f2 /proc/$$/stat); \
                 test $3 = $6 && echo got $line in the foreground";
    // The second program is started by the first.
    for program in [reads, "sh -c \"read line; echo got \\$line\"; :"] {
        for option in MODES {
            let then = "echo status $?; read line; echo shell got $line";
            let mut session = shell(
                &world,
                &lines(option, &format!("echo ask; {program}"), then),
            );
            session.exp_string("ask").unwrap();
            session.send_line("hunter").unwrap();
            session.exp_string("got hunter").unwrap();
            let before = session.exp_string("status 0").unwrap();
            assert!(!before.contains("Stopped"), "{before}");
            session.send_line("fox").unwrap();
            session.exp_string("shell got fox").unwrap();
        }
    }
}

#[test]
fn a_program_of_a_job_of_its_own_is_in_the_foreground_at_once() {
    let world = world();
    let program =
        "sleep 0.3; set -- $(cut -d\")\" -f2 /proc/$$/stat); test $3 = $6 && echo it is there";
    let mut session = shell(&world, &lines("--no-exec", program, "echo status $?"));
    session.exp_string("it is there").unwrap();
    session.exp_string("status 0").unwrap();
}

/// The command leads the session, as process 1 of a container with a terminal does.
#[test]
fn an_interactive_shell_gets_the_terminal_without_a_shell_around_it() {
    let world = world();
    for option in MODES {
        let mut command = world.command();
        command.args(["run", option, "--key", "KEY", "--", "bash", "--norc", "-i"]);
        let mut session = spawn_command(command, Some(60_000)).unwrap();
        session.send_line("echo $((6 * 7)) $KEY").unwrap();
        session.exp_string("42 one").unwrap();
        session.send_line("echo be''gun; sleep 30").unwrap();
        session.exp_string("begun").unwrap();
        thread::sleep(Duration::from_millis(300));
        session.send_control('c').unwrap();
        session.send_line("echo $((7 * 7))").unwrap();
        session.exp_string("49").unwrap();
        session.send_line("exit 0").unwrap();
        session.exp_eof().unwrap();
    }
}

#[test]
fn ctrl_c_reaches_the_program_once_wherever_it_is() {
    let world = world();
    // It is busy, so that it handles each signal at once: two pending signals would count as one.
    let count = "n=0; trap \"n=\\$((n+1))\" INT; echo ready; while [ $n = 0 ]; do :; done; i=0; \
                 while [ $i -lt 100000 ]; do i=$((i+1)); done; echo \"interrupts: $n.\"";
    // A program that changes the terminal is in the foreground from then on.
    for before in ["", "stty echo; "] {
        for option in MODES {
            let program = format!("{before}{count}");
            let mut session = shell(&world, &lines(option, &program, "read line; echo after"));
            session.exp_string("ready").unwrap();
            session.send_control('c').unwrap();
            session.exp_string("interrupts: 1.").unwrap();
            session.send_line("").unwrap();
            session.exp_string("after").unwrap();
        }
    }
}

#[test]
fn ctrl_c_ends_the_command_with_its_program() {
    let world = world();
    for (program, status) in [
        // A child in vfork(2) would have the trap too, and survive.
        ("trap \"exit 7\" INT; echo ready; while :; do :; done", 7),
        ("echo ready; exec sleep 30", 130),
        // It has the terminal.
        ("stty echo; echo ready; exec sleep 30", 130),
    ] {
        for option in MODES {
            let mut session = shell(&world, &lines(option, program, "echo status $?."));
            session.exp_string("ready").unwrap();
            thread::sleep(Duration::from_millis(100));
            session.send_control('c').unwrap();
            let wanted = format!("status {status}.");
            let before = session.exp_string(&wanted);
            assert!(before.is_ok(), "{option} {program}: {before:?}");
        }
    }
}

#[test]
fn ctrl_c_also_interrupts_the_script_around_the_command() {
    let world = world();
    for before in ["", "stty echo; "] {
        for option in MODES {
            let program = format!("{before}echo ready; exec sleep 30");
            let script = format!(
                "trap 'echo interrupted; exit 9' INT\n\
                 helvetisafe run {option} --key KEY -- sh -c '{program}'\n\
                 echo went on"
            );
            world.write("script", &script, 0o600);
            let mut session = shell(&world, "sh script; echo status $?.");
            session.exp_string("ready").unwrap();
            thread::sleep(Duration::from_millis(100));
            session.send_control('c').unwrap();
            session.exp_string("interrupted").unwrap();
            session.exp_string("status 9.").unwrap();
        }
    }
}

#[test]
fn ctrl_z_stops_the_program_and_fg_continues_it() {
    let world = world();
    // The number grows only while the program runs. The loop starts no process: a shell that waits in vfork(2) for a
    // child that was stopped before its exec never stops itself.
    let counting = "while :; do i=$((i+1)); echo $i > n; test -e end && break; done; echo ended";
    for before in ["", "stty echo; "] {
        for option in MODES {
            let _ = fs::remove_file(world.folder.path().join("end"));
            let program = format!("{before}echo ready; {counting}");
            let then = "sleep 0.2; a=$(cat n); sleep 0.5; b=$(cat n); \
                        test \"$a\" = \"$b\" && echo is stopped; touch end; fg; echo status $?";
            let mut session = shell(&world, &lines(option, &program, then));
            session.exp_string("ready").unwrap();
            thread::sleep(Duration::from_millis(200));
            session.send_control('z').unwrap();
            session.exp_string("is stopped").unwrap();
            session.exp_string("ended").unwrap();
            session.exp_string("status 0").unwrap();
        }
    }
}

#[test]
fn a_job_in_the_background_waits_for_the_terminal() {
    let world = world();
    for option in MODES {
        let program = "echo ask; read line; echo got $line";
        let script = format!(
            "helvetisafe run {option} --key KEY -- sh -c '{program}' & \
             sleep 2; jobs; read line; echo shell got $line; fg; echo status $?"
        );
        let mut session = shell(&world, &script);
        session.exp_string("Stopped").unwrap();
        session.send_line("fox").unwrap();
        session.exp_string("shell got fox").unwrap();
        session.exp_string("helvetisafe run").unwrap();
        session.send_line("hunter").unwrap();
        session.exp_string("got hunter").unwrap();
        session.exp_string("status 0").unwrap();
    }
}
