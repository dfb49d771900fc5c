//! `rotate`: no value that the command has set is lost, wherever `helvetisafe` is killed.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use helvetisafe_test_support::{Action, Proxy};
use rustix::process::{Pid, Signal, kill_process};

use crate::world::{World, start_proxy, vault_address};

/// Sets the password of a system, which is a file. It accepts the old or the new one, as a database does for a
/// user who may change the own password.
const HOOK: &str = "set -eu; was=$(cat system); \
                    test \"$was\" = \"$HELVETISAFE_OLD_VALUE\" || test \"$was\" = \"$HELVETISAFE_NEW_VALUE\"; \
                    printf %s \"$HELVETISAFE_NEW_VALUE\" > system";

const SLOT: &str = "PASSWORD__PENDING_ROTATION";

/// A vault with a password, and the system that has it.
struct Stage {
    world: World,
    rounds: AtomicUsize,
}

impl Stage {
    fn new() -> Self {
        let stage = Self {
            world: World::new(),
            rounds: AtomicUsize::new(0),
        };
        stage.world.set("PASSWORD", "first");
        stage.world.write("system", "first", 0o600);
        stage
    }

    fn system(&self) -> String {
        fs::read_to_string(self.world.folder.path().join("system")).unwrap()
    }

    fn get(&self, key: &str) -> Option<String> {
        let output = self.world.command().args(["get", key]).output().unwrap();
        let is_missing = output.status.code() == Some(5);
        assert!(output.status.success() || is_missing, "{output:?}");
        (!is_missing).then(|| String::from_utf8(output.stdout).unwrap())
    }

    /// Starts a rotation to a new value.
    fn rotate(&self, mut command: Command, hook: &str) -> Child {
        let round = self.rounds.fetch_add(1, Ordering::Relaxed);
        self.world.write("new", &format!("new {round}"), 0o600);
        command
            .args([
                "rotate",
                "PASSWORD",
                "--value-file",
                "new",
                "--",
                "sh",
                "-c",
            ])
            .arg(hook)
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        command.spawn().unwrap()
    }

    fn run(&self, arguments: &[&str]) {
        let mut command = self.world.command();
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }

    /// Checks that the password of the system is in the vault, and repairs what a kill has left.
    fn recover(&self) {
        let (system, stored, pending) = (self.system(), self.get("PASSWORD"), self.get(SLOT));
        let stored = stored.unwrap();
        let is_pending = pending
            .as_ref()
            .is_some_and(|it| it.contains(&format!("\"{system}\"")));
        assert!(
            stored == system || is_pending,
            "{stored} {pending:?}, but {system} is in use"
        );
        if pending.is_some() {
            // Both ways on lead to the password that is in use.
            match self.rounds.load(Ordering::Relaxed) % 2 {
                0 => self.run(&["rotate", "PASSWORD", "--resume", "--", "sh", "-c", HOOK]),
                _ if stored == system => self.run(&["rotate", "PASSWORD", "--abandon", "--yes"]),
                _ => self.run(&["rotate", "PASSWORD", "--resume", "--yes"]),
            }
        }
        assert_eq!(self.get("PASSWORD"), Some(self.system()));
        assert_eq!(self.get(SLOT), None);
    }
}

/// Returns a proxy that kills the process at its `n`th request. The vault acts on the request or never sees it.
fn killer(pid: &Arc<AtomicU32>, n: usize, acts: bool) -> Proxy {
    let (pid, count) = (Arc::clone(pid), AtomicUsize::new(0));
    start_proxy(move |_, _| {
        if count.fetch_add(1, Ordering::SeqCst) != n {
            return Action::Forward;
        }
        kill(&pid);
        match acts {
            true => Action::Forward,
            false => Action::Close,
        }
    })
}

/// Kills the process once its id is known.
fn kill(pid: &AtomicU32) {
    while pid.load(Ordering::SeqCst) == 0 {
        thread::sleep(Duration::from_millis(1));
    }
    let pid = i32::try_from(pid.load(Ordering::SeqCst)).unwrap();
    let _ = kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL);
}

