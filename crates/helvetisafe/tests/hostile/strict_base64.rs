//! «Base64 with stray bits, whitespace, missing padding.»

use helvetisafe::ErrorKind;
use helvetisafe_crypto::{OrgKey, Payload, PrivateKey};
use helvetisafe_server::faults::{Fault, Route};
use serde_json::json;

use crate::world::World;

/// Texts that a lax reader decodes to the same bytes. `text` needs padding.
fn lax(text: &str) -> Vec<String> {
    let body = text.trim_end_matches('=');
    assert!(
        body.len() < text.len(),
        "it needs padding for this test: {text}"
    );
    let (rest, last) = body.split_at(body.len() - 1);
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let value = ALPHABET
        .iter()
        .position(|c| [*c] == last.as_bytes())
        .unwrap();
    let stray = char::from(ALPHABET[value | 1]);
    let padding = &text[body.len()..];
    vec![
        format!("{rest}{stray}{padding}"),
        body.to_owned(),
        format!("{text}="),
        format!("{text}\n"),
        format!(" {text}"),
        format!("{}\r\n{}", &text[..4], &text[4..]),
        text.replace(['+', '/'], "-") + "-",
    ]
}

#[test]
fn a_secret_in_lax_base64_is_refused() {
    let world = World::new();
    let org_key = OrgKey::from_bytes(&[5; 32]);
    let own = Fault::other_org_key(&world.account, &org_key).unwrap();
    world.faults.on(Route::OrgKey).then(own.clone());
    let client = world.client();
    // 12 bytes of nonce have no padding, so only the value has stray bits.
    let value = "v".repeat(10);
    let envelope = org_key.seal(&Payload::encode("a", &value)).unwrap();
    let (value, nonce) = (envelope.encode_value(), envelope.encode_nonce());
    let read = |value: &str, nonce: &str| {
        world.faults.clear();
        world.faults.on(Route::OrgKey).then(own.clone());
        let record = json!({ "key": "a", "value": value, "nonce": nonce });
        world.answer(Route::Read, record.to_string());
        client.secrets().get("a")
    };
    read(&value, &nonce).unwrap();
    for lax in lax(&value) {
        let error = read(&lax, &nonce).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Crypto, "{lax:?}");
    }
    for lax in [
        format!("{nonce}\n"),
        format!(" {nonce}"),
        format!("{nonce}===="),
    ] {
        let error = read(&value, &lax).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Crypto, "{lax:?}");
    }
}

#[test]
fn an_org_key_in_lax_base64_is_refused() {
    let world = World::new();
    let key = PrivateKey::from_pem(&world.account.private_key_pem).unwrap();
    let org_key = OrgKey::from_bytes(&[5; 32]);
    let wrapped = key.public_key().wrap_org_key(&org_key).unwrap().encode();
    let connect = |text: &str| {
        world.faults.clear();
        world.answer(
            Route::OrgKey,
            json!({ "encrypted_org_key": text }).to_string(),
        );
        world.builder().connect()
    };
    connect(&wrapped).unwrap();
    for lax in lax(&wrapped) {
        assert_eq!(
            connect(&lax).unwrap_err().kind(),
            ErrorKind::Crypto,
            "{lax:?}"
        );
    }
}

#[test]
fn a_private_key_in_lax_base64_is_refused() {
    use secrecy::ExposeSecret;
    let world = World::new();
    let key = PrivateKey::from_pem(&world.account.private_key_pem).unwrap();
    let password = world.account.password.expose_secret();
    let locked = helvetisafe_crypto::LockedPrivateKey::lock(&key, password)
        .unwrap()
        .encode();
    let answer = json!({
        "encrypted_private_key": locked.ciphertext,
        "nonce": locked.nonce,
        "salt": locked.salt,
        "auth_tag": locked.tag,
    });
    let connect = |answer: &serde_json::Value| {
        world.faults.clear();
        world.answer(Route::PrivateKey, answer.to_string());
        world.password_builder().connect()
    };
    connect(&answer).unwrap();
    // The 16 bytes of salt and tag have padding.
    for member in ["salt", "auth_tag"] {
        for lax in lax(answer[member].as_str().unwrap()) {
            let mut answer = answer.clone();
            answer[member] = lax.as_str().into();
            let error = connect(&answer).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Crypto, "{member} {lax:?}");
        }
    }
}
