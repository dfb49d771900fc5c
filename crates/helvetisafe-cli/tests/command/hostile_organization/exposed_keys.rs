//! A request to commit has the new key for each member of that moment, and the vault may store it. The key of a member who is
//! disabled after that never becomes the present one: a new rotation begins.

use std::path::PathBuf;

use super::interrupted_rotations::{LONG, ROTATE, has, is_for_users};
use super::*;

impl Stage {
    /// An organization with a secret, a second administrator, `grace`, and a member, `mal`.
    fn with_mal() -> Self {
        let stage = Self::with_a_secret();
        stage.organization.member("mal", "member");
        stage
    }

    /// Ends Ada's rotation at its commit, which the vault receives and does not carry out. Returns the new key.
    fn sent(&self) -> Value {
        let lost = Fault::close_before_acting();
        self.faults.on(Route::CommitRotation).then(lost);
        fails(&self.ada("org rotate --yes --timeout 5s"), 9);
        self.faults.clear();
        self.record()["fingerprint"].clone()
    }

    fn record_path(&self) -> PathBuf {
        let state = self.organization.path(".local/state/helvetisafe");
        let mut files = fs::read_dir(state).unwrap().map(|it| it.unwrap().path());
        let is_record = |it: &PathBuf| {
            it.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with("rotation-")
        };
        files.find(is_record).unwrap()
    }

    fn record(&self) -> Value {
        json(&fs::read_to_string(self.record_path()).unwrap())
    }

    /// Makes the record one of an earlier version, which does not have these members.
    fn forget(&self, members: &[&str]) {
        let mut record = self.record();
        for member in members {
            assert!(record.as_object_mut().unwrap().remove(*member).is_some());
        }
        fs::write(self.record_path(), record.to_string()).unwrap();
    }

    /// The next rotation has another key than the one that was sent.
    fn begins_anew(&self, sent: &Value, epoch: u64) {
        let output = self.ada("org rotate --yes --json");
        let text = fails(&output, 0);
        has(
            &text,
            &[
                "a member was disabled",
                "a new rotation is needed",
                "replaced the org key",
            ],
        );
        is_for_users(&text);
        let rotated = json(&ok(output));
        assert_eq!(
            (&rotated["interrupted"], &rotated["key_epoch"]),
            (&"exposed".into(), &epoch.into())
        );
        assert_ne!(&rotated["org_key_fingerprint"], sent);
        assert!(!self.has_record());
        ok(self.grace("get KEY"));
        fails(&self.with("mal", "get KEY"), 3);
    }
}

#[test]
fn a_rotation_that_was_interrupted_at_its_commit_begins_anew_after_a_disable() {
    let stage = Stage::with_mal();
    let sent = stage.sent();
    has(&ok(stage.ada("org rotate --dry-run")), &["would continue"]);
    ok(stage.ada("org disable mal --yes"));
    let dry = ok(stage.ada("org rotate --dry-run"));
    has(
        &dry,
        &[
            "is not complete",
            "a member was disabled",
            "may know",
            "would give it up",
            "replace the org key",
        ],
    );
    assert!(!dry.contains("continue"), "{dry}");
    let dry = json(&ok(stage.ada("org rotate --dry-run --json")));
    assert_eq!(dry["interrupted"], "exposed");
    assert!(
        dry["rotation"].is_null() && dry["org_key_fingerprint"].is_null(),
        "{dry}"
    );
    fails(&stage.ada("org rotate"), 2);
    assert_eq!(
        stage.record()["fingerprint"],
        sent,
        "nothing is changed before the answer"
    );
    stage.begins_anew(&sent, 2);
}

#[test]
fn a_rotation_that_was_interrupted_at_its_commit_continues_without_a_disable() {
    let stage = Stage::with_mal();
    let sent = stage.sent();
    stage.joined("joe");
    ok(stage.grace("org confirm joe --yes"));
    let rotated = json(&ok(stage.ada("org rotate --yes --json")));
    assert_eq!(rotated["org_key_fingerprint"], sent);
    ok(stage.with("mal", "get KEY"));
    ok(stage.with("joe", "get KEY"));
}

#[test]
fn a_member_who_is_disabled_during_the_commit_ends_the_rotation() {
    let stage = Stage::with_mal();
    let output = stage.while_waiting("org rotate --yes", Route::CommitRotation, || {
        ok(stage.grace("org disable mal --yes"));
    });
    let text = fails(&output, 6);
    has(
        &text,
        &[
            "a member was disabled",
            "may know",
            ROTATE,
            "begins a new rotation",
        ],
    );
    is_for_users(&text);
    assert_eq!(stage.epoch(), 1);
    let sent = stage.record()["fingerprint"].clone();
    stage.begins_anew(&sent, 2);
}

/// The state that the command finds at its start is not that of its commit.
#[test]
fn a_member_who_is_disabled_while_a_rotation_continues_ends_it() {
    for route in [Route::BeginRotation, Route::Unstaged] {
        let stage = Stage::with_mal();
        let sent = stage.sent();
        let output = stage.while_waiting("org rotate --yes", route, || {
            ok(stage.grace("org disable mal --yes"));
        });
        has(&fails(&output, 6), &["a member was disabled", ROTATE]);
        assert_eq!(stage.epoch(), 1);
        stage.begins_anew(&sent, 2);
    }
}

/// Nothing was sent for the member, so the work is not lost.
#[test]
fn a_member_who_is_disabled_before_the_commit_does_not_end_the_rotation() {
    let stage = Stage::with_mal();
    let output = stage.while_waiting("org rotate --yes", Route::Unstaged, || {
        ok(stage.grace("org disable mal --yes"));
    });
    ok(output);
    assert_eq!(stage.epoch(), 2);
    fails(&stage.with("mal", "get KEY"), 3);
}

#[test]
fn a_record_of_an_earlier_version_begins_anew_after_a_disable() {
    let stage = Stage::with_mal();
    let sent = stage.sent();
    stage.forget(&["made_at"]);
    has(&ok(stage.ada("org rotate --dry-run")), &["would continue"]);
    ok(stage.ada("org disable mal --yes"));
    let dry = json(&ok(stage.ada("org rotate --dry-run --json")));
    assert_eq!(dry["interrupted"], "exposed");
    stage.begins_anew(&sent, 2);
}

#[test]
fn an_exposed_rotation_can_be_given_up() {
    let stage = Stage::with_mal();
    stage.sent();
    ok(stage.ada("org disable mal --yes"));
    let abandoned = json(&ok(stage.ada("org rotate --abandon --yes --json")));
    assert_eq!(
        (&abandoned["action"], &abandoned["interrupted"]),
        (&"abandoned".into(), &"exposed".into())
    );
    assert!(!stage.has_record());
    ok(stage.ada("org rotate --yes"));
    assert_eq!(stage.epoch(), 2);
}

/// The key was stored, and another rotation was committed before this one began.
#[test]
fn a_late_beginning_has_the_next_number() {
    let stage = Stage::with_a_secret();
    let fault = Fault::stall_before_acting(LONG);
    stage.ctrl_c("org rotate --yes", Route::BeginRotation, fault);
    ok(stage.grace("org rotate --yes"));
    stage.interrupted();
    assert_eq!(stage.record()["to_epoch"], 3);
    ok(stage.grace("org rotate --abandon --yes"));
    let dry = ok(stage.ada("org rotate --dry-run"));
    has(&dry, &["was given up", "number 3"]);
    ok(stage.ada("org rotate --yes"));
    assert_eq!(stage.epoch(), 3);
}
