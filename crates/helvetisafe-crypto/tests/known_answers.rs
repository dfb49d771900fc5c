//! Vectors of the published Python client, made by `data/make_peer_vectors.py`.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use std::path::Path;

use helvetisafe_crypto::{
    EncodedLockedKey, Envelope, LockedPrivateKey, OrgKey, Payload, PayloadKind, PrivateKey,
    WrappedOrgKey,
};
use serde_json::Value;

fn data(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name);
    std::fs::read_to_string(path).unwrap()
}

fn vectors() -> Value {
    serde_json::from_str(&data("peer-vectors.json")).unwrap()
}

fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of[name].as_str().unwrap()
}

/// Unwraps the org key that the peer wrapped for this size of key.
fn unwrap(vectors: &Value, key: &PrivateKey, bits: u64) -> OrgKey {
    let wrapped = vectors["wrapped"].as_array().unwrap();
    let wrapped = wrapped
        .iter()
        .find(|wrapped| wrapped["bits"] == bits)
        .unwrap();
    let wrapped = WrappedOrgKey::decode(text(wrapped, "encrypted_org_key")).unwrap();
    key.unwrap_org_key(&wrapped).unwrap()
}

fn org_key(vectors: &Value) -> OrgKey {
    let key = PrivateKey::from_pem(&data("rsa-2048-pkcs8.pem")).unwrap();
    unwrap(vectors, &key, 2048)
}

fn open(org_key: &OrgKey, secret: &Value) -> Payload {
    let envelope = Envelope::decode(text(secret, "value"), text(secret, "nonce")).unwrap();
    let plaintext = org_key.open(envelope).unwrap();
    assert_eq!(
        std::str::from_utf8(&plaintext).unwrap(),
        text(secret, "plaintext")
    );
    Payload::parse(plaintext, text(secret, "key")).unwrap()
}

#[test]
fn every_form_of_every_key_unwraps_the_org_key() {
    let vectors = vectors();
    let expected = org_key(&vectors);
    for bits in [2048, 3072, 4096] {
        let passphrase = text(&vectors, "passphrase");
        let keys = [
            PrivateKey::from_pem(&data(&format!("rsa-{bits}-pkcs1.pem"))),
            PrivateKey::from_pem(&data(&format!("rsa-{bits}-pkcs8.pem"))),
            PrivateKey::from_encrypted_pem(
                &data(&format!("rsa-{bits}-pkcs8-encrypted.pem")),
                passphrase,
            ),
            PrivateKey::from_jwk(data(&format!("rsa-{bits}.jwk.json")).as_bytes()),
        ];
        for key in keys {
            let org_key = unwrap(&vectors, &key.unwrap(), bits);
            assert_eq!(org_key.expose_secret(), expected.expose_secret());
        }
    }
}

#[test]
fn every_locked_private_key_unlocks() {
    let vectors = vectors();
    let locked = vectors["locked_private_keys"].as_array().unwrap();
    for locked in locked {
        let key = LockedPrivateKey::decode(&EncodedLockedKey {
            ciphertext: text(locked, "encrypted_private_key").to_owned(),
            nonce: text(locked, "nonce").to_owned(),
            salt: text(locked, "salt").to_owned(),
            tag: text(locked, "auth_tag").to_owned(),
        });
        let key = key.unwrap().unlock(text(locked, "password")).unwrap();
        unwrap(&vectors, &key, 2048);
    }
    assert_eq!(locked.len(), 5);
}

#[test]
fn every_single_value_is_read() {
    let vectors = vectors();
    let org_key = org_key(&vectors);
    let secrets = vectors["single_values"].as_array().unwrap();
    for secret in secrets {
        let payload = open(&org_key, secret);
        assert_eq!(payload.kind(), PayloadKind::Single);
        assert_eq!(payload.expose_secret(), text(secret, "expected"));
    }
    assert_eq!(secrets.len(), 8);
}

#[test]
fn multi_field_and_legacy_secrets_are_read() {
    let vectors = vectors();
    let org_key = org_key(&vectors);
    let payload = open(&org_key, &vectors["multi_field"]);
    assert_eq!(payload.kind(), PayloadKind::MultiField);
    assert_eq!(
        payload.expose_secret(),
        text(&vectors["multi_field"], "plaintext")
    );
    let fields: Vec<_> = payload
        .fields()
        .iter()
        .map(|field| (field.name(), field.expose_secret()))
        .collect();
    assert_eq!(
        fields,
        [
            ("DB_HOST", "h\u{f6}st"),
            ("DB_PASS", "p\n"),
            ("PORT", "5432")
        ]
    );

    let payload = open(&org_key, &vectors["legacy"]);
    assert_eq!(
        (payload.kind(), payload.expose_secret()),
        (PayloadKind::Legacy, "plain text")
    );
}
