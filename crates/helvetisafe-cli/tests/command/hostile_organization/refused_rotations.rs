//! Rotations of the org key whose calls the vault refuses, or answers wrongly: the message says which org key is the present one,
//! and which command continues.

use helvetisafe_server::faults::StatusCode;

use super::interrupted_rotations::{ROTATE, has};
use super::*;

const ABANDON: &str = "`helvetisafe org rotate --abandon --config ada/config.toml`";
const DRY_RUN: &str = "`helvetisafe org rotate --dry-run --config ada/config.toml`";

/// The advice for other calls, which is wrong here: the calls before were accepted.
const ELSEWHERE: [&str; 5] = [
    "check the base URL",
    "use https://",
    "the account `ada` was disabled",
    "check the client id",
    "there is no such secret",
];

impl Stage {
    /// Returns the fingerprint of the present org key.
    pub(super) fn org_key(&self) -> String {
        let account = json(&ok(self.grace("account show --json")));
        account["org_key_fingerprint"].as_str().unwrap().to_owned()
    }

    /// Runs a rotation that the vault refuses, and checks that the message names the next steps.
    fn is_refused(&self, status: i32, state: &str) {
        let text = fails(&self.ada("org rotate --yes"), status);
        self.faults.clear();
        let kept = format!("the org key is still {}", self.org_key());
        has(
            &text,
            &[
                state,
                &kept,
                "no value is lost",
                ROTATE,
                "which continues",
                ABANDON,
                DRY_RUN,
            ],
        );
        for advice in ELSEWHERE {
            assert!(!text.contains(advice), "{advice}: {text}");
        }
        assert!(self.has_record());
    }
}

const IN_PROGRESS: &str = "the rotation is in progress, and blocks other rotations for 5 minutes";

#[test]
fn a_refused_call_of_a_rotation_says_that_the_same_command_continues() {
    let stage = Stage::with_a_secret();
    let refused = [
        (Route::BeginRotation, 404, 1, "the rotation has not begun"),
        (Route::Unstaged, 404, 1, IN_PROGRESS),
        (Route::Stage, 400, 1, IN_PROGRESS),
        (Route::CommitRotation, 404, 1, IN_PROGRESS),
        (Route::CommitRotation, 400, 1, IN_PROGRESS),
        (Route::CommitRotation, 401, 3, IN_PROGRESS),
        (Route::CommitRotation, 403, 4, IN_PROGRESS),
        // It has begun before.
        (Route::BeginRotation, 400, 1, IN_PROGRESS),
    ];
    for (route, code, status, state) in refused {
        let refusal = Fault::status(StatusCode::from_u16(code).unwrap());
        stage.faults.on(route).then(refusal);
        stage.is_refused(status, state);
    }
    let expired = Fault::expire_access_tokens();
    stage.faults.on(Route::Unstaged).times(2).then(expired);
    stage.is_refused(3, IN_PROGRESS);
    assert_eq!(stage.epoch(), 1);
    ok(stage.ada("org rotate --yes"));
    assert_eq!(stage.epoch(), 2);
    ok(stage.grace("get KEY"));
}

/// The vault does not store what is staged, so it refuses each commit. No other client changes anything.
#[test]
fn a_rotation_that_is_never_staged_may_be_the_fault_of_the_vault() {
    let stage = Stage::with_a_secret();
    stage.faults.on(Route::Stage).then(Fault::pretend());
    let text = fails(&stage.ada("org rotate --yes"), 6);
    has(
        &text,
        &[
            "each of ten attempts",
            "if others change them now",
            "the vault, or a proxy, sends wrong answers",
            ROTATE,
        ],
    );
    stage.faults.clear();
    ok(stage.ada("org rotate --yes"));
    assert_eq!(stage.epoch(), 2);
}

/// A configured fingerprint must be that of the present org key, as for every other command.
#[test]
fn a_rotation_is_refused_if_another_fingerprint_is_configured() {
    let stage = Stage::with_a_secret();
    let old = stage.org_key();
    ok(stage.ada("org rotate --yes"));
    let new = stage.org_key();
    let refused = |line: &str, expected: &str| {
        let line = format!("{line} --org-key-fingerprint {expected}");
        fails(&stage.ada(&line), 8)
    };
    let wanted = refused("org members", &old);
    has(&wanted, &[&old, &new, "change the configured fingerprint"]);
    for line in [
        "org rotate --yes",
        "org rotate --dry-run",
        "org rotate --abandon --yes",
        "org rotate --abandon --dry-run",
    ] {
        assert_eq!(refused(line, &old), wanted, "{line}");
    }
    assert_eq!(stage.epoch(), 2);
    assert!(!stage.has_record());
    ok(stage.ada(&format!("org rotate --yes --org-key-fingerprint {new}")));
    assert_eq!(stage.epoch(), 3);
}

#[test]
fn an_interrupted_rotation_continues_under_the_configured_fingerprint() {
    let stage = Stage::with_a_secret();
    let first = format!("--org-key-fingerprint {}", stage.org_key());
    // Before the commit the old key is the present one.
    stage.interrupted();
    let dry = ok(stage.ada(&format!("org rotate --dry-run {first}")));
    has(&dry, &["would continue"]);
    ok(stage.ada(&format!("org rotate --abandon --yes {first}")));
    stage.interrupted();
    // After the commit, whose answer is lost, the new key is.
    let fault = Fault::stall_after_acting(super::interrupted_rotations::LONG);
    let line = format!("org rotate --yes {first}");
    stage.ctrl_c(&line, Route::CommitRotation, fault);
    let new = stage.org_key();
    for line in [&line, &format!("org rotate --dry-run {first}")] {
        let text = fails(&stage.ada(line), 8);
        let made = format!("has made {new}: change the configured fingerprint to it");
        has(&text, &[&made, ROTATE, "completes that rotation"]);
    }
    assert!(stage.has_record());
    let line = format!("org rotate --yes --org-key-fingerprint {new}");
    let text = fails(&stage.ada(&line), 0);
    has(&text, &["was committed already"]);
    assert!(!stage.has_record());
    assert_eq!(stage.epoch(), 2);
}
