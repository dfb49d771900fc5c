//! The vault is not trusted.

use std::sync::Mutex;

use helvetisafe::{Client, Credentials, ErrorKind, KeySource};
use helvetisafe_crypto::{OrgKey, Payload};

use crate::proxy::{Deed, answer};
use crate::world::{ORG_KEY, SECRETS, World, earlier, wrapped};

const A: &str = "/api/v1/secrets/a";

/// An answer with a secret that holds just this plaintext.
pub(crate) fn record(org_key: &OrgKey, key: &str, plaintext: &[u8]) -> Vec<u8> {
    let envelope = org_key.seal(plaintext).unwrap();
    let (value, nonce) = (envelope.encode_value(), envelope.encode_nonce());
    format!(r#"{{"key":"{key}","value":"{value}","nonce":"{nonce}"}}"#).into_bytes()
}

/// A world with two secrets, whose vault answers for `a` with the ciphertext of `b`.
fn swapping() -> World {
    let stored = Mutex::new(Vec::new());
    World::new(move |seen, _| {
        if seen.is("POST", SECRETS) {
            let body = String::from_utf8(seen.body.clone()).unwrap();
            if body.contains(r#""key":"b""#) {
                *stored.lock().unwrap() = body.replace(r#""key":"b""#, r#""key":"a""#).into_bytes();
            }
        }
        let stored = stored.lock().unwrap();
        (seen.is("GET", A) && !stored.is_empty()).then(|| answer(200, stored.clone()))
    })
}

#[test]
fn a_swapped_secret_is_not_bound() {
    let world = swapping();
    let client = world.client();
    client.secrets().create("a", "of a", None).unwrap();
    assert!(client.secrets().get("a").unwrap().is_bound());
    client.secrets().create("b", "of b", None).unwrap();
    let swapped = client.secrets().get("a").unwrap();
    assert!(!swapped.is_bound());
    assert_eq!(
        swapped.expose_secret(),
        r#"{"b":"of b"}"#,
        "it looks like a secret of the portal"
    );

    let strict = world.builder().require_binding(true).connect().unwrap();
    let error = strict.secrets().get("a").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Crypto);
    assert!(!error.to_string().contains("of b"), "{error}");
    assert_eq!(strict.secrets().get("b").unwrap().expose_secret(), "of b");
}

#[test]
fn another_name_in_the_answer_is_refused() {
    let world = World::new(|seen, _| {
        seen.is("GET", A)
            .then(|| answer(200, r#"{"key":"b","value":"AAAA","nonce":"AAAA"}"#))
    });
    assert_eq!(
        world.client().secrets().get("a").unwrap_err().kind(),
        ErrorKind::Api
    );
}

#[test]
fn a_foreign_org_key_is_refused_when_one_is_pinned() {
    let world = World::new(|seen, before| {
        (seen.is("GET", ORG_KEY) && earlier(before, "GET", ORG_KEY) > 0)
            .then(|| answer(200, wrapped(&OrgKey::from_bytes(&[6; 32]))))
    });
    let pin = world.client().org_key_fingerprint();
    let error = world.builder().pin_org_key(pin).connect().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Crypto);
    let foreign = OrgKey::from_bytes(&[6; 32]).fingerprint();
    assert_eq!(error.refused_org_key(), Some(foreign));
    let unsuspecting = world.client();
    assert_ne!(
        unsuspecting.org_key_fingerprint(),
        pin,
        "without a pin the attack succeeds"
    );
}

#[test]
fn a_rotated_org_key_is_taken_when_a_secret_opens_under_it() {
    let new = || OrgKey::from_bytes(&[7; 32]);
    let world = World::new(move |seen, before| {
        if seen.is("GET", A) {
            return Some(answer(
                200,
                record(&new(), "a", &Payload::encode("a", "rotated")),
            ));
        }
        (seen.is("GET", ORG_KEY) && earlier(before, "GET", A) > 0)
            .then(|| answer(200, wrapped(&new())))
    });
    let client = world.client();
    assert_eq!(
        client.secrets().get("a").unwrap().expose_secret(),
        "rotated"
    );
    assert_eq!(client.org_key_fingerprint(), new().fingerprint());
    client.secrets().get("a").unwrap();
    assert_eq!(
        world.proxy.count("GET", ORG_KEY),
        2,
        "once for connecting, once for the rotation"
    );
}

#[test]
fn a_new_org_key_that_opens_nothing_is_not_kept() {
    let world = World::new(|seen, before| {
        if seen.is("GET", A) {
            let lost = OrgKey::from_bytes(&[8; 32]);
            return Some(answer(200, record(&lost, "a", &Payload::encode("a", "v"))));
        }
        (seen.is("GET", ORG_KEY) && earlier(before, "GET", A) > 0)
            .then(|| answer(200, wrapped(&OrgKey::from_bytes(&[9; 32]))))
    });
    let client = world.client();
    let before = client.org_key_fingerprint();
    assert_eq!(
        client.secrets().get("a").unwrap_err().kind(),
        ErrorKind::Crypto
    );
    assert_eq!(client.org_key_fingerprint(), before);
    assert_eq!(
        world.proxy.count("GET", ORG_KEY),
        2,
        "it is read again once"
    );
}

#[test]
fn a_pinned_org_key_is_never_replaced() {
    let new = || OrgKey::from_bytes(&[7; 32]);
    let world = World::new(move |seen, before| {
        if seen.is("GET", A) {
            return Some(answer(200, record(&new(), "a", &Payload::encode("a", "v"))));
        }
        (seen.is("GET", ORG_KEY) && earlier(before, "GET", A) > 0)
            .then(|| answer(200, wrapped(&new())))
    });
    let pin = world.client().org_key_fingerprint();
    let client = world.builder().pin_org_key(pin).connect().unwrap();
    assert_eq!(
        client.secrets().get("a").unwrap_err().kind(),
        ErrorKind::Crypto
    );
    assert_eq!(client.org_key_fingerprint(), pin);
    assert_eq!(world.proxy.count("GET", ORG_KEY), 2, "one for each client");
}

#[test]
fn changed_ciphertext_and_malformed_records_are_refused() {
    for body in [
        r#"{"key":"a","value":"AAAAAAAAAAAAAAAAAAAAAAAAAAA=","nonce":"AAAAAAAAAAAAAAAA"}"#,
        r#"{"key":"a","value":"AAAA","nonce":"AAAAAAAAAAAAAAAA"}"#,
        r#"{"key":"a","value":"AAAAAAAAAAAAAAAAAAAAAAAAAAA","nonce":"AAAAAAAAAAAAAAAA"}"#,
        r#"{"key":"a","value":"AAAAAAAAAAAAAAAAAAAAAAAAAAA=","nonce":"AAAA"}"#,
    ] {
        let world = World::new(move |seen, _| seen.is("GET", A).then(|| answer(200, body)));
        let error = world.client().secrets().get("a").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Crypto, "{body}");
    }
    for body in [
        "",
        "null",
        "{}",
        "<html>",
        r#"{"key":"a"}"#,
        r#"{"key":"a","value":1,"nonce":""}"#,
    ] {
        let world = World::new(move |seen, _| seen.is("GET", A).then(|| answer(200, body)));
        let error = world.client().secrets().get("a").unwrap_err();
        assert_eq!(
            (error.kind(), error.status()),
            (ErrorKind::Api, None),
            "{body}"
        );
    }
}

#[test]
fn a_redirect_is_never_followed() {
    let world = World::new(|seen, _| {
        let target = "Location: https://evil.example/steal\r\n";
        seen.is("GET", A)
            .then(|| Deed::Answer(302, target, Vec::new()))
    });
    let error = world.client().secrets().get("a").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Api);
    assert!(error.to_string().contains("evil.example"), "{error}");
    assert_eq!(world.proxy.count("GET", A), 1);
}

