//! `get`, `export`, `inject`, `list` and `agent` with the offline cache, and the outages that `agent` reports.

use std::fs;
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

#[test]
fn inject_and_list_read_the_cache() {
    let stage = Stage::new();
    let world = &stage.world;
    world.write("template", "key = {{ secret \"KEY\" }}", 0o600);
    let fill = |option| stdout(&stage, &["inject", "template", option]);
    let list = |option| stdout(&stage, &["list", "--keys", option]);
    let filled = format!("key = {CANARY}");
    assert_eq!(fill("--prefer-offline"), filled);
    assert_eq!(list("--prefer-offline"), "KEY\n");
    let before = stage.requests();
    assert_eq!(fill("--offline"), filled);
    assert_eq!(list("--offline"), "KEY\n");
    let files = ["inject", "--output-dir", "files", "--all", "--offline"];
    stdout(&stage, &files);
    let file = world.folder.path().join("files/KEY");
    assert_eq!(fs::read_to_string(file).unwrap(), CANARY);
    assert_eq!(stage.requests(), before);

    stage.set_mood(Mood::Down);
    assert_eq!(fill("--max-age=1h"), filled);
    assert_eq!(list("--max-age=1h"), "KEY\n");
    assert_eq!(list("--prefer-offline"), "KEY\n");
    for resource in ["secrets", "secrets/KEY"] {
        stage.edit(|json| json["answers"][resource]["at"] = "2020-01-01T00:00:00Z".into());
    }
    for arguments in [
        ["inject", "template", "--max-age=1h"],
        ["list", "--keys", "--max-age=1h"],
    ] {
        let output = run(&stage, &arguments);
        assert_eq!(output.status.code(), Some(9), "{output:?}");
        assert_eq!(output.stdout, b"");
        let messages = String::from_utf8(output.stderr).unwrap();
        assert!(messages.contains("longer than --max-age"), "{messages}");
    }
}

#[test]
fn a_refusal_stops_inject_and_list() {
    let stage = Stage::new();
    stage.world.write("template", "{{ secret \"KEY\" }}", 0o600);
    let fill = ["inject", "template", "--max-age=1h"];
    let list = ["list", "--keys", "--max-age=1h"];
    stdout(&stage, &fill);
    stdout(&stage, &list);
    for (mood, arguments, status) in [
        (Mood::Forbidden, fill, 4),
        (Mood::Revoked, fill, 3),
        (Mood::Revoked, list, 3),
        (Mood::Gone, fill, 5),
    ] {
        stage.set_mood(mood);
        let output = run(&stage, &arguments);
        assert_eq!(output.status.code(), Some(status), "{output:?}");
        assert_eq!(output.stdout, b"");
    }
}

/// Without the cache, the three attempts for a request take 5 s each.
#[test]
fn a_vault_that_stalls_delays_cached_entries_for_a_short_time() {
    let stage = Stage::new();
    stage.world.write("template", "{{ secret \"KEY\" }}", 0o600);
    let commands: [&[&str]; 5] = [
        &[
            "run",
            "--key",
            "KEY",
            "--max-age=1h",
            "--",
            "printenv",
            "KEY",
        ],
        &["export", "--format=docker", "--key=KEY", "--max-age=1h"],
        &["inject", "template", "--max-age=1h"],
        &["list", "--keys", "--max-age=1h"],
        &["get", "KEY", "--max-age=1h"],
    ];
    let online = commands.map(|arguments| stdout(&stage, arguments));
    stage.set_mood(Mood::Stalled);
    let timed = |arguments: &[&str]| {
        let begun = Instant::now();
        (run(&stage, arguments), begun.elapsed())
    };
    for (arguments, online) in commands.iter().zip(online) {
        let short = [&arguments[..1], &["--offline-after=1s"], &arguments[1..]].concat();
        let (output, elapsed) = timed(&short);
        assert_eq!(String::from_utf8(output.stdout).unwrap(), online);
        assert!(elapsed < Duration::from_secs(4), "{short:?}: {elapsed:?}");
        let messages = String::from_utf8(output.stderr).unwrap();
        assert!(messages.contains("did not answer in time"), "{messages}");
    }
    let (output, elapsed) = timed(commands[4]);
    assert_eq!(output.stdout, CANARY.as_bytes());
    assert!(elapsed < Duration::from_secs(6), "{elapsed:?}");
    assert!(elapsed >= Duration::from_secs(3), "{elapsed:?}");
    // Half of the timeout is left for what is not cached.
    let (output, elapsed) = timed(&["get", "KEY", "--max-age=1h", "--timeout=2s"]);
    assert_eq!(output.stdout, CANARY.as_bytes());
    assert!(elapsed < Duration::from_millis(2900), "{elapsed:?}");
    // What is not cached is waited for.
    let (output, elapsed) = timed(&["get", "OTHER", "--max-age=1h", "--timeout=4s"]);
    assert_eq!(output.status.code(), Some(9), "{output:?}");
    assert!(elapsed >= Duration::from_millis(3900), "{elapsed:?}");
}

