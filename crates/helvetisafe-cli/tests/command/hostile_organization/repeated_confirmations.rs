//! `org confirm` of an account that is a member already.

use super::interrupted_rotations::{LONG, has};
use super::*;

#[test]
fn a_repeated_confirmation_changes_nothing() {
    let stage = Stage::new();
    stage.joined("bob");
    let confirmed = json(&ok(stage.ada("org confirm bob --yes --json")));
    let words = confirmed["words"].as_str().unwrap();
    let (remembered, before) = (stage.remembered(), stage.faults.count(Route::Confirm));
    let with_words = format!("org confirm bob --json --fingerprint {words}");
    for line in [
        "org confirm bob --yes --json",
        "org confirm bob --json",
        &with_words,
    ] {
        let output = stage.ada(line);
        has(&fails(&output, 0), &["`bob` is a member already"]);
        let mut repeated = json(&ok(output));
        assert_eq!(repeated["action"], "unchanged");
        repeated["action"] = "confirmed".into();
        assert_eq!(repeated, confirmed, "{line}");
    }
    let dry = json(&ok(stage.ada("org confirm bob --dry-run --json")));
    assert_eq!(
        (&dry["action"], &dry["dry_run"]),
        (&"unchanged".into(), &true.into())
    );
    let text = ok(stage.ada("org confirm bob --yes"));
    has(&text, &["name ", "bob", "account ", "words ", words]);
    // It has founded the organization, and had no invitation.
    has(
        &fails(&stage.ada("org confirm ada --yes"), 0),
        &["`ada` is a member already", "has no open request"],
    );
    assert_eq!(stage.remembered(), remembered);
    assert_eq!(stage.faults.count(Route::Confirm), before);
}

#[test]
fn a_member_with_other_words_is_not_the_one_to_confirm() {
    let stage = Stage::new();
    stage.organization.member("bob", "member");
    let other = "abacus abdomen abdominal abide abiding ability ablaze able";
    let line = format!("org confirm bob --fingerprint {other}");
    let text = fails(&stage.ada(&line), 8);
    has(
        &text,
        &[
            "`bob` is a member already, with the words",
            other,
            "nothing was changed",
            "`helvetisafe org disable bob --config ada/config.toml`",
        ],
    );
    // One that was disabled, or never was there, is no member.
    ok(stage.ada("org disable bob --yes"));
    for name in ["bob", "eve"] {
        let text = fails(&stage.ada(&format!("org confirm {name} --yes")), 5);
        has(&text, &["no open invitation has the name"]);
    }
}

/// The vault gives the member another name or key.
#[test]
fn a_member_whom_the_vault_changes_is_not_reported_as_confirmed() {
    let stage = Stage::new();
    stage.organization.member("bob", "member");
    for lie in [Lie::SwapNames, Lie::SwapPublicKey] {
        stage.lies(Route::Members, lie);
        let check = "the vault does not list the account with the same name and keys";
        stage.stops(8, check, || stage.ada("org confirm bob --yes"));
    }
}

/// The answer is lost, and the command is killed.
#[test]
fn a_confirmation_that_was_killed_is_repeated() {
    let stage = Stage::new();
    stage.joined("bob");
    let fault = Fault::stall_after_acting(LONG);
    stage.ctrl_c("org confirm bob --yes", Route::Confirm, fault);
    assert_eq!(stage.state("bob"), "active");
    let repeated = json(&ok(stage.ada("org confirm bob --yes --json")));
    assert_eq!(repeated["action"], "unchanged");
    ok(stage.with("bob", "set KEY --generate"));
}
