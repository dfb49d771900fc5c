//! `get`, `export` and `agent` with the offline cache.

use std::process::{Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::agent::{Agent, ends};
use crate::changing_vault::{CANARY, Mood, Stage};

fn run(stage: &Stage, arguments: &[&str]) -> Output {
    let mut command = stage.command(arguments);
    command.stdin(Stdio::null()).output().unwrap()
}

/// Returns standard output of a command that succeeds.
fn stdout(stage: &Stage, arguments: &[&str]) -> String {
    let output = run(stage, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn get_and_export_read_the_cache() {
    let stage = Stage::new();
    let get = |option| stdout(&stage, &["get", "KEY", option]);
    let export = |option| {
        let arguments = ["export", "--format", "docker", "--key", "KEY", option];
        stdout(&stage, &arguments)
    };
    assert_eq!(get("--prefer-offline"), CANARY);
    let before = stage.requests();
    assert_eq!(get("--offline"), CANARY);
    assert_eq!(export("--offline"), format!("KEY={CANARY}\n"));
    assert_eq!(export("--prefer-offline"), format!("KEY={CANARY}\n"));
    let json = stdout(&stage, &["get", "KEY", "KEY", "--json", "--offline"]);
    assert_eq!(json.matches(CANARY).count(), 2, "{json}");
    assert_eq!(stage.requests(), before);

    let missing = run(&stage, &["get", "KEY", "OTHER", "--offline"]);
    assert_eq!(missing.status.code(), Some(1));
    assert_eq!(missing.stdout, format!("{CANARY}\n").as_bytes());
    let message = String::from_utf8(missing.stderr).unwrap();
    assert!(
        message.contains("`OTHER` is not in the offline cache"),
        "{message}"
    );

    stage.set_mood(Mood::Down);
    assert_eq!(get("--max-age=1h"), CANARY);
    assert_eq!(export("--max-age=1h"), format!("KEY={CANARY}\n"));
    let down = run(&stage, &["get", "KEY", "--timeout", "1s"]);
    assert_eq!(down.status.code(), Some(9));
}

fn agent(stage: &Stage, options: &[&str]) -> Agent {
    let mut command = stage.command(&["agent", "--listen", "127.0.0.1:0", "--ttl", "1s"]);
    let agent = Agent::spawn(command.args(options));
    agent.wait_until_ready();
    agent
}

fn assert_serves(agent: &Agent, what: &str) {
    let answer = agent.get("/secret/KEY");
    assert_eq!(answer.body, json!({ "KEY": CANARY }), "{what}");
}

#[test]
fn an_agent_starts_and_serves_while_the_vault_is_down() {
    let stage = Stage::new();
    let first = agent(&stage, &["--max-age", "1h"]);
    assert_serves(&first, "from the vault");
    assert_eq!(first.get("/secrets").body, json!({ "keys": ["KEY"] }));
    stage.set_mood(Mood::Down);
    // Longer than the time to live.
    thread::sleep(Duration::from_millis(1100));
    assert_serves(&first, "during an outage");
    assert_eq!(first.terminate("-TERM"), Some(0));

    let begun = Instant::now();
    let second = agent(&stage, &["--max-age", "1h"]);
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_serves(&second, "after a start during an outage");
    assert_eq!(second.get("/secrets").body, json!({ "keys": ["KEY"] }));
    assert_eq!(second.get("/secret/OTHER").status, 500);

    // The pretended token is replaced once the vault answers again.
    stage.set_mood(Mood::Honest);
    let tokens = stage.tokens(|| {
        thread::sleep(Duration::from_millis(5500));
        assert_serves(&second, "after the outage");
    });
    assert_eq!(tokens, 1);
}

#[test]
fn an_agent_that_is_offline_sends_no_request() {
    let stage = Stage::new();
    let mut command = stage.command(&["agent", "--listen", "127.0.0.1:0", "--offline"]);
    let (status, messages) = ends(&mut command);
    assert_eq!(status, Some(1), "{messages}");
    assert!(messages.contains("nothing is cached"), "{messages}");

    stdout(&stage, &["get", "KEY", "--prefer-offline"]);
    let before = stage.requests();
    let offline = agent(&stage, &["--offline"]);
    assert_serves(&offline, "offline");
    let missing = offline.get("/secret/OTHER");
    assert_eq!(missing.status, 500);
    assert!(
        missing.body["error"]
            .as_str()
            .unwrap()
            .contains("offline cache")
    );
    let preferring = agent(&stage, &["--prefer-offline"]);
    assert_serves(&preferring, "offline first");
    assert_eq!(stage.requests(), before);
    // Only what is not cached is requested.
    let tokens = stage.tokens(|| assert_eq!(preferring.get("/secret/OTHER").status, 404));
    assert_eq!(tokens, 1);
}

#[test]
fn an_agent_caches_for_later_commands() {
    let stage = Stage::new();
    let serving = agent(&stage, &["--prefer-offline"]);
    assert_serves(&serving, "from the vault");
    assert_eq!(serving.terminate("-TERM"), Some(0));
    let before = stage.requests();
    assert_eq!(stdout(&stage, &["get", "KEY", "--offline"]), CANARY);
    assert_eq!(stage.requests(), before);
}
