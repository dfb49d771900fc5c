//! Commands that run for long while the vault gives a replaced org key, and once it is honest again.

use std::fs;
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use helvetisafe_server::faults::Verb;

use super::*;
use crate::agent::{Agent, ends};
use crate::followed_rotation::{bobs, wait_for};

/// The message about a key that the signed chain has replaced.
const REPLACED: &str = "in its place";
/// The advice that would destroy a good value.
const WRITE_AGAIN: &str = "write it again";

/// A program of Bob that `run --watch` keeps running. It writes its value to a file at each start.
struct Watching<'s> {
    stage: &'s Stage,
    child: Child,
}

impl<'s> Watching<'s> {
    fn start(stage: &'s Stage) -> Self {
        let path = |name: &str| fs::File::create(stage.organization.path(name)).unwrap();
        let (values, log) = (path("values"), path("log"));
        let arguments = ["run", "--watch=1s", "--env", "X=OLD", "--", "sh", "-c"];
        let mut command = bobs(&stage.organization, &arguments);
        command.arg("echo $X; exec sleep 120");
        let child = command.stdout(values).stderr(log).spawn().unwrap();
        let watching = Self { stage, child };
        wait_for("value", || watching.values().len() == 1);
        watching
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.stage.organization.path(name)).unwrap()
    }

    fn values(&self) -> Vec<String> {
        self.text("values").lines().map(str::to_owned).collect()
    }

    fn log(&self) -> String {
        self.text("log")
    }
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        let id = self.child.id().to_string();
        let _ = Command::new("kill").arg(id).status();
        let _ = self.child.wait();
    }
}

/// The lies with which the vault gives Bob the replaced key.
fn lies() -> [Fault; 2] {
    [
        Fault::lie(attacker(), Lie::OldOrgKey),
        Fault::replay(Version::Previous),
    ]
}

impl Stage {
    /// An organization whose member Bob has read a value.
    fn with_bob() -> Self {
        let stage = Self::new();
        stage.organization.member("bob", "member");
        ok(stage.ada("set OLD --generate"));
        ok(stage.with("bob", "get OLD"));
        stage
    }

    /// Replaces the org key, and then the value. Returns the value.
    fn rotates_and_sets(&self) -> String {
        ok(self.ada("org rotate --yes"));
        ok(self.ada("set OLD --generate"));
        ok(self.ada("get OLD")).trim_end().to_owned()
    }
}

/// The change is read again at each poll, and the reason is reported once.
#[test]
fn run_watch_reads_a_change_again_until_the_vault_is_honest() {
    let stage = Stage::with_bob();
    let watching = Watching::start(&stage);
    ok(stage.ada("org rotate --yes"));
    // The first answers are Ada's, who gets the true key.
    let before = stage.faults.count(Route::OrgKey);
    ok(stage.ada("set OTHER --generate"));
    let adas = stage.faults.count(Route::OrgKey) - before;
    let lie = Fault::lie(attacker(), Lie::OldOrgKey);
    stage.faults.on(Route::OrgKey).after(adas as u64).then(lie);
    ok(stage.ada("set OLD --generate"));
    wait_for("refusal", || {
        watching.log().contains("continuing with the old ones")
    });
    thread::sleep(Duration::from_secs(7));
    let log = watching.log();
    for text in [REPLACED, "`OLD` has changed", "continuing with the old"] {
        assert_eq!(log.matches(text).count(), 1, "{text}: {log}");
    }
    assert!(!log.contains(WRITE_AGAIN), "{log}");
    assert_eq!(watching.values().len(), 1);

    stage.faults.clear();
    wait_for("restart", || watching.values().len() == 2);
    let value = ok(stage.ada("get OLD"));
    assert_eq!(watching.values()[1], value.trim_end());
    let log = watching.log();
    assert!(
        log.contains("the values can be read again, after "),
        "{log}"
    );
    // It is restarted once.
    thread::sleep(Duration::from_secs(3));
    assert_eq!(watching.values().len(), 2);
}

#[test]
fn an_agent_logs_once_that_a_value_does_not_open_and_that_it_opens_again() {
    let stage = Stage::with_bob();
    let arguments = ["agent", "--listen", "127.0.0.1:0", "--ttl", "1s"];
    let mut command = bobs(&stage.organization, &arguments);
    let agent = Agent::spawn(command.args(["--key", "OLD"]));
    agent.wait_until_ready();
    assert_eq!(agent.get("/secret/OLD").status, 200);
    let mut seen = String::new();
    for lie in lies() {
        let value = stage.rotates_and_sets();
        stage.faults.on(Route::OrgKey).then(lie);
        wait_for("refusal", || agent.get("/secret/OLD").status == 500);
        let text = agent.get("/secret/OLD").body.to_string();
        assert!(text.contains("operator of this agent"), "{text}");
        assert!(!text.contains(WRITE_AGAIN), "{text}");
        agent.wait_for_asking("/secret/OLD", "cannot read the secret `OLD`: ");
        for _ in 0..14 {
            assert_eq!(agent.get("/secret/OLD").status, 500);
            thread::sleep(Duration::from_millis(500));
        }
        stage.faults.clear();
        wait_for("value", || {
            agent.get("/secret/OLD").body.to_string().contains(&value)
        });
        let mut all = String::new();
        wait_for("report of the end", || {
            all = agent.wait_for("`OLD` is served again, after ");
            all.matches("`OLD` is served again").count()
                > seen.matches("`OLD` is served again").count()
        });
        let log = all.strip_prefix(&seen).unwrap();
        for text in [REPLACED, "cannot read the secret `OLD`", "is served again"] {
            assert_eq!(log.matches(text).count(), 1, "{text}: {log}");
        }
        assert!(!log.contains(WRITE_AGAIN), "{log}");
        seen = all;
    }
}

/// A value that does not open under the present key is no reason to doubt the vault's key.
#[test]
fn an_agent_logs_that_a_damaged_value_may_be_written_again() {
    let stage = Stage::with_bob();
    ok(stage.ada("set KEY --generate"));
    let arguments = ["agent", "--listen", "127.0.0.1:0", "--ttl", "1s"];
    let agent = Agent::spawn(&mut bobs(&stage.organization, &arguments));
    agent.wait_until_ready();
    let flip = Fault::flip_bit_of(Part::Tag);
    stage.faults.on(Verb::Read.of("OLD")).then(flip);
    let log = agent.wait_for_asking("/secret/OLD", "cannot read the secret `OLD`: ");
    assert!(log.contains(WRITE_AGAIN), "{log}");
    // Another secret is served meanwhile.
    assert_eq!(agent.get("/secret/KEY").status, 200);
    stage.faults.clear();
    let log = agent.wait_for_asking("/secret/OLD", "`OLD` is served again, after ");
    assert_eq!(
        log.matches("cannot read the secret `OLD`").count(),
        1,
        "{log}"
    );
}

#[test]
fn an_agent_that_starts_with_a_replaced_key_says_so() {
    let stage = Stage::with_bob();
    stage.rotates_and_sets();
    for lie in lies() {
        stage.faults.on(Route::OrgKey).then(lie);
        let arguments = ["agent", "--listen", "127.0.0.1:0", "--key", "OLD"];
        let (status, messages) = ends(&mut bobs(&stage.organization, &arguments));
        assert_eq!(status, Some(8), "{messages}");
        assert!(messages.contains(REPLACED), "{messages}");
        assert!(!messages.contains(WRITE_AGAIN), "{messages}");
        stage.faults.clear();
    }
}
