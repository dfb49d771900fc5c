//! Ctrl-C in commands that change an organization: the message says what may have happened, and what shows it.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use helvetisafe_test_support::{Action, Proxy, Request};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::organization::{Organization, command, ok};
use crate::world::{World, bootstrap_token, start_proxy};

const NOTHING: &str = "interrupted; nothing was changed";

/// Longer than any test waits.
const LONG: Duration = Duration::from_secs(20);

/// Holds each request of this kind.
fn holding(method: &'static str, path: &'static str, held: &Arc<AtomicUsize>) -> Proxy {
    let held = Arc::clone(held);
    start_proxy(move |request, _| {
        if request.method != method || !request.path.starts_with(path) {
            return Action::Forward;
        }
        held.fetch_add(1, Ordering::SeqCst);
        Action::Stall(LONG)
    })
}

/// Runs a command until its request is held, and interrupts it. Returns its messages.
fn interrupted(
    world: &World,
    url: Option<&str>,
    line: &[&str],
    input: &str,
    held: &AtomicUsize,
) -> String {
    let before = held.load(Ordering::SeqCst);
    let mut command = command(world, url, line, input);
    let child = command.stdout(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while held.load(Ordering::SeqCst) == before {
        assert!(begun.elapsed() < LONG, "{line:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn an_unknown_outcome_names_the_command_that_shows_it() {
    for (method, path, line, says) in [
        (
            "DELETE",
            "/api/v1/organization/invitations",
            &["org", "withdraw", "dave"][..],
            "whether the invitation of `dave` is withdrawn is not known: `helvetisafe org pending",
        ),
        (
            "POST",
            "/api/v1/account/tokens",
            &["token", "create", "t", "--scopes", "reader"],
            "whether the token `t` was made is not known: `helvetisafe token list",
        ),
        (
            "DELETE",
            "/api/v1/account/tokens",
            &["token", "revoke", "ci", "--yes"],
            "is revoked is not known: `helvetisafe token list",
        ),
        (
            "POST",
            "/api/v1/organization/invitations",
            &["org", "invite", "eve", "--scopes", "reader"],
            "whether `eve` is invited is not known: `helvetisafe org pending",
        ),
        (
            "GET",
            "/api/v1/account",
            &["org", "withdraw", "dave"],
            NOTHING,
        ),
        // The calls before the change.
        (
            "GET",
            "/api/v1/organization/chain",
            &["org", "invite", "eve", "--scopes", "reader"],
            NOTHING,
        ),
        (
            "GET",
            "/api/v1/organization/chain",
            &["org", "disable", "dave", "--yes"],
            NOTHING,
        ),
    ] {
        let organization = Organization::new();
        organization.invite("dave", "reader");
        ok(organization.with("ada", &["token", "create", "ci", "--scopes", "reader"]));
        let held = Arc::default();
        let proxy = holding(method, path, &held);
        let url = proxy.base_url();
        let line = [&["--config", "ada/config.toml", "--base-url", &url], line].concat();
        let text = interrupted(&organization.world, None, &line, "", &held);
        assert!(text.contains(says), "{line:?}: {text}");
    }
}

#[test]
fn an_account_that_may_exist_is_shown_by_the_same_command() {
    let world = World::new();
    let held = Arc::default();
    let proxy = holding("POST", "/api/v1/organizations", &held);
    let create = ["org", "create", "--output-dir", "ada", "--name", "ada"];
    let token = bootstrap_token();
    let text = interrupted(&world, Some(&proxy.base_url()), &create, &token, &held);
    assert!(
        text.contains("interrupted; whether the organization is founded is not known: run the same command again"),
        "{text}"
    );

    let organization = Organization::new();
    let code = organization.invite("bob", "reader");
    for (free, method, says) in [
        (0, "GET", "nothing was changed"),
        // The terms are read again before the request.
        (
            2,
            "GET",
            "nothing was sent; to continue, run the same command again",
        ),
        (
            0,
            "POST",
            "whether the request to join has arrived is not known",
        ),
    ] {
        let proxy = holding_after(free, method, "/api/v1/join", &held);
        let url = proxy.base_url();
        let folder = format!("{method}-{free}");
        let join = ["join", "--output-dir", &folder, "--base-url", &url];
        let text = interrupted(&organization.world, None, &join, &code, &held);
        assert!(text.contains(says), "{method}: {text}");
    }
    assert!(organization.path("POST-0/private-key.pem").exists());
}

/// Holds the requests of this kind after the first `free` ones.
fn holding_after(
    free: usize,
    method: &'static str,
    path: &'static str,
    held: &Arc<AtomicUsize>,
) -> Proxy {
    let held = Arc::clone(held);
    start_proxy(move |request, before| {
        let is_of_kind = |it: &Request| it.method == method && it.path.starts_with(path);
        let earlier = before.iter().filter(|it| is_of_kind(it)).count();
        if !is_of_kind(request) || earlier < free {
            return Action::Forward;
        }
        held.fetch_add(1, Ordering::SeqCst);
        Action::Stall(LONG)
    })
}

/// The change reads the chain once more before its request is sent.
#[test]
fn nothing_was_changed_while_the_calls_before_the_change_are_in_flight() {
    for line in [
        &["org", "invite", "eve", "--scopes", "reader"][..],
        &["org", "disable", "bob", "--yes"],
        &["org", "confirm", "dave", "--yes"],
    ] {
        let organization = Organization::new();
        organization.member("bob", "reader");
        let code = organization.invite("dave", "reader");
        ok(organization.join(&code, "dave"));
        let held = Arc::default();
        let proxy = holding_after(1, "GET", "/api/v1/organization/chain", &held);
        let url = proxy.base_url();
        let line = [&["--config", "ada/config.toml", "--base-url", &url], line].concat();
        let text = interrupted(&organization.world, None, &line, "", &held);
        assert!(text.contains(NOTHING), "{line:?}: {text}");
    }
}

/// A kit is made by three changes, each after calls that change nothing.
#[test]
fn an_interrupted_recovery_kit_says_what_may_exist() {
    for (free, method, path, says) in [
        (
            1,
            "GET",
            "/api/v1/organization/invitations",
            "nothing was sent; to continue, run `helvetisafe org recovery-kit --output-dir kit",
        ),
        (
            0,
            "POST",
            "/api/v1/organization/invitations",
            "whether the account exists is not known: run",
        ),
        (
            0,
            "GET",
            "/api/v1/join",
            "whether the account exists is not known: run",
        ),
        (
            0,
            "POST",
            "/api/v1/organization/members",
            "whether the account exists is not known: run",
        ),
    ] {
        let organization = Organization::new();
        let held = Arc::default();
        let proxy = holding_after(free, method, path, &held);
        let url = proxy.base_url();
        let kit = ["org", "recovery-kit", "--output-dir", "kit"];
        let line = [
            &["--config", "ada/config.toml", "--base-url", &url],
            &kit[..],
        ]
        .concat();
        let text = interrupted(&organization.world, None, &line, "", &held);
        assert!(text.contains(says), "{method} {path}: {text}");
    }
}

/// Returns a pipe that takes nothing until it is read.
#[cfg(target_os = "linux")]
fn full_pipe() -> (std::io::PipeReader, std::io::PipeWriter) {
    use std::io::Write;
    let (reader, writer) = std::io::pipe().unwrap();
    let set = |flags| rustix::fs::fcntl_setfl(&writer, flags).unwrap();
    set(rustix::fs::OFlags::NONBLOCK);
    while (&writer).write(b"x").is_ok() {}
    set(rustix::fs::OFlags::empty());
    (reader, writer)
}

/// Everything is done, and its report waits for the reader of standard output.
#[cfg(target_os = "linux")]
#[test]
fn a_signal_in_the_last_moment_does_not_report_twice() {
    use std::io::Read;
    for (line, says) in [
        (&["token", "revoke", "ci", "--yes", "--json"][..], ""),
        (&["org", "withdraw", "dave", "--json"], ""),
        (
            &["org", "disable", "bob", "--yes", "--json"],
            "disabled `bob`",
        ),
        (
            &["org", "confirm", "eve", "--yes", "--json"],
            "confirmed `eve`",
        ),
    ] {
        let organization = Organization::new();
        organization.member("bob", "reader");
        organization.invite("dave", "reader");
        ok(organization.join(&organization.invite("eve", "reader"), "eve"));
        ok(organization.with("ada", &["token", "create", "ci", "--scopes", "reader"]));
        let done = Arc::new(AtomicUsize::new(0));
        let changes = Arc::clone(&done);
        let proxy = start_proxy(move |request, _| {
            if request.method != "GET" && !request.path.contains("token")
                || request.method == "DELETE"
            {
                changes.fetch_add(1, Ordering::SeqCst);
            }
            Action::Forward
        });
        let url = proxy.base_url();
        let line = [&["--config", "ada/config.toml", "--base-url", &url], line].concat();
        let (mut reader, writer) = full_pipe();
        let mut command = command(&organization.world, None, &line, "");
        let child = command.stdout(writer).spawn().unwrap();
        drop(command);
        let begun = Instant::now();
        while done.load(Ordering::SeqCst) == 0 {
            assert!(begun.elapsed() < LONG, "{line:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
        std::thread::sleep(Duration::from_millis(700));
        kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).unwrap();
        std::thread::sleep(Duration::from_millis(200));
        let mut printed = Vec::new();
        reader.read_to_end(&mut printed).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line:?}: {text}");
        assert!(
            !text.contains("interrupted") && text.contains(says),
            "{text}"
        );
        assert!(printed.ends_with(b"}\n"), "{line:?}");
    }
}