#[test]
fn a_timeout_with_cached_entries_names_the_missing_secret_and_counts_once() {
    let stage = Stage::new();
    stdout(&stage, &["get", "KEY", "--max-age=1h"]);
    stage.set_mood(Mood::Stalled);
    for arguments in [
        &["get", "KEY", "KEY", "MISSING"][..],
        &["export", "--format=docker", "--key=KEY", "--key=MISSING"],
    ] {
        let arguments = [arguments, &["--max-age=1h", "--timeout=4s"]].concat();
        let output = run(&stage, &arguments);
        assert_eq!(output.status.code(), Some(9), "{output:?}");
        let messages = String::from_utf8(output.stderr).unwrap();
        assert!(messages.contains("no answer for `MISSING`"), "{messages}");
        assert_eq!(messages.matches(" secrets were ").count(), 1, "{messages}");
    }
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

    // Without the access token of an earlier command it starts with a placeholder.
    stage.edit(|json| json["answers"]["ticket"] = json["answers"]["secrets"].clone());
    let begun = Instant::now();
    let second = agent(&stage, &["--max-age", "1h"]);
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_serves(&second, "after a start during an outage");
    assert_eq!(second.get("/secrets").body, json!({ "keys": ["KEY"] }));
    assert_eq!(second.get("/secret/OTHER").status, 500);

    // The placeholder is replaced once the vault answers again.
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
    stage.edit(|json| json["answers"]["ticket"] = json["answers"]["secrets/KEY"].clone());
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

#[test]
fn an_agent_starts_soon_while_the_vault_stalls() {
    let stage = Stage::new();
    stdout(&stage, &["get", "KEY", "--max-age=1h"]);
    stage.set_mood(Mood::Stalled);
    let begun = Instant::now();
    let agent = agent(&stage, &["--key=KEY", "--max-age=1h", "--offline-after=1s"]);
    assert_serves(&agent, "while the vault stalls");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

/// The read of a secret that is not cached has three attempts of 5 s.
#[test]
fn a_missing_entry_keeps_no_cached_one_from_being_served() {
    let stage = Stage::new();
    let options = ["--max-age=1h", "--offline-after=1s", "--serve-values"];
    let serving = agent(&stage, &options);
    assert_serves(&serving, "from the vault");
    assert_eq!(serving.get("/secrets").status, 200);
    stage.set_mood(Mood::Stalled);
    assert_eq!(serving.get("/secret/OTHER").status, 500);
    assert_serves(&serving, "after a failure");
    thread::sleep(Duration::from_millis(1100));
    let values = serving.get("/values");
    assert_eq!(values.body, json!({ "KEY": CANARY }));

    let stage = Stage::new();
    stdout(&stage, &["get", "KEY", "--prefer-offline"]);
    let offline = agent(&stage, &["--offline"]);
    assert_serves(&offline, "offline");
    assert_eq!(offline.get("/secret/OTHER").status, 500);
    thread::sleep(Duration::from_millis(1100));
    assert_serves(&offline, "offline, after a failure");
}

/// Requests a secret until the status is this one.
fn ask_until(agent: &Agent, status: u16) {
    let end = Instant::now() + Duration::from_secs(20);
    while agent.get("/secret/KEY").status != status {
        assert!(Instant::now() < end, "it stays {status}");
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn an_agent_reports_an_outage_and_its_end_once() {
    for (options, status) in [(&[][..], 500), (&["--max-age", "1h"], 200)] {
        let stage = Stage::new();
        let agent = agent(&stage, options);
        ask_until(&agent, 200);
        stage.set_mood(Mood::Down);
        thread::sleep(Duration::from_millis(1100));
        ask_until(&agent, status);
        let messages = agent.wait_for("the vault does not answer: 127.0.0.1:");
        assert!(messages.contains("disconnected"), "{messages}");
        // Longer than a failure is cached.
        thread::sleep(Duration::from_millis(5500));
        ask_until(&agent, status);
        assert!(!agent.wait_for("").contains("again"));
        stage.set_mood(Mood::Honest);
        thread::sleep(Duration::from_millis(5500));
        ask_until(&agent, 200);
        let messages = agent.wait_for("the vault answers again, after ");
        let count = |text| messages.matches(text).count();
        assert_eq!(count("does not answer"), 1, "{messages}");
        assert_eq!(count("answers again, after 1"), 1, "{messages}");
    }
}

#[test]
fn an_agent_reports_a_failed_start_once() {
    let stage = Stage::new();
    stage.set_mood(Mood::Down);
    let mut command = stage.command(&["agent", "--listen", "127.0.0.1:0"]);
    let (_, messages) = ends(&mut command);
    let count = messages.matches("trying again every 5 s").count();
    assert_eq!(count, 1, "{messages}");
}
