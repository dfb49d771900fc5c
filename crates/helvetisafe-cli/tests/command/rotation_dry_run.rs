//! `org rotate --dry-run` with more secrets than a page has.

use std::fmt::Write;

use crate::organization::{Organization, fails, json, ok};

/// Their values are more than the vault lists in one answer.
const SECRETS: usize = 300;
const VALUE: usize = 15_000;

#[test]
fn the_figures_of_a_dry_run_are_those_of_the_rotation() {
    let organization = Organization::new();
    let file = (0..SECRETS).fold(String::new(), |mut text, n| {
        writeln!(text, "KEY_{n}={}", "x".repeat(VALUE)).unwrap();
        text
    });
    organization.world.write("many.env", &file, 0o600);
    ok(organization.with("ada", &["import", "many.env"]));
    organization.member("bob", "member");
    organization.member("eve", "reader");
    ok(organization.with("ada", &["org", "disable", "eve", "--yes"]));
    for name in ["dave", "frank", "grace"] {
        organization.invite(name, "reader");
    }
    ok(organization.with("ada", &["org", "withdraw", "frank"]));

    let dry = ["org", "rotate", "--dry-run"];
    let text = ok(organization.with("ada", &dry));
    assert_eq!(
        text,
        "would replace the org key: seal every secret (300) again under the number 2, wrap the new key for the members (2), \
         and seal the open invitations again (2)\n"
    );
    let figures = json(&ok(
        organization.with("ada", &[&dry[..], &["--json"]].concat())
    ));
    let members = ["secrets", "members", "invitations"];
    assert_eq!(
        members.map(|it| figures[it].as_u64()),
        [Some(300), Some(2), Some(2)]
    );

    let rotate = ["org", "rotate", "--yes", "--timeout", "5m"];
    let rotated = organization.with("ada", &rotate);
    let messages = fails(&rotated, 0);
    assert!(
        messages.contains("with the number 2; secrets encrypted again in this run: 300\n"),
        "{messages}"
    );
    let value = ok(organization.with("bob", &["get", "KEY_299"]));
    assert_eq!(value.trim().len(), VALUE);
}

#[test]
fn an_account_that_may_not_list_secrets_gets_no_number_of_them() {
    let organization = Organization::new();
    ok(organization.with("ada", &["set", "KEY", "--generate"]));
    organization.member(
        "grace",
        "secrets:read credentials:read organization:read organization:write",
    );
    let dry = ["org", "rotate", "--dry-run"];
    let text = ok(organization.with("grace", &dry));
    assert!(
        text.contains("seal every secret again under the number 2"),
        "{text}"
    );
    let figures = json(&ok(
        organization.with("grace", &[&dry[..], &["--json"]].concat())
    ));
    assert!(
        figures["secrets"].is_null() && figures["members"] == 2,
        "{figures}"
    );
}
