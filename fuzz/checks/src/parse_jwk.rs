use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use helvetisafe_crypto::PrivateKey;
use serde_json::Value;

use crate::known::PRIVATE_KEY_JWK;
use crate::parse_pem::reads_what_it_writes;

/// Reads a JWK. Data that does not start with `{` changes a good key instead: it is records of one
/// byte that picks a member, one byte that is a length, and that many bytes of the new value.
pub fn parse_jwk(data: &[u8]) {
    let outcome = if data.starts_with(b"{") {
        PrivateKey::from_jwk(data)
    } else {
        PrivateKey::from_jwk(changed(data).to_string().as_bytes())
    };
    if let Ok(key) = outcome {
        reads_what_it_writes(&key);
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
