//! Every error of every failing path with its causes, and every event of it.

use std::error::Error as StdError;
use std::fmt::Write;
use std::sync::{Arc, Mutex};

use helvetisafe::{Client, Credentials, Error, ErrorKind, Event, Expiry, KeySource};
use helvetisafe_crypto::OrgKey;

use crate::canaries::{
    ACCESS_TOKEN, API_TOKEN, CLIENT_SECRET, FIELD, PASSWORD, PEM, VALUE, assert_none,
};
use crate::fake::Fake;
use crate::hostile;

/// The `Display` and `Debug` of an error and its causes. The vault's own text is left out on purpose.
pub(crate) fn words(error: &(dyn StdError + 'static)) -> String {
    let mut words = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let _ = writeln!(words, "{error}\n{error:?}\n{error:#?}\n{error:#}");
        next = error.source();
    }
    words
}

/// All calls of a connected client.
pub(crate) fn calls(client: &Client) -> Vec<Result<(), Error>> {
    let secrets = client.secrets();
    vec![
        secrets.get("db").map(drop),
        secrets.exists("db").map(drop),
        secrets.list().map(drop),
        secrets.create("db", VALUE, None).map(drop),
        secrets.update("db", VALUE, Expiry::Keep).map(drop),
        secrets.put("db", VALUE, None).map(drop),
        secrets
            .create_fields("fields", &[("one", FIELD)], None)
            .map(drop),
        secrets
            .update_fields("fields", &[("one", FIELD)], Expiry::Keep)
            .map(drop),
        secrets
            .set_field("fields", "two", FIELD, Expiry::Keep)
            .map(drop),
        secrets.copy("db", "new").map(drop),
        secrets.copy_over("db", "new").map(drop),
        secrets.delete("db"),
    ]
}

/// Connects and makes all calls. Returns the errors and the text of all events.
fn everything(
    fake: &Fake,
    credentials: Credentials,
    key_source: KeySource,
) -> (Vec<Error>, String) {
    let events = Arc::new(Mutex::new(String::new()));
    let log = Arc::clone(&events);
    let observe = move |event: &Event<'_>| {
        let _ = write!(log.lock().unwrap(), "{event:?}\n{event:#?}\n");
    };
    let builder = fake.builder(credentials, key_source).on_event(observe);
    let outcomes = match builder.connect() {
        Ok(client) => calls(&client),
        Err(error) => vec![Err(error)],
    };
    let errors = outcomes.into_iter().filter_map(Result::err).collect();
    let events = events.lock().unwrap().clone();
    (errors, events)
}

fn credentials() -> [Credentials; 2] {
    let account = Credentials::service_account("id", CLIENT_SECRET);
    [account, Credentials::api_token(API_TOKEN)]
}

/// The calls from which on the vault is hostile.
pub(crate) const BEGINNINGS: [&str; 4] = [
    "/oauth/token",
    "/api/v1/credentials/private-key",
    "/api/v1/credentials/org-key",
    "/api/v1/secrets",
];

#[test]
fn no_error_and_no_event_shows_a_secret() {
    let [account, api_token] = credentials();
    let (errors, events) = all_hostile(&account, ACCESS_TOKEN);
    assert!(errors > 600 && events > 0, "{errors} errors");
    let (errors, events) = all_hostile(&api_token, API_TOKEN);
    assert!(errors > 500 && events > 0, "{errors} errors");
}

/// Every hostile answer from every call on. Returns the number of errors and the length of the events'
/// text.
fn all_hostile(credentials: &Credentials, token: &str) -> (usize, usize) {
    let (mut errors, mut events) = (0, 0);
    for answer in hostile::answers(token) {
        for beginning in BEGINNINGS {
            let lie = answer.clone();
            let fake = Fake::start(move |_, path| path.starts_with(beginning).then(|| lie.clone()));
            let source = match beginning {
                "/api/v1/credentials/private-key" => KeySource::password(PASSWORD),
                _ => KeySource::pem(PEM),
            };
            let (failed, seen) = everything(&fake, credentials.clone(), source);
            assert_none("an event", &seen);
            events += seen.len();
            for error in failed {
                assert_none("an error", &words(&error));
                errors += 1;
            }
        }
    }
    (errors, events)
}

#[test]
fn no_configuration_error_shows_a_secret() {
    let account = || Credentials::service_account("id", CLIENT_SECRET);
    let local = |source| Client::builder("https://vault.example", account(), source);
    let broken = |text: &str| format!("{text}\n");
    let url = format!("https://user:{API_TOKEN}@vault.example");
    let long_path = PEM.repeat(10);
    let builders = [
        Client::builder(url, account(), KeySource::pem(PEM)),
        Client::builder(API_TOKEN, account(), KeySource::pem(PEM)),
        local(KeySource::pem_file(PEM)),
        local(KeySource::pem_file(long_path)),
        local(KeySource::pem(VALUE)),
        local(KeySource::pem(PEM.replace("PRIVATE", "SECRET"))),
        local(KeySource::pem(&PEM[..PEM.len() - 100])),
        local(KeySource::pem(PEM).with_passphrase(PASSWORD)),
        local(KeySource::pem(PEM)).ca_certificate(PEM),
        local(KeySource::pem(PEM)).ca_certificate(VALUE),
        Client::builder(
            "https://vault.example",
            Credentials::service_account("id", broken(CLIENT_SECRET)),
            KeySource::pem(PEM),
        ),
        Client::builder(
            "https://vault.example",
            Credentials::service_account(broken(CLIENT_SECRET), "x"),
            KeySource::pem(PEM),
        ),
        Client::builder(
            "https://vault.example",
            Credentials::api_token(broken(API_TOKEN)),
            KeySource::pem(PEM),
        ),
    ];
    for (number, builder) in builders.into_iter().enumerate() {
        let error = builder.connect().unwrap_err();
        assert_none(&format!("the error of builder {number}"), &words(&error));
    }
}

#[test]
fn no_error_of_a_call_shows_its_arguments() {
    let fake = Fake::start(|_, _| None);
    let [account, _] = credentials();
    let client = fake
        .builder(account.clone(), KeySource::pem(PEM))
        .connect()
        .unwrap();
    let secrets = client.secrets();
    let large = VALUE.repeat(1 << 16);
    let errors = [
        // The value and the name are swapped.
        secrets.create(VALUE, "db", None).map(drop),
        secrets.update(VALUE, "db", Expiry::Keep).map(drop),
        secrets.put(VALUE, "db", None).map(drop),
        secrets.create("db", &large, None).map(drop),
        secrets
            .set_field("db", "one", FIELD, Expiry::Keep)
            .map(drop),
        secrets.set_field("db", "", FIELD, Expiry::Keep).map(drop),
        secrets.copy("fields", "one").map(drop),
        fake.builder(account.clone(), KeySource::password(format!("{PASSWORD}x")))
            .connect()
            .map(drop),
        fake.builder(account, KeySource::pem(PEM))
            .pin_org_key(OrgKey::from_bytes(&[1; 32]).fingerprint())
            .connect()
            .map(drop),
    ];
    for (number, outcome) in errors.into_iter().enumerate() {
        let Err(error) = outcome else {
            unreachable!("call {number} succeeds")
        };
        assert_ne!(error.kind(), ErrorKind::Transport, "{error}");
        assert_none(&format!("the error of call {number}"), &words(&error));
    }
}