#[test]
fn names_that_could_leave_their_path_are_refused_before_anything_is_sent() {
    let world = World::new(|_, _| None);
    let client = world.client();
    let sent = world.proxy.log().len();
    for name in [
        "",
        "../credentials/private-key",
        "a/b",
        "%2e",
        "a\n",
        "a b",
        "é",
        &"a".repeat(256),
    ] {
        let secrets = client.secrets();
        for outcome in [
            secrets.get(name).map(drop),
            secrets.create(name, "v", None).map(drop),
            secrets
                .update(name, "v", helvetisafe::Expiry::Keep)
                .map(drop),
            secrets.put(name, "v", None).map(drop),
            secrets.delete(name),
            secrets.exists(name).map(drop),
        ] {
            assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Config, "{name:?}");
        }
    }
    assert_eq!(world.proxy.log().len(), sent);
}

#[test]
fn a_listed_bad_name_is_shown_escaped_and_cannot_be_used() {
    let world = World::new(|seen, _| {
        let list = r#"{"keys":[{"key":"../../x\u001b[2J"},{"key":"good"}]}"#;
        seen.is("GET", SECRETS).then(|| answer(200, list))
    });
    let client = world.client();
    let listed = client.secrets().list().unwrap();
    assert!(listed[0].key().valid().is_none());
    assert_eq!(listed[0].key().to_string(), "../../x\\u{1b}[2J");
    assert_eq!(
        client.secrets().get(listed[0].key()).unwrap_err().kind(),
        ErrorKind::Config
    );
    assert_eq!(listed[1].key().valid().unwrap().as_str(), "good");
}

