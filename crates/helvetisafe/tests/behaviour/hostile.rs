//! A vault that is not trusted, with scripted answers. The attacks are in `tests/hostile`.

use helvetisafe::{Client, Credentials, ErrorKind, KeySource, OrgKeyRotation};
use helvetisafe_crypto::{OrgKey, Payload};
use helvetisafe_test_support::{
    Action, ORG_KEY, Request, World, answer, earlier, wrapped_for_test_key,
};

const A: &str = "/api/v1/secrets/a";

/// An answer with a secret of this plaintext.
pub(crate) fn record(org_key: &OrgKey, key: &str, plaintext: &[u8]) -> Vec<u8> {
    let envelope = org_key.seal(plaintext).unwrap();
    let (value, nonce) = (envelope.encode_value(), envelope.encode_nonce());
    format!(r#"{{"key":"{key}","value":"{value}","nonce":"{nonce}"}}"#).into_bytes()
}

#[test]
fn an_answer_with_another_name_is_refused() {
    let world = World::new(|seen, _| {
        seen.is("GET", A)
            .then(|| answer(200, r#"{"key":"b","value":"AAAA","nonce":"AAAA"}"#))
    });
    assert_eq!(
        world.client().secrets().get("a").unwrap_err().kind(),
        ErrorKind::Api
    );
}

/// The vault returns another org key after the first read, and seals one secret under a third one.
fn rotating(seen: &Request, before: &[Request]) -> Option<Action> {
    if seen.is("GET", A) {
        let lost = OrgKey::from_bytes(&[8; 32]);
        return Some(answer(200, record(&lost, "a", &Payload::encode("a", "v"))));
    }
    (seen.is("GET", ORG_KEY) && earlier(before, "GET", A) > 0)
        .then(|| answer(200, wrapped_for_test_key(&OrgKey::from_bytes(&[9; 32]))))
}

#[test]
fn another_org_key_is_refused_even_if_it_does_not_open_the_secret() {
    let world = World::new(rotating);
    let client = world.client();
    let before = client.org_key_fingerprint();
    for _ in 0..2 {
        let error = client.secrets().get("a").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OrgKeyRefused);
    }
    assert_eq!(client.org_key_fingerprint(), before);
    assert_eq!(
        world.proxy.count("GET", ORG_KEY),
        3,
        "once for connecting, and once for each secret that does not open"
    );
}

#[test]
fn a_secret_that_an_accepted_key_does_not_open_is_a_decryption_error() {
    let world = World::new(rotating);
    let rotation = OrgKeyRotation::follow_for_reading();
    let client = world
        .builder()
        .org_key_rotation(rotation)
        .connect()
        .unwrap();
    let error = client.secrets().get("a").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Crypto);
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
fn echoed_credentials_do_not_appear_in_errors() {
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
fn a_wrong_password_and_a_damaged_key_are_the_same_error() {
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
