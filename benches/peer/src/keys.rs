//! Operations with an RSA key.

use std::fs;
use std::path::Path;

use helvetisafe_crypto::{EncodedLockedKey, LockedPrivateKey, PrivateKey, WrappedOrgKey};
use serde_json::Value;

use crate::ours::Request;

pub(crate) fn measure(request: &Request) -> Vec<f64> {
    match request.text("op") {
        "unlock" => unlock(request),
        "unwrap" => unwrap(request),
        _ => {
            let pem = pem(request);
            request.times(|| PrivateKey::from_pem(&pem).unwrap())
        }
    }
}

fn unlock(request: &Request) -> Vec<f64> {
    let locked = &vectors()["locked_private_keys"][0];
    let text = |name: &str| locked[name].as_str().unwrap().to_owned();
    let encoded = EncodedLockedKey {
        ciphertext: text("encrypted_private_key"),
        nonce: text("nonce"),
        salt: text("salt"),
        tag: text("auth_tag"),
    };
    let password = text("password");
    request.times(|| {
        let locked = LockedPrivateKey::decode(&encoded).unwrap();
        locked.unlock(&password).unwrap()
    })
}

fn unwrap(request: &Request) -> Vec<f64> {
    let vectors = vectors();
    let mut wrapped = vectors["wrapped"].as_array().unwrap().iter();
    let wrapped = wrapped
        .find(|one| one["bits"] == request.number("bits"))
        .unwrap();
    let wrapped = wrapped["encrypted_org_key"].as_str().unwrap();
    let key = PrivateKey::from_pem(&pem(request)).unwrap();
    request.times(|| {
        let wrapped = WrappedOrgKey::decode(wrapped).unwrap();
        key.unwrap_org_key(&wrapped).unwrap()
    })
}

fn pem(request: &Request) -> String {
    data(&format!("rsa-{}-pkcs8.pem", request.number("bits")))
}

fn vectors() -> Value {
    serde_json::from_str(&data("peer-vectors.json")).unwrap()
}

/// Reads a file of the crypto crate's test data.
pub(crate) fn data(name: &str) -> String {
    let folder = "../../crates/helvetisafe-crypto/tests/data";
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    fs::read_to_string(folder.join(name)).unwrap()
}
