//! Two administrators at the same time, each with a command of its own: one of them wins, and the other gets a clear message.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use helvetisafe_server::faults::{Handled, StatusCode};

use super::*;

/// The time for which the vault stalls.
const STALL: Duration = Duration::from_secs(4);

/// Does something that has to end before the stall does.
fn while_it_stalls(other: impl FnOnce()) {
    let start = Instant::now();
    other();
    let took = start.elapsed();
    assert!(took < STALL, "too slow for this test: {took:?}");
}

impl Stage {
    /// An organization with a second administrator, `grace`, who has another machine.
    pub(super) fn of_two() -> Self {
        let stage = Self::new();
        stage.organization.member("grace", "administrator");
        stage.set_up("machine");
        stage
    }

    pub(super) fn joined(&self, name: &str) {
        let code = self.organization.invite(name, "member");
        ok(self.organization.join(&code, name));
    }

    /// Starts a command of Ada, whose request to this route waits while `other` runs. Returns the output of Ada's command. The
    /// wait is shorter than the 5 s after which the command would send the request again.
    pub(super) fn while_waiting(&self, line: &str, route: Route, other: impl FnOnce()) -> Output {
        self.while_command_waits(self.command(line), route, other)
    }

    /// As [`Self::while_waiting`].
    pub(super) fn while_command_waits(
        &self,
        mut command: Command,
        route: Route,
        other: impl FnOnce(),
    ) -> Output {
        let wait = Fault::stall_before_acting(STALL);
        let before = self.faults.count(route);
        self.faults.on(route).once().then(wait);
        let child = command.spawn().unwrap();
        let arrives = |log: &[helvetisafe_server::faults::Seen]| {
            log.iter().filter(|seen| seen.route == Some(route)).count() > before
        };
        assert!(
            self.faults.wait_until(Duration::from_secs(60), arrives),
            "{command:?}"
        );
        while_it_stalls(other);
        child.wait_with_output().unwrap()
    }

    /// Runs `doctor` as Ada. The vault answers with the chain of before `other`.
    fn during_doctor(&self, other: impl FnOnce()) -> Output {
        let wait = Fault::stall_after_acting(STALL);
        let before = self.faults.count(Route::Chain);
        self.faults.on(Route::Chain).once().then(wait);
        let child = self.spawn("doctor --json");
        let has_acted = |log: &[helvetisafe_server::faults::Seen]| {
            let mut chains = log.iter().filter(|seen| seen.route == Some(Route::Chain));
            let chain = chains.nth(before);
            chain.is_some_and(|it| matches!(it.vault, Handled::Answered(_)))
        };
        assert!(self.faults.wait_until(Duration::from_secs(60), has_acted));
        while_it_stalls(other);
        child.wait_with_output().unwrap()
    }

    pub(super) fn spawn(&self, line: &str) -> Child {
        self.command(line).spawn().unwrap()
    }

    /// Returns a command of Ada.
    pub(super) fn command(&self, line: &str) -> Command {
        let arguments: Vec<_> = line.split(' ').collect();
        let arguments = [&["--config", "ada/config.toml"], &arguments[..]].concat();
        let mut command = command(&self.organization.world, None, &arguments, "");
        command.stdout(Stdio::piped());
        command
    }

    pub(super) fn grace(&self, line: &str) -> Output {
        self.elsewhere("machine", "grace", line)
    }

    pub(super) fn epoch(&self) -> Value {
        json(&ok(self.grace("account show --json")))["key_epoch"].clone()
    }
}

#[test]
fn two_confirmations_of_one_request_both_succeed() {
    let stage = Stage::of_two();
    stage.joined("bob");
    let line = "org confirm bob --yes --json";
    let second = stage.while_waiting(line, Route::Confirm, || {
        let first = json(&ok(stage.grace(line)));
        assert_eq!(first["action"], "confirmed");
    });
    let messages = fails(&second, 0);
    assert!(
        messages.contains("another command has confirmed `bob` meanwhile"),
        "{messages}"
    );
    assert_eq!(json(&ok(second))["action"], "unchanged");
    assert_eq!(stage.state("bob"), "active");
    ok(stage.with("bob", "set KEY --generate"));
}

#[test]
fn confirmations_of_two_requests_both_succeed() {
    let stage = Stage::of_two();
    stage.joined("bob");
    stage.joined("joe");
    let output = stage.while_waiting("org confirm bob --yes", Route::Confirm, || {
        ok(stage.grace("org confirm joe --yes"));
    });
    ok(output);
    for name in ["bob", "joe"] {
        assert_eq!(stage.state(name), "active");
        ok(stage.with(name, "set KEY --generate"));
    }
}

