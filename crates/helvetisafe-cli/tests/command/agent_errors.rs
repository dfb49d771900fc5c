//! The words of a running agent about failures: to its log, and to its clients, who have neither its options nor its settings.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::Duration;

use helvetisafe_test_support::{Action, Proxy};

use crate::agent::{Agent, Answer};
use crate::organization::{Organization, command, ok};
use crate::world::{World, start_proxy};

const REFUSES: &str = "the vault refuses the account";

/// Asserts that an answer has these words, and none of the library.
fn says(answer: &Answer, words: &[&str]) {
    let text = answer.body.to_string();
    assert_eq!(answer.status, 500, "{text}");
    for word in words {
        assert!(text.contains(word), "no `{word}` in {text}");
    }
    for word in ["::", "check the client id", "pin_org_keys"] {
        assert!(!text.contains(word), "`{word}` in {text}");
    }
}

#[test]
fn a_disabled_account_is_logged_once_and_its_answers_name_the_operator() {
    let organization = Organization::new();
    organization.member("bob", "reader");
    let set = ["--config", "ada/config.toml", "set", "KEY"];
    ok(command(&organization.world, None, &set, "value")
        .output()
        .unwrap());
    let arguments = ["--config", "bob/config.toml", "agent", "--ttl", "1s"];
    let mut agent = command(&organization.world, None, &arguments, "");
    let agent = Agent::spawn(agent.args(["--listen", "127.0.0.1:0"]));
    agent.wait_until_ready();
    assert_eq!(agent.get("/secret/KEY").status, 200);
    ok(organization.with("ada", &["org", "disable", "bob", "--yes"]));
    let log = agent.wait_for_asking("/secret/KEY", REFUSES);
    assert!(
        log.contains("has accepted the account `bob` here before: it was disabled"),
        "{log}"
    );
    for _ in 0..4 {
        let words = [
            "refuses the account of this agent",
            "it was disabled",
            "operator of this agent",
        ];
        says(&agent.get("/secret/KEY"), &words);
        says(&agent.get("/secrets"), &words);
        thread::sleep(Duration::from_secs(2));
    }
    let log = agent.wait_for(REFUSES);
    assert_eq!(log.matches(REFUSES).count(), 1, "{log}");
    assert!(!log.contains("accepts the account again"), "{log}");
}

const HONEST: u8 = 0;
const REFUSING: u8 = 1;
const LIMITING: u8 = 2;
const SLOW: u8 = 3;

/// A proxy with one of these states.
fn proxy(state: &Arc<AtomicU8>) -> Proxy {
    let state = Arc::clone(state);
    start_proxy(move |request, _| {
        let is_token = request.path == "/oauth/token";
        let answer = |status, body: &str| Action::Answer(status, "", body.as_bytes().to_vec());
        match state.load(Ordering::SeqCst) {
            REFUSING if is_token => answer(401, r#"{"error":"invalid_client"}"#),
            REFUSING => answer(401, r#"{"error":"x","code":"token_invalid"}"#),
            LIMITING if is_token => answer(429, r#"{"error":"x","code":"too_many_failed_logins"}"#),
            LIMITING => answer(401, r#"{"error":"x","code":"token_invalid"}"#),
            SLOW if !is_token => Action::ForwardAfter(Duration::from_secs(4)),
            _ => Action::Forward,
        }
    })
}

#[test]
fn an_account_that_is_accepted_again_is_logged_once() {
    let world = World::new();
    world.set("KEY", "value");
    let state = Arc::new(AtomicU8::new(HONEST));
    let proxy = proxy(&state);
    let agent = Agent::ready(&world, &proxy.base_url(), &["--ttl", "1s"]);
    state.store(REFUSING, Ordering::SeqCst);
    agent.wait_for_asking("/secret/KEY", REFUSES);
    says(&agent.get("/secret/KEY"), &["operator of this agent"]);
    // As a vault does after some refusals.
    state.store(LIMITING, Ordering::SeqCst);
    thread::sleep(Duration::from_secs(6));
    says(&agent.get("/secret/KEY"), &["operator of this agent"]);
    state.store(HONEST, Ordering::SeqCst);
    let log = agent.wait_for_asking("/secret/KEY", "the vault accepts the account again, after ");
    assert_eq!(log.matches(REFUSES).count(), 1, "{log}");
    assert_eq!(agent.get("/secret/KEY").status, 200);
}

#[test]
fn a_timeout_names_the_option_of_the_command() {
    let world = World::new();
    world.set("KEY", "value");
    let state = Arc::new(AtomicU8::new(HONEST));
    let proxy = proxy(&state);
    let arguments = ["--ttl", "1s", "--timeout", "1s"];
    let agent = Agent::ready(&world, &proxy.base_url(), &arguments);
    state.store(SLOW, Ordering::SeqCst);
    says(&agent.get("/secrets"), &["in time", "--timeout"]);
}
