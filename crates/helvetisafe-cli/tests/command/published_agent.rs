//! The expectations of the tests that are published with the service's Kubernetes package 0.1.4
//! (`tests/test_agent.py`), one test each, asked of a running agent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use helvetisafe_test_support::{Action, Proxy, answer};
use serde_json::{Value, json};

use crate::agent::{Agent, Answer};
use crate::world::{World, start_proxy};

/// An agent without a token.
struct Published {
    agent: Agent,
    // They live as long as the agent.
    _proxy: Proxy,
    _world: World,
}

impl Published {
    /// Starts an agent for these secrets. The vault fails for the path.
    fn serving(secrets: &[(&str, &str)], failing: &'static str) -> Self {
        let world = World::new();
        for (key, value) in secrets {
            world.set(key, value);
        }
        let proxy = start_proxy(move |seen, _| match seen.route() == failing {
            true => answer(500, ""),
            false => Action::Forward,
        });
        let agent = Agent::ready(&world, &proxy.base_url(), &["--no-token"]);
        Self {
            agent,
            _proxy: proxy,
            _world: world,
        }
    }

    /// Starts an agent that cannot reach the vault while `work` runs.
    fn initializing(work: impl FnOnce(&Agent)) {
        let world = World::new();
        let is_over = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&is_over);
        let proxy = start_proxy(move |_, _| {
            while !flag.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(5));
            }
            Action::Close
        });
        let agent = Agent::start(&world, &proxy.base_url(), &["--no-token"]);
        work(&agent);
        is_over.store(true, Ordering::SeqCst);
    }

    fn get(&self, path: &str) -> Answer {
        ask(&self.agent, path)
    }
}

/// The published client sends no token.
fn ask(agent: &Agent, path: &str) -> Answer {
    agent.ask("GET", path, "Host: localhost:8080\r\n")
}

fn error(answer: &Answer) -> String {
    let error = answer.body["error"].as_str().unwrap();
    error.to_lowercase()
}

#[test]
fn health_returns_200_and_ok_status() {
    Published::initializing(|agent| {
        let answer = ask(agent, "/health");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body, json!({ "status": "ok" }));
    });
}

#[test]
fn health_accepts_a_trailing_slash() {
    Published::initializing(|agent| assert_eq!(ask(agent, "/health/").status, 200));
}

#[test]
fn secret_and_secrets_return_503_when_the_client_is_not_initialised() {
    Published::initializing(|agent| {
        for path in ["/secret/some_key", "/secrets"] {
            let answer = ask(agent, path);
            assert_eq!(answer.status, 503);
            assert!(error(&answer).contains("initializing"), "{answer:?}");
        }
    });
}

#[test]
fn secret_returns_key_and_plaintext_value() {
    let agent = Published::serving(&[("db_pass", "hunter2"), ("my_secret_key", "val")], "");
    let answer = agent.get("/secret/db_pass");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, json!({ "db_pass": "hunter2" }));
    // A key with underscores is routed.
    let answer = agent.get("/secret/my_secret_key");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, json!({ "my_secret_key": "val" }));
}

#[test]
fn a_json_object_is_expanded_into_a_flat_response() {
    let value = r#"{"DB_HOST": "localhost", "DB_PASS": "s3cr3t"}"#;
    let agent = Published::serving(&[("app_config", value)], "");
    let answer = agent.get("/secret/app_config");
    assert_eq!(answer.status, 200);
    let members = json!({ "DB_HOST": "localhost", "DB_PASS": "s3cr3t" });
    assert_eq!(answer.body, members);
}

#[test]
fn a_missing_secret_returns_404() {
    let agent = Published::serving(&[], "");
    let answer = agent.get("/secret/missing");
    assert_eq!(answer.status, 404);
    assert!(error(&answer).contains("not found"), "{answer:?}");
}

#[test]
fn another_failure_of_a_secret_returns_500() {
    let agent = Published::serving(&[], "/api/v1/secrets/bad");
    let answer = agent.get("/secret/bad");
    assert_eq!(answer.status, 500);
    assert!(!error(&answer).is_empty());
}

#[test]
fn secrets_returns_the_list_of_keys() {
    let agent = Published::serving(&[("k1", "1"), ("k2", "2")], "");
    let answer = agent.get("/secrets");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, json!({ "keys": ["k1", "k2"] }));
}

#[test]
fn secrets_returns_an_empty_list() {
    let agent = Published::serving(&[], "");
    let answer = agent.get("/secrets");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["keys"], Value::Array(Vec::new()));
}

#[test]
fn a_failure_of_the_list_returns_500() {
    let agent = Published::serving(&[], "/api/v1/secrets");
    assert_eq!(agent.get("/secrets").status, 500);
}

#[test]
fn unknown_paths_return_404() {
    Published::initializing(|agent| {
        for path in ["/", "/unknown", "/secret", "/secret/"] {
            assert_eq!(ask(agent, path).status, 404, "{path}");
        }
    });
}
