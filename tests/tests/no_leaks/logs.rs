//! Every line of every log, of the client's libraries and of the vault.

use std::collections::BTreeSet;

use helvetisafe::{Credentials, KeySource};
use helvetisafe_tests::search::Search;
use helvetisafe_tests::{COMBINATIONS, World};
use secrecy::ExposeSecret;

use crate::canaries::{ACCESS_TOKEN, API_TOKEN, CLIENT_SECRET, PASSWORD, PEM, assert_none};
use crate::errors::calls;
use crate::fake::Fake;
use crate::{heard, hostile};

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
    let lines = heard::lines();
    let who: BTreeSet<_> = lines.iter().map(|(who, _)| who.as_str()).collect();
    assert!(who.contains("ureq::run"), "{who:?}");
    let quiet = (log::STATIC_MAX_LEVEL, log::LevelFilter::Debug);
    assert_eq!(quiet.0, quiet.1, "the client's feature `quiet-log` is on");
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

/// At the level `debug`, `ureq` repeats some of the vault's own headers, `Date` among them: what a
/// hostile vault writes there is its word, and nothing that the client says.
fn is_echo(who: &str, line: &str) -> bool {
    who == "ureq::run" && line.starts_with("Response {")
}

fn assert_no_canary(lines: &[(String, String)]) {
    let said = lines.iter().filter(|(who, line)| !is_echo(who, line));
    for (who, line) in said {
        assert_none(who, line);
    }
    assert_none("a dump", &dumped(lines));
}

/// The characters of all rows, put together again.
fn dumped(lines: &[(String, String)]) -> String {
    let rows = lines.iter().filter(|(who, _)| who == "ureq_proto::util");
    rows.filter_map(|(_, line)| line.get(ROW_AT..)).collect()
}