#[test]
fn a_kill_at_any_request_loses_no_password() {
    let stage = Stage::new();
    for acts in [true, false] {
        let mut kills = 0;
        for n in 0.. {
            let pid = Arc::new(AtomicU32::new(0));
            let proxy = killer(&pid, n, acts);
            let mut child = stage.rotate(stage.world.command_through(&proxy), HOOK);
            pid.store(child.id(), Ordering::SeqCst);
            let status = child.wait().unwrap();
            // The proxy lets the vault finish the request.
            drop(proxy);
            stage.recover();
            if status.success() {
                break;
            }
            assert_eq!(status.code(), None, "killed at request {n}");
            kills += 1;
        }
        // Token, org key, two reads, create, read back, read, read, update, read back, delete.
        assert!(kills >= 10, "{kills} requests");
    }
}

#[test]
fn a_kill_while_the_command_runs_loses_no_password() {
    let stage = Stage::new();
    for hook in [
        format!("kill -9 $PPID; {HOOK}"),
        format!("{HOOK}; kill -9 $PPID"),
        format!("{HOOK}; exit 1"),
        "exit 1".to_owned(),
    ] {
        for _ in 0..2 {
            let status = stage.rotate(stage.world.command(), &hook).wait().unwrap();
            assert!(!status.success(), "{hook}");
            // A killed command leaves its own command running.
            thread::sleep(Duration::from_millis(300));
            assert!(stage.get(SLOT).is_some(), "{hook}");
            stage.recover();
        }
    }
}

#[test]
fn answers_that_are_lost_lose_no_password() {
    let stage = Stage::new();
    for n in 0..11 {
        for action in [
            Action::ForwardAndClose,
            Action::ForwardAndAnswer(503),
            Action::Close,
        ] {
            let count = AtomicUsize::new(0);
            let proxy = start_proxy(
                move |_, _| match count.fetch_add(1, Ordering::SeqCst) == n {
                    true => action.clone(),
                    false => Action::Forward,
                },
            );
            let _ = stage
                .rotate(stage.world.command_through(&proxy), HOOK)
                .wait();
            stage.recover();
        }
    }
}

/// Another client writes between the read of the old value and the write of the new one.
#[test]
fn a_value_that_another_client_wrote_is_not_replaced() {
    let stage = Stage::new();
    let theirs = "helvetisafe set PASSWORD --value-file theirs";
    stage.world.write("theirs", "theirs", 0o600);
    let url = stage.world.name("URL");
    let credentials = stage.world.credentials();
    let mut command = stage.world.command();
    // The command gets no credentials, so the test gives it some.
    let mut hook = format!("HELVETISAFE_TRUST_FIRST_USE=true HELVETISAFE_BASE_URL={url} ");
    for (name, value) in &credentials {
        hook += &format!("{name}={value} ");
    }
    command.stderr(Stdio::piped());
    let status = stage.rotate(command, &(hook + theirs)).wait().unwrap();
    assert_eq!(status.code(), Some(6));
    assert_eq!(stage.get("PASSWORD").unwrap(), "theirs");
    assert!(stage.get(SLOT).unwrap().contains("\"new\":\"new 0\""));
}

/// Of two rotations at once, one wins, and the other one changes nothing.
#[test]
fn two_rotations_do_not_mix() {
    let stage = Stage::new();
    let hook = format!("sleep 0.5; {HOOK}");
    for _ in 0..3 {
        let mut children: Vec<_> = (0..2)
            .map(|_| stage.rotate(stage.world.command(), &hook))
            .collect();
        let codes = children.iter_mut().map(|it| it.wait().unwrap().code());
        let codes: Vec<_> = codes.collect();
        assert!(codes.contains(&Some(0)), "{codes:?}");
        assert_eq!(stage.get("PASSWORD"), Some(stage.system()), "{codes:?}");
        assert_eq!(stage.get(SLOT), None);
    }
}