/// The rotation is first, and the request is confirmed under the new org key.
#[test]
fn a_confirmation_during_a_rotation_wraps_the_new_key() {
    let stage = Stage::of_two();
    ok(stage.ada("set KEY --generate"));
    stage.joined("bob");
    let confirmed = stage.while_waiting("org confirm bob --yes", Route::Confirm, || {
        ok(stage.grace("org rotate --yes"));
    });
    ok(confirmed);
    let value = ok(stage.grace("get KEY"));
    assert_eq!(ok(stage.with("bob", "get KEY")), value);
    assert_eq!(ok(stage.ada("get KEY")), value);
}

/// The confirmation is first, and the rotation wraps the new key for the new member too.
#[test]
fn a_rotation_during_a_confirmation_includes_the_new_member() {
    let stage = Stage::of_two();
    ok(stage.ada("set KEY --generate"));
    stage.joined("bob");
    let rotated = stage.while_waiting("org rotate --yes", Route::CommitRotation, || {
        ok(stage.grace("org confirm bob --yes"));
    });
    ok(rotated);
    let value = ok(stage.ada("get KEY"));
    assert_eq!(ok(stage.with("bob", "get KEY")), value);
    assert_eq!(stage.epoch(), 2);
}

#[test]
fn of_two_rotations_one_wins() {
    let stage = Stage::of_two();
    ok(stage.ada("set KEY --generate"));
    let rotated = stage.while_waiting("org rotate --yes", Route::CommitRotation, || {
        let messages = fails(&stage.grace("org rotate --yes"), 6);
        assert!(
            messages.contains("another administrator, `ada`, is replacing the org key"),
            "{messages}"
        );
    });
    ok(rotated);
    assert_eq!(stage.epoch(), 2);
    let value = ok(stage.ada("get KEY"));
    assert_eq!(ok(stage.grace("get KEY")), value);
    // The key that was not used is not lost: the next rotation takes it.
    ok(stage.grace("org rotate --yes"));
    assert_eq!(stage.epoch(), 3);
    assert_eq!(ok(stage.ada("get KEY")), value);
}

#[test]
fn another_administrator_rotates_after_a_disable() {
    let stage = Stage::of_two();
    stage.organization.member("bob", "member");
    ok(stage.ada("set KEY --generate"));
    let value = ok(stage.with("bob", "get KEY"));
    ok(stage.ada("org disable bob --yes"));
    ok(stage.grace("org rotate --yes"));
    fails(&stage.with("bob", "get KEY"), 3);
    assert_eq!(ok(stage.ada("get KEY")), value);
    assert_eq!(stage.state("bob"), "disabled");
    let output = stage.ada("org members");
    assert_eq!(fails(&output, 0), "", "it follows once, and is quiet then");
}

/// Grace disables Bob while Ada's rotation is about to commit with a wrap for Bob.
#[test]
fn a_disable_during_a_rotation_excludes_the_member() {
    let stage = Stage::of_two();
    stage.organization.member("bob", "member");
    ok(stage.ada("set KEY --generate"));
    let rotated = stage.while_waiting("org rotate --yes", Route::CommitRotation, || {
        ok(stage.grace("org disable bob --yes"));
    });
    fails(&rotated, 6);
    ok(stage.ada("org rotate --yes"));
    assert_eq!(stage.epoch(), 2);
    fails(&stage.with("bob", "get KEY"), 3);
    ok(stage.grace("get KEY"));
}

#[test]
fn of_two_administrators_who_disable_each_other_one_stays() {
    let stage = Stage::of_two();
    let lost = stage.while_waiting("org disable grace --yes", Route::Disable, || {
        ok(stage.grace("org disable ada --yes"));
    });
    fails(&lost, 3);
    let members = json(&ok(stage.grace("org members --json")));
    let active = members
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["state"] == "active");
    assert_eq!(active.count(), 1);
}

/// Two people use one code at the same moment.
#[test]
fn of_two_requests_with_one_code_one_is_taken() {
    let stage = Stage::new();
    let code = stage.organization.invite("bob", "member");
    let wait = Fault::stall_before_acting(Duration::from_secs(2));
    stage.faults.on(Route::Join).times(2).then(wait);
    let world = &stage.organization.world;
    world.write("bob.code", &code, 0o600);
    let children = ["one", "two"].map(|folder| {
        let arguments = ["join", "--code-file", "bob.code", "--output-dir", folder];
        let mut command = command(world, None, &arguments, "");
        command.stdout(Stdio::piped()).spawn().unwrap()
    });
    let outputs = children.map(|child| child.wait_with_output().unwrap());
    let won: Vec<_> = outputs.iter().filter(|it| it.status.success()).collect();
    assert_eq!(won.len(), 1, "{outputs:?}");
    let lost = outputs.iter().find(|it| !it.status.success()).unwrap();
    let messages = fails(lost, 6);
    assert!(
        messages.contains("the code has been used already"),
        "{messages}"
    );
    ok(stage.ada("org confirm bob --yes"));
}

