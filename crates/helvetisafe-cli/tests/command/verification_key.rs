//! The first contact with an organization by `init`: the verification key of an administrator decides.

use std::fs;
use std::process::Output;

use helvetisafe::organization::SigningKey;

use crate::organization::{Organization, command, fails, ok};

/// Returns the verification key of an administrator.
fn key_of(organization: &Organization, folder: &str) -> String {
    let pem = fs::read_to_string(organization.path(&format!("{folder}/signing-key.pem"))).unwrap();
    SigningKey::from_pem(&pem)
        .unwrap()
        .verification_key()
        .to_string()
}

/// Makes a profile of an account on another machine.
fn init(organization: &Organization, folder: &str, key: Option<&str>) -> Output {
    let config = fs::read_to_string(organization.path(&format!("{folder}/config.toml"))).unwrap();
    let value = |name: &str| {
        let line = config.lines().find(|line| line.starts_with(name)).unwrap();
        line.split('"').nth(1).unwrap().to_owned()
    };
    let [secret, private_key] =
        ["client-secret", "private-key.pem"].map(|file| format!("{folder}/{file}"));
    let (url, id) = (value("base_url"), value("client_id"));
    let mut arguments = vec![
        "--config",
        "new.toml",
        "init",
        "--base-url",
        &url,
        "--client-id",
        &id,
        "--client-secret-file",
        &secret,
        "--private-key-path",
        &private_key,
    ];
    arguments.extend(key.iter().flat_map(|key| ["--verification-key", key]));
    let mut command = command(&organization.world, None, &arguments, "");
    command.env("HELVETISAFE_STATE_DIR", organization.path("elsewhere"));
    command.output().unwrap()
}

#[test]
fn init_takes_the_verification_key_of_an_administrator() {
    let organization = Organization::new();
    organization.member("bob", "member");
    organization.member("grace", "administrator");
    // Grace has signed nothing.
    let output = init(&organization, "bob", Some(&key_of(&organization, "grace")));
    let messages = fails(&output, 8);
    assert!(
        messages.contains("the trusted verification key signed no entry of the chain")
            && messages.contains("nothing was written"),
        "{messages}"
    );
    let messages = fails(&init(&organization, "bob", Some("ed25519:x")), 2);
    assert!(messages.contains("--verification-key"), "{messages}");
    assert!(!organization.path("new.toml").exists());

    let key = key_of(&organization, "ada");
    let output = init(&organization, "bob", Some(&key));
    let messages = fails(&output, 0);
    assert!(
        messages.contains("; the signed chain of the organization has it"),
        "{messages}"
    );
    let checks = ok(output);
    assert!(
        checks.contains("the signed chain has it, verified up to entry 3"),
        "{checks}"
    );
    let profile = fs::read_to_string(organization.path("new.toml")).unwrap();
    assert!(
        profile.contains(&format!("verification_key = \"{key}\"")),
        "{profile}"
    );
    // The first use, a write without a terminal, needs no question.
    let write = ["--config", "new.toml", "set", "KEY", "--generate"];
    let mut write = command(&organization.world, None, &write, "");
    write.env("HELVETISAFE_STATE_DIR", organization.path("elsewhere"));
    ok(write.output().unwrap());
}

#[test]
fn without_a_verification_key_the_fingerprint_is_to_be_compared() {
    let organization = Organization::new();
    organization.member("bob", "member");
    let messages = fails(&init(&organization, "bob", None), 0);
    assert!(
        messages.contains("compare it with the one that the vault's owner sees"),
        "{messages}"
    );
}
