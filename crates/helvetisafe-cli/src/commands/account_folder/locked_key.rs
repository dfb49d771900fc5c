//! `locked-private-key.json`: the private key under a password, with the texts that the vault gets. A repeated request has
//! to be the same, and each encryption has a new nonce.

use std::path::Path;

use helvetisafe::organization::{EncodedLockedKey, LockedPrivateKey};
use serde::{Deserialize, Serialize};

use super::RESTORE;
use crate::failure::Failure;

/// The four texts, each in base64.
#[derive(Serialize, Deserialize)]
struct Json {
    ciphertext: String,
    nonce: String,
    salt: String,
    tag: String,
}

pub(super) fn to_json(key: &LockedPrivateKey) -> Result<Vec<u8>, Failure> {
    let encoded = key.encode();
    let json = Json {
        ciphertext: encoded.ciphertext,
        nonce: encoded.nonce,
        salt: encoded.salt,
        tag: encoded.tag,
    };
    serde_json::to_vec(&json)
        .map_err(|error| Failure::other(format_args!("cannot write JSON: {error}")))
}

pub(super) fn parse(bytes: &[u8], path: &Path) -> Result<LockedPrivateKey, Failure> {
    let unusable = |why: &dyn std::fmt::Display| {
        Failure::usage(format_args!(
            "{} cannot be used: {why}; {RESTORE}",
            path.display()
        ))
    };
    let json: Json = serde_json::from_slice(bytes).map_err(|error| unusable(&error))?;
    let encoded = EncodedLockedKey {
        ciphertext: json.ciphertext,
        nonce: json.nonce,
        salt: json.salt,
        tag: json.tag,
    };
    LockedPrivateKey::decode(&encoded).map_err(|error| unusable(&error))
}
