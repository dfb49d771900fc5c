use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use helvetisafe_crypto::PrivateKey;
use serde_json::Value;

use crate::fixtures::PRIVATE_KEY_JWK;
use crate::parse_pem::check_round_trip;

/// Reads a JWK. Data that does not start with `{` changes a valid key instead. It consists of records: a
/// byte that selects a member, a byte with a length, and the new value.
pub fn parse_jwk(data: &[u8]) {
    let outcome = if data.starts_with(b"{") {
        PrivateKey::from_jwk(data)
    } else {
        PrivateKey::from_jwk(changed(data).to_string().as_bytes())
    };
    if let Ok(key) = outcome {
        check_round_trip(&key);
    }
}

fn changed(mut records: &[u8]) -> Value {
    let mut jwk: Value = serde_json::from_str(PRIVATE_KEY_JWK).unwrap();
    while let [member, length, rest @ ..] = records {
        let (value, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        let member = ["n", "e", "d", "p", "q", "dp", "dq", "qi"][usize::from(member % 8)];
        jwk[member] = URL_SAFE_NO_PAD.encode(value).into();
        records = rest;
    }
    jwk
}
