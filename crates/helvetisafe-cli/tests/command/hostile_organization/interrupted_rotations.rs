//! Rotations that a signal ends, and those that another administrator gave up or overtook: each message is true.

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::Child;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::*;

/// Longer than any test waits.
pub(super) const LONG: Duration = Duration::from_secs(20);

pub(super) const ROTATE: &str = "`helvetisafe org rotate --config ada/config.toml`";
const DRY_RUN: &str = "`helvetisafe org rotate --dry-run --config ada/config.toml`";

/// The next steps, which no later run of a complete rotation names.
const NEXT: [&str; 2] = [
    "next: the members' commands follow",
    "next: a backup that was made before",
];

impl Stage {
    /// An organization with one secret, and a second administrator, `grace`, who has another machine.
    pub(super) fn with_a_secret() -> Self {
        let stage = Self::of_two();
        ok(stage.ada("set KEY --generate"));
        stage
    }

    /// Starts a command of Ada, and sends it SIGINT when its request to this route has arrived. Returns its messages.
    pub(super) fn ctrl_c(&self, line: &str, route: Route, fault: Fault) -> String {
        let before = self.faults.count(route);
        self.faults.on(route).once().then(fault);
        let child = self.spawn(line);
        let arrives = |log: &[helvetisafe_server::faults::Seen]| {
            log.iter().filter(|seen| seen.route == Some(route)).count() > before
        };
        assert!(self.faults.wait_until(3 * LONG, arrives), "{line}");
        interrupt(&child);
        let output = child.wait_with_output().unwrap();
        self.faults.clear();
        assert_eq!(output.status.signal(), Some(2), "{output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// Ends Ada's rotation after the commit, whose answer she never gets.
    fn committed_unseen(&self) {
        let fault = Fault::stall_after_acting(LONG);
        self.ctrl_c("org rotate --yes", Route::CommitRotation, fault);
    }

    /// Ends Ada's rotation before its commit.
    pub(super) fn interrupted(&self) {
        let fault = Fault::stall_before_acting(LONG);
        self.ctrl_c("org rotate --yes", Route::Unstaged, fault);
    }

    pub(super) fn has_record(&self) -> bool {
        let state = self.organization.path(".local/state/helvetisafe");
        let mut files = fs::read_dir(state).unwrap().map(|it| it.unwrap());
        files.any(|it| it.file_name().to_string_lossy().starts_with("rotation-"))
    }
}

fn interrupt(child: &Child) {
    let id = Pid::from_raw(i32::try_from(child.id()).unwrap());
    kill(id, Signal::SIGINT).unwrap();
}

pub(super) fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// No message of a rotation has words of the library or of the wire.
pub(super) fn is_for_users(text: &str) {
    // The id of a rotation can have these digits, too.
    for word in [
        "same id",
        "under this id",
        " 409",
        "(409",
        "name or id",
        "stage",
    ] {
        assert!(!text.contains(word), "{word}: {text}");
    }
}

#[test]
fn ctrl_c_before_a_rotation_says_that_nothing_was_changed() {
    let stage = Stage::with_a_secret();
    for route in [Route::Account, Route::Chain, Route::Members] {
        let fault = Fault::stall_before_acting(LONG);
        let text = stage.ctrl_c("org rotate --dry-run", route, fault);
        has(&text, &["interrupted; nothing was changed"]);
    }
    let fault = Fault::stall_before_acting(LONG);
    let text = stage.ctrl_c("org rotate --yes", Route::Chain, fault);
    has(&text, &["interrupted; nothing was changed"]);
    assert!(!stage.has_record());
    assert_eq!(stage.epoch(), 1);
}

#[test]
fn ctrl_c_before_the_commit_says_that_the_rotation_continues() {
    let stage = Stage::with_a_secret();
    for (route, count) in [
        (Route::BeginRotation, "interrupted; "),
        (Route::Unstaged, "interrupted; "),
        (Route::Stage, "interrupted; "),
    ] {
        let text = stage.ctrl_c("org rotate --yes", route, Fault::stall_before_acting(LONG));
        has(
            &text,
            &[count, &format!("run {ROTATE} again: it continues")],
        );
        assert!(stage.has_record());
        assert_eq!(stage.epoch(), 1);
        has(&ok(stage.ada("org rotate --dry-run")), &["would continue"]);
    }
    ok(stage.ada("org rotate --yes"));
    assert_eq!(stage.epoch(), 2);
    assert!(!stage.has_record());
}

#[test]
fn ctrl_c_at_the_commit_says_what_is_known() {
    let stage = Stage::with_a_secret();
    let unknown = ["its outcome is not known", ROTATE, DRY_RUN];
    // The vault does not act.
    let fault = Fault::stall_before_acting(LONG);
    let text = stage.ctrl_c("org rotate --yes", Route::CommitRotation, fault);
    has(&text, &unknown);
    assert!(!text.contains("--abandon"), "{text}");
    has(&ok(stage.ada("org rotate --dry-run")), &["would continue"]);
    ok(stage.ada("org rotate --yes"));
    assert_eq!(stage.epoch(), 2);

    // It acts, and answers in a moment.
    let fault = Fault::stall_after_acting(Duration::from_millis(700));
    let text = stage.ctrl_c("org rotate --yes", Route::CommitRotation, fault);
    has(
        &text,
        &["the rotation is committed: the org key is SHA256:"],
    );
    has(&text, &["with the number 3"]);
    has(&text, &NEXT);
    assert_eq!(stage.epoch(), 3);
    assert!(!stage.has_record());

    // It acts, and the answer does not come.
    let fault = Fault::stall_after_acting(LONG);
    let text = stage.ctrl_c("org rotate --yes", Route::CommitRotation, fault);
    has(&text, &unknown);
    assert_eq!(stage.epoch(), 4);
    let dry = ok(stage.ada("org rotate --dry-run"));
    has(&dry, &["is committed", "with the number 4", "would only"]);
    let json_of = |line| json(&ok(stage.ada(line)));
    let dry = json_of("org rotate --dry-run --json");
    assert_eq!(
        (&dry["interrupted"], &dry["key_epoch"]),
        (&"committed".into(), &4.into())
    );
    let rotated = stage.ada("org rotate --yes --json");
    has(
        &fails(&rotated, 0),
        &["was committed already", "no new rotation"],
    );
    has(&fails(&rotated, 0), &NEXT);
    let rotated = json(&ok(rotated));
    assert_eq!(
        (&rotated["interrupted"], &rotated["key_epoch"]),
        (&"committed".into(), &4.into())
    );
    assert!(!stage.has_record());
    assert_eq!(stage.epoch(), 4);
    ok(stage.grace("get KEY"));
}

/// The reader of the output is slow, so the signal comes before the last lines.
#[test]
fn ctrl_c_after_a_rotation_names_the_next_steps() {
    let stage = Stage::with_a_secret();
    for was_committed in [false, true] {
        if was_committed {
            stage.committed_unseen();
        }
        let before = stage.faults.count(Route::CommitRotation);
        let (_reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(&[b'x'; 1 << 16]).unwrap();
        let mut command = stage.command("org rotate --yes --json");
        let child = command.stdout(writer).spawn().unwrap();
        let begun = Instant::now();
        let is_sent = || was_committed || stage.faults.count(Route::CommitRotation) > before;
        while !is_sent() || stage.has_record() {
            assert!(begun.elapsed() < LONG);
            std::thread::sleep(Duration::from_millis(5));
        }
        interrupt(&child);
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        has(
            &text,
            &["the rotation is committed: the org key is SHA256:"],
        );
        has(&text, &NEXT);
    }
}

/// The command runs without a fault, and is interrupted at moments from its start to its end.
#[test]
fn ctrl_c_at_any_moment_is_true() {
    const MOMENTS: u32 = 24;
    let stage = Stage::with_a_secret();
    let start = Instant::now();
    ok(stage.ada("org rotate --yes"));
    let whole = start.elapsed();
    let mut epoch = stage.epoch();
    for moment in 0..MOMENTS {
        let child = stage.spawn("org rotate --yes");
        std::thread::sleep(whole * (moment + 1) / MOMENTS);
        interrupt(&child);
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        let (before, after) = (epoch, stage.epoch());
        let is_committed = text.contains("committed") || text.contains("replaced the org key: ");
        let is_unchanged =
            text.contains("nothing was changed") || text.contains("was not replaced");
        match (is_committed, is_unchanged) {
            // Also a rotation whose outcome was not known to the command before.
            (true, false) => {
                has(&text, &[&format!("with the number {after}")]);
                if !stage.has_record() {
                    has(&text, &NEXT);
                }
            }
            (false, true) => assert_eq!(before, after, "{text}"),
            // Before the command reads its settings.
            (false, false) if text.is_empty() => assert_eq!(before, after),
            _ => has(&text, &["is not known"]),
        }
        epoch = after;
    }
    ok(stage.ada("org rotate --yes"));
    ok(stage.grace("get KEY"));
}

/// The rotation that was interrupted does not exclude a member who was disabled after it.
#[test]
fn a_committed_rotation_is_followed_by_a_new_one_after_a_disable() {
    let stage = Stage::with_a_secret();
    stage.organization.member("bob", "member");
    stage.committed_unseen();
    ok(stage.grace("org disable bob --yes"));
    let dry = ok(stage.ada("org rotate --dry-run"));
    has(
        &dry,
        &[
            "is committed",
            "a member was disabled since",
            "would replace the org key",
        ],
    );
    fails(&stage.ada("org rotate"), 2);
    let text = fails(&stage.ada("org rotate --yes"), 0);
    has(
        &text,
        &["is committed", "replaced the org key", "with the number 3"],
    );
    assert_eq!(stage.epoch(), 3);
    ok(stage.grace("get KEY"));
}

#[test]
fn a_rotation_that_another_administrator_gave_up_begins_anew() {
    let stage = Stage::with_a_secret();
    stage.interrupted();
    let given_up = fails(&stage.grace("org rotate --abandon --yes"), 0);
    has(
        &given_up,
        &["gave up the rotation of `ada`", "the org key stays"],
    );
    let dry = ok(stage.ada("org rotate --dry-run"));
    has(
        &dry,
        &["was given up", "would replace the org key", "number 2"],
    );
    assert!(!dry.contains("continue"), "{dry}");
    let dry = json(&ok(stage.ada("org rotate --dry-run --json")));
    assert_eq!(dry["interrupted"], "abandoned");
    assert!(stage.has_record(), "a dry run changes nothing");

    let text = fails(&stage.ada("org rotate --abandon --yes"), 0);
    has(&text, &["was given up", "nothing was changed in the vault"]);
    assert!(!stage.has_record());

    stage.interrupted();
    ok(stage.grace("org rotate --abandon --yes"));
    let text = fails(&stage.ada("org rotate --yes"), 0);
    has(
        &text,
        &["was given up", "replaced the org key", "with the number 2"],
    );
    assert_eq!(stage.epoch(), 2);
    assert!(!stage.has_record());
}

#[test]
fn a_rotation_that_another_one_overtook_begins_anew() {
    let stage = Stage::with_a_secret();
    // Hers is committed, and his is after it.
    stage.committed_unseen();
    ok(stage.grace("org rotate --yes"));
    assert_eq!(stage.epoch(), 3);
    let dry = ok(stage.ada("org rotate --dry-run"));
    has(
        &dry,
        &[
            "was committed",
            "number 2",
            "replaced again since",
            "number 3",
            "would replace the org key",
            "number 4",
        ],
    );
    let dry = json(&ok(stage.ada("org rotate --dry-run --json")));
    assert_eq!(
        (&dry["interrupted"], &dry["key_epoch"]),
        (&"superseded".into(), &4.into())
    );

    let text = fails(&stage.ada("org rotate --abandon --yes"), 0);
    has(
        &text,
        &[
            "was committed",
            "number 2",
            "number 3",
            "nothing was changed in the vault",
        ],
    );
    assert!(!text.contains("the org key stays"), "{text}");
    assert!(!stage.has_record());

    stage.committed_unseen();
    ok(stage.grace("org rotate --yes"));
    let text = fails(&stage.ada("org rotate --yes"), 0);
    has(
        &text,
        &[
            "was committed",
            "number 4",
            "number 5",
            "replaced the org key",
            "with the number 6",
        ],
    );
    is_for_users(&text);
    assert_eq!(stage.epoch(), 6);
    assert!(!stage.has_record());

    // Hers was not committed.
    stage.interrupted();
    ok(stage.grace("org rotate --abandon --yes"));
    ok(stage.grace("org rotate --yes"));
    has(
        &ok(stage.ada("org rotate --dry-run")),
        &[
            "was not committed",
            "another rotation has replaced the org key",
            "number 7",
            "number 8",
        ],
    );
    ok(stage.ada("org rotate --yes"));
    assert_eq!(stage.epoch(), 8);
    ok(stage.grace("get KEY"));
}

/// The vault withholds the newest entries: what the record says does not matter.
#[test]
fn an_older_chain_does_not_clear_an_interrupted_rotation() {
    let stage = Stage::with_a_secret();
    stage.committed_unseen();
    ok(stage.grace("org rotate --yes"));
    ok(stage.ada("org members"));
    stage.replays(Route::OrgKey);
    stage.lies(Route::Chain, Lie::Withhold(1));
    for line in [
        "org rotate --yes",
        "org rotate --dry-run",
        "org rotate --abandon --yes",
    ] {
        let messages = fails(&stage.ada(line), 8);
        has(&messages, &["has returned to an earlier chain"]);
        assert!(stage.has_record());
    }
}

#[test]
fn a_rotation_of_another_administrator_is_named_with_its_lease() {
    let stage = Stage::with_a_secret();
    stage.interrupted();
    for line in ["org rotate --yes", "org rotate --dry-run"] {
        let text = fails(&stage.grace(line), 6);
        has(
            &text,
            &[
                "another administrator, `ada`, is replacing the org key",
                "until",
                "without a step",
                "`helvetisafe org rotate --abandon --config grace/config.toml`",
            ],
        );
        is_for_users(&text);
    }
    let dry = ok(stage.grace("org rotate --abandon --dry-run"));
    has(&dry, &["of `ada`"]);
    let dry = json(&ok(stage.grace("org rotate --abandon --dry-run --json")));
    assert!(dry["interrupted"].is_null(), "{dry}");
    assert_eq!(dry["account"], stage.client_id("ada"));
    let dry = json(&ok(stage.ada("org rotate --abandon --dry-run --json")));
    assert_eq!(dry["interrupted"], "incomplete");
    assert_eq!(dry["account"], stage.client_id("ada"));
}

/// The rotation that was interrupted here has not begun in the vault, and another one has.
#[test]
fn a_rotation_of_another_administrator_is_given_up_without_the_own_one() {
    let stage = Stage::with_a_secret();
    let fault = Fault::stall_before_acting(LONG);
    stage.ctrl_c("org rotate --yes", Route::BeginRotation, fault);
    let lost = Fault::close_before_acting();
    stage.faults.on(Route::CommitRotation).then(lost);
    fails(&stage.grace("org rotate --yes --timeout 5s"), 9);
    stage.faults.clear();
    for line in [
        "org rotate --abandon --dry-run --json",
        "org rotate --abandon --yes --json",
    ] {
        let found = json(&ok(stage.ada(line)));
        assert!(found["interrupted"].is_null(), "{found}");
        assert_eq!(found["account"], stage.client_id("grace"));
    }
    assert!(stage.has_record());
    let dry = json(&ok(stage.ada("org rotate --dry-run --json")));
    assert_eq!(
        (&dry["interrupted"], &dry["account"]),
        (&"incomplete".into(), &stage.client_id("ada").into())
    );
    ok(stage.ada("org rotate --yes"));
    assert!(!stage.has_record());
}

#[test]
fn a_dry_run_that_continues_counts_the_secrets_that_are_left() {
    let stage = Stage::with_a_secret();
    ok(stage.ada("set OTHER --generate"));
    let fault = Fault::stall_before_acting(LONG);
    stage.ctrl_c("org rotate --yes", Route::CommitRotation, fault);
    ok(stage.ada("set THIRD --generate"));
    let dry = ok(stage.ada("org rotate --dry-run"));
    has(
        &dry,
        &["would continue", "seal the secrets that are left (1) again"],
    );
    let dry = json(&ok(stage.ada("org rotate --dry-run --json")));
    assert_eq!(dry["secrets"], 1);
    let rotated = fails(&stage.ada("org rotate --yes"), 0);
    has(&rotated, &["in this run: 1"]);
}

#[test]
fn a_secret_that_does_not_open_is_replaced_by_the_advised_commands() {
    let stage = Stage::with_a_secret();
    for route in [Route::Unstaged, Route::Read] {
        stage.faults.on(route).then(Fault::flip_bit_of(Part::Tag));
    }
    let text = fails(&stage.ada("org rotate --yes"), 8);
    has(
        &text,
        &[
            "do not open under the org key: `KEY`",
            "`helvetisafe set --drop-fields KEY --config ada/config.toml`",
            "`helvetisafe delete KEY --config ada/config.toml`",
            ROTATE,
        ],
    );
    fails(&stage.ada("set KEY --generate"), 8);
    ok(stage.ada("set --drop-fields KEY --generate"));
    ok(stage.ada("delete KEY"));
    stage.faults.clear();
    ok(stage.ada("org rotate --yes"));
}

/// Grace gives up Ada's rotation while Ada's command runs.
#[test]
fn a_rotation_that_is_given_up_while_it_runs_says_so() {
    let stage = Stage::with_a_secret();
    for route in [Route::Stage, Route::CommitRotation] {
        let output = stage.while_waiting("org rotate --yes", route, || {
            ok(stage.grace("org rotate --abandon --yes"));
        });
        let text = fails(&output, 6);
        has(
            &text,
            &["was given up", "the org key was not replaced", ROTATE],
        );
        is_for_users(&text);
    }
    // The command that is advised works.
    ok(stage.ada("org rotate --yes"));
    assert_eq!(stage.epoch(), 2);
}

/// The answers of the vault are lost, so the outcome is not known.
#[test]
fn an_unknown_outcome_names_the_next_step() {
    let stage = Stage::with_a_secret();
    let lost = Fault::close_after_acting();
    stage.faults.on(Route::CommitRotation).then(lost);
    let text = fails(&stage.ada("org rotate --yes --timeout 5s"), 9);
    stage.faults.clear();
    has(&text, &[ROTATE, DRY_RUN]);
    is_for_users(&text);
    ok(stage.ada("org rotate --yes"));
    assert_eq!(stage.epoch(), 2);
}

#[test]
fn ctrl_c_at_another_change_says_how_to_see_its_outcome() {
    let stage = Stage::with_a_secret();
    stage.organization.member("bob", "member");
    stage.joined("joe");
    for (line, route, list) in [
        ("org confirm joe --yes", Route::Confirm, "org members"),
        ("org disable bob --yes", Route::Disable, "org members"),
        (
            "org invite eve --scopes reader",
            Route::Invite,
            "org pending",
        ),
        (
            "org recovery-kit --output-dir kit",
            Route::Confirm,
            "org recovery-kit",
        ),
    ] {
        let before = stage.ctrl_c(line, Route::Chain, Fault::stall_before_acting(LONG));
        has(&before, &["interrupted; nothing was changed"]);
        let text = stage.ctrl_c(line, route, Fault::stall_after_acting(LONG));
        has(&text, &["interrupted; ", "is not known", list]);
    }
    assert_eq!(stage.state("joe"), "active");
    assert_eq!(stage.state("bob"), "disabled");
    ok(stage.ada("org recovery-kit --output-dir kit"));
}
