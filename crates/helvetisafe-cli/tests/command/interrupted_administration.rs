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
    for (method, path, says) in [
        ("GET", "/api/v1/join", "nothing was changed"),
        (
            "POST",
            "/api/v1/join",
            "whether the request to join has arrived is not known",
        ),
    ] {
        let proxy = holding(method, path, &held);
        let url = proxy.base_url();
        let join = ["join", "--output-dir", "bob", "--base-url", &url];
        let text = interrupted(&organization.world, None, &join, &code, &held);
        assert!(text.contains(says), "{path}: {text}");
    }
    assert!(organization.path("bob/private-key.pem").exists());
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
