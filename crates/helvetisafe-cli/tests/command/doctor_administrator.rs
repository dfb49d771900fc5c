//! The check of `doctor` for an administrator, such as that of a recovery kit.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::organization::{Organization, json, ok};

/// Returns the status of `doctor`, and its line about the administrator, if there is one.
fn doctor(organization: &Organization, folder: &str) -> (i32, Option<Value>) {
    let output = organization.with(folder, &["doctor", "--json"]);
    let lines = json(&String::from_utf8_lossy(&output.stdout));
    let lines = lines.as_array().unwrap().clone();
    let line = lines.into_iter().find(|it| it["check"] == "administrator");
    (output.status.code().unwrap(), line)
}

/// Asserts the status, the outcome and a part of the message.
fn assert_found(organization: &Organization, folder: &str, found: (i32, &str, &str)) {
    let (expected, outcome, says) = found;
    let (status, line) = doctor(organization, folder);
    let line = line.unwrap();
    let message = line["message"].as_str().unwrap();
    assert_eq!(
        (status, line["outcome"].as_str().unwrap()),
        (expected, outcome),
        "{message}"
    );
    assert!(message.contains(says), "{message}");
}

const OK: (i32, &str, &str) = (
    0,
    "ok",
    "the signing key is that of this administrator in the signed chain; scopes: organization:read organization:write \
     tokens:write audit:read",
);

#[test]
fn a_recovery_kit_whose_signing_key_cannot_be_used_fails() {
    let organization = Organization::new();
    ok(organization.with("ada", &["org", "recovery-kit", "--output-dir", "kit"]));
    for folder in ["ada", "kit"] {
        assert_found(&organization, folder, OK);
    }
    let key = organization.path("kit/signing-key.pem");
    let text = fs::read_to_string(&key).unwrap();
    let mode = |mode| fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();

    fs::remove_file(&key).unwrap();
    let missing = (2, "failed", "cannot read the signing key");
    assert_found(&organization, "kit", missing);
    let (_, line) = doctor(&organization, "kit");
    let advice = "use another copy of the account's folder";
    assert!(line.unwrap()["message"].as_str().unwrap().contains(advice));

    fs::write(&key, &text).unwrap();
    mode(0o640);
    let open = (2, "failed", "other users can read or write the signing key");
    assert_found(&organization, "kit", open);

    mode(0o600);
    fs::write(&key, &text[..40]).unwrap();
    assert_found(&organization, "kit", (2, "failed", "cannot be used"));

    fs::copy(organization.path("ada/signing-key.pem"), &key).unwrap();
    let other = "the signing key is not that of this account in the chain: use signing-key.pem of the account's own folder";
    assert_found(&organization, "kit", (4, "failed", other));

    fs::write(&key, &text).unwrap();
    assert_found(&organization, "kit", OK);
}

#[test]
fn a_profile_without_the_signing_key_of_its_administrator_is_a_warning() {
    let organization = Organization::new();
    let config = organization.path("ada/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    let lines = text.lines().filter(|it| !it.starts_with("signing_key"));
    let lines: Vec<_> = lines.collect();
    fs::write(&config, lines.join("\n")).unwrap();
    let without = (
        0,
        "warning",
        "is an administrator in the signed chain, and the profile has no signing key",
    );
    assert_found(&organization, "ada", without);
}

#[test]
fn verbs_without_their_scopes_are_a_warning() {
    let organization = Organization::new();
    organization.member(
        "grace",
        "organization:read organization:write credentials:read",
    );
    let lacking = (
        0,
        "warning",
        "scopes: organization:read organization:write; `org rotate` needs",
    );
    let (_, line) = doctor(&organization, "grace");
    let message = line.unwrap()["message"].as_str().unwrap().to_owned();
    for says in [
        "scopes: organization:read organization:write;",
        "`org rotate` needs secrets:read",
        "`token` needs tokens:write",
        "`audit` needs audit:read",
        "invite a new account with more scopes, with `helvetisafe org invite NAME --scopes administrator",
    ] {
        assert!(message.contains(says), "{message}");
    }
    assert!(!message.contains("org members"), "{message}");
    assert_found(&organization, "grace", lacking);
}

#[test]
fn another_member_has_no_such_check() {
    let organization = Organization::new();
    organization.member("ci", "reader audit:read");
    assert_eq!(doctor(&organization, "ci"), (0, None));
    // A signing key in its profile makes it no administrator.
    let config = organization.path("ci/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(
        &config,
        text + "signing_key_path = \"../ada/signing-key.pem\"\n",
    )
    .unwrap();
    assert_found(
        &organization,
        "ci",
        (
            4,
            "failed",
            "this account is not an administrator in the signed chain",
        ),
    );
}

/// A token has scopes of its own, and cannot do all that its account can.
#[test]
fn the_scopes_of_a_token_are_named_as_such() {
    let organization = Organization::new();
    let url = organization.world.name("URL");
    let line = |scopes: &str| {
        let create = [
            "token", "create", scopes, "--scopes", scopes, "--output", scopes,
        ];
        ok(organization.with("ada", &create));
        let doctor = [
            "--api-token-file",
            scopes,
            "--base-url",
            &url,
            "doctor",
            "--json",
        ];
        let lines = json(&ok(organization.with("ada", &doctor)));
        let lines = lines.as_array().unwrap().clone();
        let line = lines.into_iter().find(|it| it["check"] == "administrator");
        let line = line.unwrap();
        let text = line["message"].as_str().unwrap().to_owned();
        (line["outcome"].as_str().unwrap().to_owned(), text)
    };
    let (outcome, text) = line("administrator");
    assert_eq!(outcome, "ok", "{text}");
    assert!(
        text.contains("scopes of the API token: organization:read")
            && text.contains("`org rotate` and `token create` need the client id and secret"),
        "{text}"
    );
    let (outcome, text) = line("reader");
    assert_eq!(outcome, "warning", "{text}");
    assert!(
        text.contains("scopes of the API token: none for administration;")
            && text.contains("or make another token with more scopes")
            && !text.contains("ask an administrator"),
        "{text}"
    );
}