/// A rotation whose expiry has passed meanwhile can be finished with another one.
#[test]
fn a_rotation_can_outlast_its_expiry() {
    let stage = Stage::new();
    stage.world.write("new", "new", 0o600);
    let rotate = |arguments: &[&str]| {
        let mut command = stage.world.command();
        command.args(["rotate", "PASSWORD"]).args(arguments);
        command.stdin(Stdio::null()).output().unwrap()
    };
    let stderr = |output: &Output| String::from_utf8(output.stderr.clone()).unwrap();
    let new = ["--value-file", "new", "--expires-in", "1s"];
    let output = rotate(&[&new[..], &["--", "false"]].concat());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    thread::sleep(Duration::from_millis(1100));
    // Nothing is run that could not be promoted.
    let output = rotate(&["--resume", "--", "touch", "ran"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(stderr(&output).contains("has passed; give another one"));
    assert!(!stage.world.folder.path().join("ran").exists());
    let output = rotate(&[
        "--resume",
        "--expires-in",
        "30d",
        "--json",
        "--",
        "sh",
        "-c",
        HOOK,
    ]);
    assert!(output.status.success(), "{output:?}");
    assert!(!String::from_utf8(output.stdout).unwrap().contains("null"));
    assert_eq!(stage.get("PASSWORD"), Some("new".to_owned()));
    assert_eq!(stage.get(SLOT), None);
}

#[test]
fn an_abandoned_rotation_needs_no_secret() {
    let stage = Stage::new();
    let file = ["--value-file", "new"];
    for other in [&["--expires-in", "1s"][..], &["--field", "F"]] {
        let _ = stage.rotate(stage.world.command(), "exit 1").wait();
        // The secret expires, or gets fields in place of its value.
        stage.run(&["delete", "PASSWORD"]);
        stage.run(&[&["set", "PASSWORD"], &file[..], other].concat());
        thread::sleep(Duration::from_millis(1100));
        stage.run(&["rotate", "PASSWORD", "--abandon", "--yes"]);
        assert_eq!(stage.get(SLOT), None);
        stage.world.write("value", "first", 0o600);
        stage.run(&["set", "PASSWORD", "--value-file", "value", "--drop-fields"]);
    }
}

/// Another client sets the same new value before the command has run.
#[test]
fn the_rotation_of_a_deleted_or_moved_secret_can_be_ended_as_advised() {
    let stage = Stage::new();
    for change in [&["delete", "PASSWORD"][..], &["move", "PASSWORD", "MOVED"]] {
        stage.world.set("PASSWORD", "first");
        let run = |arguments: &[&str]| {
            let mut command = stage.world.command();
            let output = command.args(arguments).stdin(Stdio::null()).output();
            let output = output.unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            (output.status.code(), stderr)
        };
        let child = stage.rotate(stage.world.command(), "exit 1");
        assert!(!child.wait_with_output().unwrap().status.success());

        let (status, stderr) = run(change);
        assert_eq!(status, Some(0), "{stderr}");
        let warning = format!("a rotation of `PASSWORD` is still pending in `{SLOT}`");
        assert!(stderr.contains(&warning), "{change:?}: {stderr}");

        let (status, stderr) = run(&["rotate", "PASSWORD", "--resume", "--yes"]);
        assert_eq!(status, Some(5), "{stderr}");
        for command in [
            &format!("helvetisafe get {SLOT}"),
            "helvetisafe set",
            "helvetisafe rotate PASSWORD --abandon",
        ] {
            assert!(stderr.contains(command), "{command}: {stderr}");
        }
        assert!(!stderr.contains("--resume"), "{stderr}");
        assert!(stage.get(SLOT).unwrap().contains("first"));
        let (status, stderr) = run(&["rotate", "PASSWORD", "--abandon", "--yes"]);
        assert_eq!(status, Some(0), "{stderr}");
        assert_eq!(stage.get(SLOT), None);

        // Without a pending rotation there is no warning.
        stage.world.set("PASSWORD", "first");
        let (_, stderr) = run(&["delete", "PASSWORD"]);
        assert!(!stderr.contains("pending"), "{stderr}");
    }
}

#[test]
fn the_command_runs_although_the_secret_has_the_new_value() {
    let stage = Stage::new();
    let credentials = stage.world.credentials();
    let folder = stage.world.folder.path().to_owned();
    let is_set = AtomicU32::new(0);
    let proxy = start_proxy(move |seen, before| {
        let was_stored = before
            .iter()
            .any(|other| other.method == "POST" && other.path.contains("secrets"));
        if was_stored && seen.method == "GET" && is_set.swap(1, Ordering::SeqCst) == 0 {
            let mut other = Command::new(env!("CARGO_BIN_EXE_helvetisafe"));
            other
                .current_dir(&folder)
                .args(["update", "PASSWORD", "--value-file", "new"])
                .env(
                    "HELVETISAFE_BASE_URL",
                    format!("http://{}", vault_address()),
                )
                .env("HELVETISAFE_TRUST_FIRST_USE", "true")
                .envs(credentials.clone());
            assert!(other.status().unwrap().success());
        }
        Action::Forward
    });
    let status = stage
        .rotate(stage.world.command_through(&proxy), HOOK)
        .wait();
    assert!(status.unwrap().success());
    assert_eq!(stage.system(), "new 0");
    assert_eq!(stage.get("PASSWORD"), Some("new 0".to_owned()));
    assert_eq!(stage.get(SLOT), None);
}

/// A signal does not interrupt the promotion, only what follows.
#[test]
fn after_the_promotion_signals_end_the_command() {
    let stage = Stage::new();
    let proxy = start_proxy(|seen, _| match seen.method.as_str() {
        "DELETE" => Action::Stall(Duration::from_secs(20)),
        _ => Action::Forward,
    });
    let mut child = stage.rotate(stage.world.command_through(&proxy), HOOK);
    while proxy.log().iter().all(|seen| seen.method != "DELETE") {
        thread::sleep(Duration::from_millis(20));
    }
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(Signal::TERM.as_raw()), "{status}");
    // The expiry of the promoted value is no longer that of the rotation.
    let mut resume = stage.world.command();
    resume.args(["rotate", "PASSWORD", "--resume", "--expires-in", "1d"]);
    assert_eq!(resume.output().unwrap().status.code(), Some(2));
    stage.recover();
}

/// The secret may have the new value, and no request shows it.
#[test]
fn an_update_without_an_answer_may_have_happened() {
    let stage = Stage::new();
    let proxy = start_proxy(|seen, before| match seen.method.as_str() {
        "PUT" => Action::ForwardAndClose,
        _ if before.iter().any(|it| it.method == "PUT") => Action::Close,
        _ => Action::Forward,
    });
    let mut command = stage.world.command_through(&proxy);
    let output = command
        .args(["rotate", "PASSWORD", "--generate"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(9), "{text}");
    for part in [
        "`PASSWORD` may have the new value: the answer to its update was lost",
        "`helvetisafe get PASSWORD` shows which value it has: compare it",
        "`helvetisafe rotate PASSWORD --resume`",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("nothing was sent"), "{text}");
    assert_ne!(stage.get("PASSWORD").unwrap(), "first");
    stage.run(&["rotate", "PASSWORD", "--resume", "--yes"]);
    assert_eq!(stage.get(SLOT), None);
}

/// Another client writes between the update and the read that shows its outcome.
#[test]
fn an_update_that_another_client_overtakes_may_have_happened() {
    let stage = Stage::new();
    let credentials = stage.world.credentials();
    let folder = stage.world.folder.path().to_owned();
    stage.world.write("other", "theirs", 0o600);
    let is_set = AtomicU32::new(0);
    let proxy = start_proxy(move |seen, before| {
        if seen.method == "PUT" {
            return Action::ForwardAndClose;
        }
        let was_updated = before.iter().any(|it| it.method == "PUT");
        if was_updated && seen.method == "GET" && is_set.swap(1, Ordering::SeqCst) == 0 {
            let mut other = Command::new(env!("CARGO_BIN_EXE_helvetisafe"));
            let url = format!("http://{}", vault_address());
            other
                .current_dir(&folder)
                .args(["update", "PASSWORD", "--value-file", "other"])
                .env("HELVETISAFE_BASE_URL", url)
                .env("HOME", &folder)
                .env("HELVETISAFE_TRUST_FIRST_USE", "true")
                .envs(credentials.clone());
            assert!(other.status().unwrap().success());
        }
        Action::Forward
    });
    let mut command = stage.world.command_through(&proxy);
    let output = command
        .args(["rotate", "PASSWORD", "--generate"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(6), "{text}");
    let happened = "the answer to its update was lost, and another client has changed it since";
    assert!(
        text.contains(happened) && text.contains("`helvetisafe get PASSWORD`"),
        "{text}"
    );
    assert_eq!(stage.get("PASSWORD").unwrap(), "theirs");
    stage.run(&["rotate", "PASSWORD", "--abandon", "--yes"]);
}