/// The other administrator replaces the org key after the command has fetched it, and before it fetches the signed chain. Both
/// are honest.
#[test]
fn a_rotation_before_the_chain_is_fetched_is_no_contradiction() {
    let stage = Stage::of_two();
    stage.joined("joe");
    for line in [
        "org members",
        "org invite carol --scopes reader",
        "org confirm joe --yes",
        "org rotate --dry-run",
        "account show",
        "audit",
        "trust",
        "doctor",
    ] {
        ok(stage.ada("list"));
        let output = stage.while_waiting(line, Route::Chain, || {
            ok(stage.grace("org rotate --yes"));
        });
        let messages = fails(&output, 0);
        assert!(
            !messages.contains("another administrator"),
            "{line}: {messages}"
        );
        if line == "account show" {
            let text = String::from_utf8_lossy(&output.stdout);
            let epoch = format!("key epoch     {}", stage.epoch());
            assert!(text.contains(&epoch), "{text}");
        }
    }
}

/// The vault answers with the chain of before a rotation, and `doctor` reads secrets of after it. It is no reason to pin a key.
#[test]
fn doctor_follows_a_rotation_that_comes_while_it_runs() {
    let stage = Stage::of_two();
    ok(stage.ada("set KEY --generate"));
    let binding = |output: &Output| {
        let lines = json(&String::from_utf8_lossy(&output.stdout));
        let lines = lines.as_array().unwrap().clone();
        let line = lines.iter().find(|it| it["check"] == "binding").unwrap();
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        (text("outcome"), text("message"))
    };
    let (outcome, message) = binding(&stage.during_doctor(|| {
        ok(stage.grace("org rotate --yes"));
    }));
    assert_eq!(outcome, "ok", "{message}");

    let (outcome, message) = binding(&stage.during_doctor(|| {
        ok(stage.grace("org rotate --yes"));
        let down = Fault::status(StatusCode::SERVICE_UNAVAILABLE);
        stage.faults.on(Route::Chain).then(down);
    }));
    assert_eq!(outcome, "warning", "{message}");
    assert!(
        message.contains("it was probably replaced meanwhile")
            && message.contains("503")
            && message.contains("run `helvetisafe doctor"),
        "{message}"
    );
    assert!(!message.contains("trust pin"), "{message}");
}

/// The chain decides about a key that is new while a command runs, in the time that the command has left.
#[test]
fn a_stalled_chain_does_not_delay_a_command_beyond_its_timeout() {
    let stage = Stage::of_two();
    ok(stage.ada("set KEY --generate"));
    let start = std::sync::Mutex::new(Instant::now());
    let read = stage.while_waiting("get KEY --timeout 9s", Route::Read, || {
        // The command has begun a moment before.
        *start.lock().unwrap() = Instant::now();
        ok(stage.grace("org rotate --yes"));
        let stalled = Fault::stall_before_acting(Duration::from_secs(30));
        stage.faults.on(Route::Chain).then(stalled);
    });
    let took = start.into_inner().unwrap().elapsed();
    stage.faults.clear();
    assert!(!read.status.success(), "{read:?}");
    assert!(took < Duration::from_secs(11), "{took:?}");
}

/// A server in between refuses each change as outdated.
#[test]
fn a_change_that_is_always_overtaken_names_the_attempts_and_the_next_step() {
    let stage = Stage::of_two();
    stage.joined("bob");
    for (route, line, attempts) in [
        (
            Route::Invite,
            "org invite eve --scopes reader",
            "each of 6 attempts",
        ),
        (
            Route::Confirm,
            "org confirm bob --yes",
            "each of 6 attempts",
        ),
        (
            Route::Disable,
            "org disable grace --yes",
            "each of 6 attempts",
        ),
        (
            Route::CommitRotation,
            "org rotate --yes",
            "each of ten attempts",
        ),
    ] {
        let refused = Fault::status(StatusCode::PRECONDITION_FAILED);
        stage.faults.on(route).then(refused);
        let messages = fails(&stage.ada(line), 6);
        assert!(messages.contains(attempts), "{line}: {messages}");
        let next = ["Repeat it later", "again, which continues"];
        assert!(next.iter().any(|it| messages.contains(it)), "{messages}");
        stage.faults.clear();
    }
    ok(stage.ada("org rotate --yes"));
    assert_eq!(stage.epoch(), 2);
}
