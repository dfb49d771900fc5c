//! A create happens once, or its error says that the outcome is unknown.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use helvetisafe::{Client, Error, ErrorKind, Expiry, Scope, Scopes, Timeouts};
use helvetisafe_server::{NewAccount, Vault};
use helvetisafe_test_support::{Action, PEM, SECRETS, World, answer, earlier};

const DB: &str = "/api/v1/secrets/db";

/// A world that loses the first answer to a create by `action`.
fn losing(action: fn() -> Action) -> World {
    World::new(move |seen, before| {
        (seen.is("POST", SECRETS) && earlier(before, "POST", SECRETS) == 0).then(action)
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
    let actions: [fn() -> Action; 3] = [
        || Action::ForwardAndClose,
        || Action::ForwardAndTruncate(30),
        || Action::ForwardAndTruncate(150),
    ];
    for action in actions {
        let world = losing(action);
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
    let world = losing(|| Action::Close);
    let client = world.client();
    client.secrets().create("db", "v", None).unwrap();
    assert_eq!(value(&client), "v");
}

/// Connects another client, which is not behind the proxy.
fn another(world: &World) -> Client {
    let secret = secrecy::ExposeSecret::expose_secret(&world.account.client_secret);
    let other = Client::builder(
        world.vault.base_url(),
        helvetisafe::Credentials::service_account(world.account.client_id.as_str(), secret),
        helvetisafe::KeySource::pem(PEM),
    );
    other.connect().unwrap()
}

/// The value of another client does not show whether it created the secret or changed it.
fn assert_taken(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(error.status(), None, "no 409 came: {error}");
    let text = error.to_string();
    assert!(
        text.contains(
            "another client created it, or has changed it after this call had created it"
        ) && text.ends_with("read it before writing again"),
        "{text}"
    );
}

#[test]
fn another_clients_secret_is_a_conflict() {
    let world = losing(|| Action::Close);
    let client = world.client();
    // Another client is faster.
    let other = another(&world);
    other.secrets().create("db", "theirs", None).unwrap();
    assert_taken(&client.secrets().create("db", "ours", None).unwrap_err());
    assert_eq!(value(&client), "theirs");
}

#[test]
fn a_secret_that_another_client_changed_before_the_read_back_may_be_the_own_one() {
    let other: Arc<OnceLock<Client>> = Arc::default();
    let changing = Arc::clone(&other);
    let world = World::new(move |seen, before| {
        if seen.is("GET", DB) && earlier(before, "GET", DB) == 0 {
            let secrets = changing.get().unwrap().secrets();
            secrets.update("db", "theirs", Expiry::Keep).unwrap();
        }
        seen.is("POST", SECRETS).then_some(Action::ForwardAndClose)
    });
    assert!(other.set(another(&world)).is_ok());
    let client = world.client();
    assert_taken(&client.secrets().create("db", "ours", None).unwrap_err());
    assert_eq!(value(&client), "theirs");
}

#[test]
fn a_create_without_read_access_is_ambiguous() {
    let scopes = [Scope::SecretsWrite, Scope::CredentialsRead];
    let account = NewAccount::default().scopes(Scopes::from(scopes));
    let world = World::with(Vault::ephemeral().unwrap(), account, |seen, before| {
        (seen.is("POST", SECRETS) && earlier(before, "POST", SECRETS) == 0)
            .then_some(Action::ForwardAndClose)
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
    // The first attempt is lost, and reaches the vault only after the read-back.
    let world = World::new(|seen, before| {
        let reads = earlier(before, "GET", DB);
        if seen.is("POST", SECRETS) && earlier(before, "POST", SECRETS) == 0 {
            return Some(Action::ForwardAndClose);
        }
        (seen.is("GET", DB) && reads == 0).then(|| answer(404, r#"{"error":"not found"}"#))
    });
    let client = world.client();
    client.secrets().create("db", "v", None).unwrap();
    assert_eq!(world.proxy.count("POST", SECRETS), 2);
    assert_eq!(value(&client), "v");
}

/// A missing secret proves nothing: a slow vault may still create it.
#[test]
fn a_create_whose_answers_were_all_lost_is_ambiguous() {
    let actions: [fn() -> Action; 3] = [
        || Action::Close,
        || Action::Stall(Duration::from_secs(60)),
        || Action::Raw(b"SSH-2.0-OpenSSH\r\n\r\n".to_vec()),
    ];
    for (action, attempts) in actions
        .into_iter()
        .flat_map(|action| [(action, 1), (action, 3)])
    {
        let world = World::new(move |seen, _| seen.is("POST", SECRETS).then(action));
        let timeouts = Timeouts {
            silence: Duration::from_millis(200),
            ..Timeouts::default()
        };
        let builder = world.builder().timeouts(timeouts).attempts(attempts);
        let client = builder.connect().unwrap();
        let error = client.secrets().create("db", "v", None).unwrap_err();
        assert_eq!(
            (error.kind(), error.is_retryable()),
            (ErrorKind::Ambiguous, false),
            "{error}"
        );
        assert_eq!(error.to_string().matches("unknown").count(), 1, "{error}");
        assert_eq!(world.proxy.count("POST", SECRETS), attempts as usize);
        assert_eq!(world.proxy.count("GET", DB), attempts as usize);
    }
}

#[test]
fn a_refused_retry_leaves_a_lost_create_ambiguous() {
    for (status, kind) in [
        (429, ErrorKind::Ambiguous),
        (403, ErrorKind::Ambiguous),
        (500, ErrorKind::Ambiguous),
        // The first attempt would have met this too.
        (400, ErrorKind::Api),
    ] {
        let world = World::new(move |seen, before| {
            let is_first = earlier(before, "POST", SECRETS) == 0;
            let action = if is_first {
                Action::Close
            } else {
                answer(status, "")
            };
            seen.is("POST", SECRETS).then_some(action)
        });
        let error = world.client().secrets().create("db", "v", None);
        assert_eq!(error.unwrap_err().kind(), kind, "{status}");
    }
}

/// An answer ends the request at the vault: a secret that is missing then will not appear.
#[test]
fn an_answered_create_that_is_absent_was_not_carried_out() {
    for status in [408, 500, 502, 503, 504] {
        let world = World::new(move |seen, _| seen.is("POST", SECRETS).then(|| answer(status, "")));
        let error = world.client().secrets().create("db", "v", None);
        let error = error.unwrap_err();
        assert_eq!(
            (error.kind(), error.is_retryable()),
            (ErrorKind::Api, true),
            "{error}"
        );
        assert_eq!(world.proxy.count("POST", SECRETS), 3);
    }
}

#[test]
fn a_conflict_that_was_answered_keeps_its_status() {
    let world = World::new(|seen, before| {
        let is_first = earlier(before, "POST", SECRETS) == 0;
        let is_looked_for = seen.is("GET", DB) && earlier(before, "GET", DB) == 0;
        if is_looked_for {
            // The other client writes between the two.
            return Some(answer(404, r#"{"error":"not found"}"#));
        }
        (seen.is("POST", SECRETS) && is_first).then_some(Action::Close)
    });
    let secret = secrecy::ExposeSecret::expose_secret(&world.account.client_secret);
    let other = Client::builder(
        world.vault.base_url(),
        helvetisafe::Credentials::service_account(world.account.client_id.as_str(), secret),
        helvetisafe::KeySource::pem(PEM),
    );
    let other = other.connect().unwrap();
    other.secrets().create("db", "theirs", None).unwrap();
    let error = world.client().secrets().create("db", "ours", None);
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(error.status().map(|status| status.as_u16()), Some(409));
}

#[test]
fn a_503_with_retry_after_is_retried_without_a_read_back() {
    let world = losing(|| Action::Answer(503, "Retry-After: 1\r\n", Vec::new()));
    world.client().secrets().create("db", "v", None).unwrap();
    assert_eq!(world.proxy.count("GET", DB), 0);
    assert_eq!(world.clock.sleeps_in_ms(), [1000]);
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