#[test]
fn plain_http_is_for_this_machine_only() {
    for url in [
        "http://vault.example",
        "http://192.168.1.1:8200",
        "ftp://127.0.0.1",
    ] {
        let builder = Client::builder(url, Credentials::api_token("t"), KeySource::password("p"));
        assert_eq!(
            builder.connect().unwrap_err().kind(),
            ErrorKind::Config,
            "{url}"
        );
    }
}

#[test]
fn a_vault_that_echoes_credentials_does_not_get_them_into_an_error() {
    let world = World::new(|seen, before| {
        let echo = format!(
            r#"{{"error":"{}"}}"#,
            seen.header("authorization").unwrap_or("canary")
        );
        (seen.is("GET", A) || before.is_empty() && seen.path == "/never").then(|| answer(400, echo))
    });
    let error = world.client().secrets().get("a").unwrap_err();
    let token = world.proxy.log().pop().unwrap();
    let token = token.header("authorization").unwrap().to_owned();
    assert!(
        error.server_text().unwrap().contains(&token),
        "the text is there for who asks"
    );
    let shown = format!("{error} {error:?} {error:#?}");
    assert!(!shown.contains(&token), "{shown}");
}

#[test]
fn what_is_locked_under_another_password_or_damaged_is_one_error() {
    const PRIVATE_KEY: &str = "/api/v1/credentials/private-key";
    let world = World::new(|_, _| None);
    let secret = secrecy::ExposeSecret::expose_secret(&world.account.client_secret);
    let credentials = || Credentials::service_account(world.account.client_id.as_str(), secret);
    let connect = |url: String, password: &str| {
        Client::builder(url, credentials(), KeySource::password(password)).connect()
    };
    let wrong = connect(world.proxy.base_url(), "canary").unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::Crypto);
    assert!(!format!("{wrong:?}").contains("canary"));

    let bodies = [
        r#"{"encrypted_private_key":"AAAA","nonce":"AAAA","salt":"AAAA","auth_tag":"AAAA"}"#,
        r#"{"encrypted_private_key":"AAAA","nonce":"AAAAAAAAAAAAAAAA","salt":"AAAAAAAAAAAAAAAAAAAAAA==","auth_tag":"AAAAAAAAAAAAAAAAAAAAAA=="}"#,
    ];
    for body in bodies {
        let world =
            World::new(move |seen, _| seen.is("GET", PRIVATE_KEY).then(|| answer(200, body)));
        let secret = secrecy::ExposeSecret::expose_secret(&world.account.client_secret);
        let credentials = Credentials::service_account(world.account.client_id.as_str(), secret);
        let builder = Client::builder(
            world.proxy.base_url(),
            credentials,
            KeySource::password("p"),
        );
        assert_eq!(builder.connect().unwrap_err().kind(), ErrorKind::Crypto);
    }
}
