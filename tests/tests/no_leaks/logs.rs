//! Every line of every log, of the client's libraries and of the vault.
//!
//! In a build of this package alone the level `trace` of the crate `log` is there, and `ureq` logs
//! tokens under one target. Built with the command, whose feature `quiet-log` counts for all, it is not.

use std::collections::BTreeSet;

use helvetisafe::{Credentials, KeySource};
use helvetisafe_test_support::Search;
use helvetisafe_tests::{COMBINATIONS, World};
use log::LevelFilter;
use secrecy::ExposeSecret;

use crate::canaries::{ACCESS_TOKEN, API_TOKEN, CLIENT_SECRET, PASSWORD, PEM, assert_none, found};
use crate::errors::calls;
use crate::fake::Fake;
use crate::{heard, hostile};

/// The canaries that stand in the dump of `ureq`.
const TOKENS: [&str; 2] = ["the API token", "the access token"];

/// `ureq-proto` dumps what it sends and receives, in rows of 16 bytes: 40 characters of hex, a space,
/// and the characters themselves.
const ROW_AT: usize = 41;

#[test]
fn no_line_of_a_log_shows_a_secret() {
    heard::listen();
    let world = World::new();
    for combination in COMBINATIONS {
        let builder = world.member.builder(world.vault.base_url(), combination);
        drop(calls(&builder.connect().unwrap()));
    }
    let account = || Credentials::service_account("id", CLIENT_SECRET);
    let fake = Fake::start(|_, _| None);
    for credentials in [account(), Credentials::api_token(API_TOKEN)] {
        for source in [KeySource::pem(PEM), KeySource::password(PASSWORD)] {
            let client = fake.builder(credentials.clone(), source).connect().unwrap();
            drop(calls(&client));
        }
    }
    let lines = heard::all_lines();
    let who: BTreeSet<_> = lines.iter().map(|(who, _)| who.as_str()).collect();
    assert!(who.contains("ureq::run"), "{who:?}");
    assert_dump(&lines);
    let lines = heard::lines();
    assert_no_canary(&lines);
    let secrets = [&world.member.account.client_secret, &world.member.api_token];
    for secret in secrets {
        let secret = secret.expose_secret().as_bytes();
        let search = Search::default().with("a credential", secret);
        for (who, line) in &lines {
            assert!(search.find(line.as_bytes()).is_empty(), "{who}: {line}");
        }
    }

    for answer in hostile::answers(ACCESS_TOKEN) {
        let lie = move |_: &str, path: &str| {
            let is_secret = path.starts_with("/api/v1/secrets");
            is_secret.then(|| answer.clone())
        };
        let builder = Fake::start(lie).builder(account(), KeySource::pem(PEM));
        drop(builder.connect().unwrap().secrets().get("db"));
    }
    assert_no_canary(&heard::lines());
}

/// The dump shows what SECURITY.md says: tokens, and no client secret, value, password or key.
/// `quiet-log` compiles it out.
fn assert_dump(lines: &[(String, String)]) {
    let found = found(&dumped(lines));
    let is_shown = |name: &&str| found.iter().any(|found| found.starts_with(name));
    let shown: Vec<_> = TOKENS.into_iter().filter(is_shown).collect();
    match log::STATIC_MAX_LEVEL {
        LevelFilter::Trace => assert_eq!(shown, TOKENS),
        level => assert_eq!(
            (level, lines.iter().any(|(who, _)| heard::is_dump(who))),
            (LevelFilter::Debug, false)
        ),
    }
    let is_token = |found: &String| TOKENS.iter().any(|name| found.starts_with(name));
    assert!(found.iter().all(is_token), "{found:?}");
}

/// At the level `debug`, `ureq` repeats some of the vault's own headers, `Date` among them: what a
/// hostile vault writes there is not the client's text.
fn is_echo(who: &str, line: &str) -> bool {
    who == "ureq::run" && line.starts_with("Response {")
}

fn assert_no_canary(lines: &[(String, String)]) {
    let said = lines.iter().filter(|(who, line)| !is_echo(who, line));
    for (who, line) in said {
        assert_none(who, line);
    }
}

/// The characters of all rows, put together again.
fn dumped(lines: &[(String, String)]) -> String {
    let rows = lines.iter().filter(|(who, _)| heard::is_dump(who));
    rows.filter_map(|(_, line)| line.get(ROW_AT..)).collect()
}
