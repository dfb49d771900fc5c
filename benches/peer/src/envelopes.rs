//! Sealing and opening, and the floor of both: direct calls of the cipher and base64 with as few buffers.

use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit, Tag};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use helvetisafe_crypto::{Envelope, OrgKey, Payload};

use crate::ours::Request;

const KEY: [u8; 32] = [7; 32];
/// The name of the sealed value.
const NAME: &str = "db";

pub(crate) fn measure(request: &Request) -> Vec<f64> {
    let size = request.number("size");
    let key = OrgKey::from_bytes(&KEY);
    let cipher = Aes256Gcm::new(&KEY.into());
    let plain = "v".repeat(size);
    let (value, nonce) = seal(&key, plain.as_bytes());
    match request.text("op") {
        "seal" => request.times(|| seal(&key, plain.as_bytes())),
        "open" => request.times(|| {
            let opened = key.open(Envelope::decode(&value, &nonce).unwrap()).unwrap();
            str::from_utf8(&opened).unwrap();
            opened
        }),
        "read" => {
            let (value, nonce) = seal(&key, &Payload::encode(NAME, &plain));
            request.times(|| {
                let opened = key.open(Envelope::decode(&value, &nonce).unwrap()).unwrap();
                Payload::parse(opened, NAME).unwrap()
            })
        }
        "bare_seal" => request.times(|| bare_seal(&cipher, plain.as_bytes())),
        _ => request.times(|| bare_open(&cipher, &value, &nonce)),
    }
}

fn seal(key: &OrgKey, plain: &[u8]) -> (String, String) {
    let envelope = key.seal(plain).unwrap();
    (envelope.encode_value(), envelope.encode_nonce())
}

fn bare_seal(cipher: &Aes256Gcm, plain: &[u8]) -> (String, String) {
    let mut nonce = [0; 12];
    getrandom::fill(&mut nonce).unwrap();
    let mut buffer = Vec::with_capacity(plain.len() + 16);
    buffer.extend_from_slice(plain);
    let tag = cipher
        .encrypt_inout_detached(&nonce.into(), &[], buffer.as_mut_slice().into())
        .unwrap();
    buffer.extend_from_slice(&tag);
    (
        BASE64_STANDARD.encode(buffer),
        BASE64_STANDARD.encode(nonce),
    )
}

fn bare_open(cipher: &Aes256Gcm, value: &str, nonce: &str) -> Vec<u8> {
    let nonce: [u8; 12] = BASE64_STANDARD.decode(nonce).unwrap().try_into().unwrap();
    let mut buffer = BASE64_STANDARD.decode(value).unwrap();
    let length = buffer.len() - 16;
    let (ciphertext, tag) = buffer.split_at_mut(length);
    let tag = Tag::try_from(&*tag).unwrap();
    cipher
        .decrypt_inout_detached(&nonce.into(), &[], ciphertext.into(), &tag)
        .unwrap();
    buffer.truncate(length);
    buffer
}
