//! `org disable` of the account that runs it, and of the last administrator who is not a recovery kit.

use crate::organization::{Organization, fails, json, ok, on_terminal};

#[test]
fn the_own_account_is_named_as_such() {
    let organization = Organization::new();
    organization.member("bob", "administrator");
    let disable = ["org", "disable", "bob"];
    let dry = ok(organization.with("bob", &[&disable[..], &["--dry-run"]].concat()));
    assert!(
        dry.contains("would disable your own account `bob` ("),
        "{dry}"
    );
    for (folder, own) in [("bob", true), ("ada", false)] {
        let dry = [&disable[..], &["--dry-run", "--json"]].concat();
        let dry = json(&ok(organization.with(folder, &dry)));
        assert_eq!(dry["own"], own);
    }
    let line = [&["--config", "bob/config.toml"], &disable[..]].concat();
    let mut session = on_terminal(&organization.world, &line);
    session
        .exp_string("disable your own account `bob` (")
        .unwrap();
    session.send_line("n").unwrap();
    session.exp_string("nothing was disabled").unwrap();
    session.exp_eof().unwrap();

    let disabled = organization.with("bob", &[&disable[..], &["--yes"]].concat());
    let text = fails(&disabled, 0);
    assert!(
        text.contains("disabled your own account `bob` (")
            && text.contains("another administrator (ada) replaces the org key")
            && !text.contains("--config")
            && !text.contains("warning"),
        "{text}"
    );
}

#[test]
fn a_warning_names_the_recovery_kits_that_are_left_alone() {
    let organization = Organization::new();
    ok(organization.with("ada", &["org", "recovery-kit", "--output-dir", "kit"]));
    organization.member("bob", "member");
    let warning = "warning: no administrator but the recovery kit `recovery-kit` will be left; first invite another one";
    let disable = |name, option| {
        let disabled = organization.with("ada", &["org", "disable", name, option]);
        fails(&disabled, 0)
    };
    for (name, is_last) in [("ada", true), ("bob", false), ("recovery-kit", false)] {
        let text = disable(name, "--dry-run");
        assert_eq!(text.contains(warning), is_last, "{name}: {text}");
    }
    let text = disable("ada", "--yes");
    assert!(
        text.contains(warning)
            && text.contains("another administrator (who has the recovery kit recovery-kit)"),
        "{text}"
    );
}
