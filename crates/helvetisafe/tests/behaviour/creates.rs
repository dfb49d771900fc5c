//! A create happens once, or says that it cannot tell.

use helvetisafe::{Client, ErrorKind, Scope, Scopes};
use helvetisafe_server::{NewAccount, Vault};

use crate::proxy::{Deed, answer};
use crate::world::{SECRETS, World, earlier};

const DB: &str = "/api/v1/secrets/db";

/// How a create's answer can be lost, on its first attempt.
fn losing(deed: fn() -> Deed) -> World {
    World::new(move |seen, before| {
        (seen.is("POST", SECRETS) && earlier(before, "POST", SECRETS) == 0).then(deed)
    })
}

fn value(client: &Client) -> String {
    client
        .secrets()
        .get("db")
        .unwrap()
        .expose_secret()
        .to_owned()
}

#[test]
fn a_create_that_arrived_is_recognized_by_its_nonce() {
    let deeds: [fn() -> Deed; 3] = [
        || Deed::ForwardAndClose,
        || Deed::ForwardAndTruncate(30),
        || Deed::ForwardAndTruncate(150),
    ];
    for deed in deeds {
        let world = losing(deed);
        let client = world.client();
        client.secrets().create("db", "v", None).unwrap();
        assert_eq!(
            world.proxy.count("POST", SECRETS),
            1,
            "it is not sent again"
        );
        assert_eq!(world.proxy.count("GET", DB), 1, "it is read back");
        assert_eq!(value(&client), "v");
    }
}

#[test]
fn a_create_that_did_not_arrive_is_sent_again() {
    for status in [408, 500, 502, 503, 504] {
        let world = World::new(move |seen, before| {
            (seen.is("POST", SECRETS) && earlier(before, "POST", SECRETS) == 0)
                .then(|| answer(status, ""))
        });
        let client = world.client();
        client.secrets().create("db", "v", None).unwrap();
        assert_eq!(world.proxy.count("POST", SECRETS), 2);
        assert_eq!(world.proxy.count("GET", DB), 1);
        assert_eq!(value(&client), "v");
    }
    let world = losing(|| Deed::Close);
    let client = world.client();
    client.secrets().create("db", "v", None).unwrap();
    assert_eq!(value(&client), "v");
}

#[test]
fn somebody_elses_secret_is_a_conflict() {
    let world = losing(|| Deed::Close);
    let client = world.client();
    // Another client, past the proxy, is quicker.
    let secret = secrecy::ExposeSecret::expose_secret(&world.account.client_secret);
    let other = Client::builder(
        world.vault.base_url(),
        helvetisafe::Credentials::service_account(world.account.client_id.as_str(), secret),
        helvetisafe::KeySource::pem(crate::world::PEM),
    );
    other
        .connect()
        .unwrap()
        .secrets()
        .create("db", "theirs", None)
        .unwrap();
    let error = client.secrets().create("db", "ours", None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(value(&client), "theirs");
}

#[test]
fn where_reading_is_forbidden_the_outcome_is_unknown() {
    let scopes = [Scope::SecretsWrite, Scope::CredentialsRead];
    let account = NewAccount::default().scopes(Scopes::from(scopes));
    let world = World::with(Vault::ephemeral().unwrap(), account, |seen, before| {
        (seen.is("POST", SECRETS) && earlier(before, "POST", SECRETS) == 0)
            .then_some(Deed::ForwardAndClose)
    });
    let error = world
        .client()
        .secrets()
        .create("db", "v", None)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ambiguous);
    assert_eq!(world.proxy.count("POST", SECRETS), 1);
}

#[test]
fn a_conflict_with_its_own_earlier_attempt_is_a_success() {
    // The first attempt is lost but reaches the vault only after it was read back.
    let world = World::new(|seen, before| {
        let reads = earlier(before, "GET", DB);
        if seen.is("POST", SECRETS) && earlier(before, "POST", SECRETS) == 0 {
            return Some(Deed::ForwardAndClose);
        }
        (seen.is("GET", DB) && reads == 0).then(|| answer(404, ""))
    });
    let client = world.client();
    client.secrets().create("db", "v", None).unwrap();
    assert_eq!(world.proxy.count("POST", SECRETS), 2);
    assert_eq!(value(&client), "v");
}

#[test]
fn a_create_that_never_arrives_ends() {
    let world = World::new(|seen, _| seen.is("POST", SECRETS).then_some(Deed::Close));
    let error = world
        .client()
        .secrets()
        .create("db", "v", None)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert_eq!(world.proxy.count("POST", SECRETS), 3);
}

#[test]
fn a_503_that_says_when_to_come_back_is_simply_tried_again() {
    let world = losing(|| Deed::Answer(503, "Retry-After: 1\r\n", Vec::new()));
    world.client().secrets().create("db", "v", None).unwrap();
    assert_eq!(world.proxy.count("GET", DB), 0);
    assert_eq!(world.clock.sleeps(), [1000]);
}

#[test]
fn an_existing_name_is_a_conflict() {
    let world = World::new(|_, _| None);
    let client = world.client();
    client.secrets().create("db", "v", None).unwrap();
    let error = client.secrets().create("db", "w", None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(
        world.proxy.count("GET", DB),
        0,
        "nothing was lost, so nothing is read back"
    );
    assert_eq!(value(&client), "v");
}
