//! The administration from a machine that remembers nothing of the organization.

use std::fs;
use std::process::Output;
use std::sync::{Arc, Mutex};

use crate::organization::{Organization, command, fails, ok, swapping, wrapped_for};
use crate::world::World;

/// Verbs that seal or wrap something.
const VERBS: [&[&str]; 4] = [
    &["org", "rotate", "--yes"],
    &["org", "invite", "eve", "--scopes", "reader"],
    &["org", "confirm", "eve", "--yes"],
    &["org", "recovery-kit", "--output-dir", "kit"],
];

/// Writes a profile without these settings, beside the one of a folder.
fn without(organization: &Organization, folder: &str, settings: &[&str]) -> String {
    let profile = fs::read_to_string(organization.path(&format!("{folder}/config.toml"))).unwrap();
    let is_other = |line: &&str| !settings.iter().any(|it| line.starts_with(it));
    let lines = profile.lines().filter(is_other);
    let text: String = lines.flat_map(|it| [it, "\n"]).collect();
    let file = format!("{folder}/bare.toml");
    organization.world.write(&file, &text, 0o600);
    file
}

/// Runs a command on a machine of its own.
fn elsewhere(organization: &Organization, machine: &str, config: &str, line: &[&str]) -> Output {
    let arguments = [&["--config", config], line].concat();
    let mut command = command(&organization.world, None, &arguments, "");
    command.env("HELVETISAFE_STATE_DIR", organization.path(machine));
    command.output().unwrap()
}

/// Asserts that the account is what lacks the right, not the trust memory.
fn lacks(output: &Output, why: &str) {
    let text = fails(output, 4);
    assert!(
        text.contains("does not have the scope organization:write") && text.contains(why),
        "{text}"
    );
    assert!(!text.contains("trust"), "{text}");
}

#[test]
fn an_account_without_the_right_is_told_so_before_anything_else() {
    let world = World::new();
    for line in VERBS {
        let mut command = world.command();
        command.env_remove("HELVETISAFE_TRUST_FIRST_USE").args(line);
        lacks(&command.output().unwrap(), "made without administrators");
    }

    let organization = Organization::new();
    organization.member("bob", "member");
    let bare = without(&organization, "bob", &["verification_key"]);
    for (number, line) in VERBS.iter().enumerate() {
        let machine = format!("machine{number}");
        let output = elsewhere(&organization, &machine, &bare, line);
        lacks(&output, "ask an administrator");
    }
}

/// An API token cannot replace the org key, and neither can its account.
#[test]
fn the_token_of_a_member_is_not_referred_to_its_client_secret() {
    let organization = Organization::new();
    organization.member("ci", "reader tokens:write");
    let create = [
        "token", "create", "t", "--scopes", "reader", "--output", "t",
    ];
    ok(organization.with("ci", &create));
    let url = organization.world.name("URL");
    let token = ["--api-token-file", "t", "--base-url", &url];
    for line in [
        &["org", "rotate", "--yes"][..],
        &["org", "rotate", "--abandon", "--yes"],
        &["org", "invite", "eve", "--scopes", "reader"],
    ] {
        let output = organization.with("ci", &[&token[..], line].concat());
        lacks(&output, "the account `ci`");
        let text = fails(&output, 4);
        assert!(
            text.contains("ask an administrator (ada)") && !text.contains("client id and secret"),
            "{text}"
        );
    }
    let again = [&token[..], &["token", "create", "u", "--scopes", "reader"]].concat();
    let text = fails(&organization.with("ci", &again), 4);
    assert!(text.contains("use the client id and secret"), "{text}");
}

/// The signed chain decides about the org key, from the part for which the signing key vouches.
#[test]
fn a_signing_key_is_enough_for_a_first_write() {
    let swapped = Arc::new(Mutex::new(None));
    let proxy = swapping(&swapped);
    let organization = Organization::at(World::new(), proxy.base_url());
    let bare = without(&organization, "ada", &["verification_key"]);
    let neither = ["verification_key", "signing_key_path"];
    for (number, line) in VERBS.iter().enumerate().filter(|(number, _)| *number != 2) {
        let at =
            |machine: &str| elsewhere(&organization, &format!("{machine}{number}"), &bare, line);
        *swapped.lock().unwrap() = Some(wrapped_for(&organization, "ada"));
        let text = fails(&at("hostile"), 8);
        assert!(
            text.contains("the signed chain") && !text.contains("--trust-first-use"),
            "{line:?}: {text}"
        );
        assert!(!organization.path("kit").exists());
        *swapped.lock().unwrap() = None;
        ok(at("honest"));
    }
    let bare = without(&organization, "ada", &neither);
    let text = fails(&elsewhere(&organization, "other", &bare, VERBS[1]), 2);
    assert!(
        text.contains("the signing key of this administrator is missing")
            && !text.contains("--trust-first-use"),
        "{text}"
    );
}
