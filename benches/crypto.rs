//! The time of each operation.
//!
//! Sealing and opening are compared with a floor: direct calls of `aes-gcm` and `base64` with as few
//! buffers. Freeing and wiping the result is not counted. The shortest operations take about 300 ns;
//! `--bench crypto -- --min-time 1` makes their figures stable.

#![allow(clippy::unwrap_used, reason = "a benchmark fails loudly")]

use std::fs;
use std::path::Path;

use divan::Bencher;
use divan::counter::BytesCount;
use helvetisafe_crypto::{LockedPrivateKey, OrgKey, PrivateKey, WrappedOrgKey};
use serde_json::Value;

fn main() {
    divan::main();
}

/// Bytes of a value.
const SIZES: [usize; 4] = [64, 1 << 10, 16 << 10, 1 << 20];
/// Bits of an RSA key.
const BITS: [usize; 3] = [2048, 3072, 4096];

const KEY: [u8; 32] = [7; 32];

mod seal {
    use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[divan::bench(args = SIZES)]
    fn ours(bencher: Bencher<'_, '_>, size: usize) {
        let key = OrgKey::from_bytes(&KEY);
        let plaintext = vec![b'v'; size];
        bencher.counter(BytesCount::new(size)).bench_local(|| {
            let envelope = key.seal(&plaintext).unwrap();
            (envelope.encode_value(), envelope.encode_nonce())
        });
    }

    #[divan::bench(args = SIZES)]
    fn floor(bencher: Bencher<'_, '_>, size: usize) {
        let cipher = Aes256Gcm::new(&KEY.into());
        let plaintext = vec![b'v'; size];
        bencher.counter(BytesCount::new(size)).bench_local(|| {
            let mut nonce = [0; 12];
            getrandom::fill(&mut nonce).unwrap();
            let mut buffer = Vec::with_capacity(size + 16);
            buffer.extend_from_slice(&plaintext);
            let tag = cipher
                .encrypt_inout_detached(&nonce.into(), &[], buffer.as_mut_slice().into())
                .unwrap();
            buffer.extend_from_slice(&tag);
            (STANDARD.encode(buffer), STANDARD.encode(nonce))
        });
    }
}

mod open {
    use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit, Tag};
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use helvetisafe_crypto::{Envelope, Payload};

    use super::*;

    /// Returns the two texts of a sealed single-value payload with a value of `size` bytes.
    fn sealed(size: usize) -> (String, String) {
        let payload = Payload::encode("db", &"v".repeat(size));
        let envelope = OrgKey::from_bytes(&KEY).seal(&payload).unwrap();
        (envelope.encode_value(), envelope.encode_nonce())
    }

    #[divan::bench(args = SIZES)]
    fn ours(bencher: Bencher<'_, '_>, size: usize) {
        let key = OrgKey::from_bytes(&KEY);
        let (value, nonce) = sealed(size);
        bencher.counter(BytesCount::new(size)).bench_local(|| {
            let envelope = Envelope::decode(&value, &nonce).unwrap();
            Payload::parse(key.open(envelope).unwrap(), "db").unwrap()
        });
    }

    /// Like `ours`, without parsing the payload.
    #[divan::bench(args = SIZES)]
    fn ours_unparsed(bencher: Bencher<'_, '_>, size: usize) {
        let key = OrgKey::from_bytes(&KEY);
        let (value, nonce) = sealed(size);
        bencher.counter(BytesCount::new(size)).bench_local(|| {
            let envelope = Envelope::decode(&value, &nonce).unwrap();
            key.open(envelope).unwrap()
        });
    }

    #[divan::bench(args = SIZES)]
    fn floor(bencher: Bencher<'_, '_>, size: usize) {
        let cipher = Aes256Gcm::new(&KEY.into());
        let (value, nonce) = sealed(size);
        bencher.counter(BytesCount::new(size)).bench_local(|| {
            let nonce: [u8; 12] = STANDARD.decode(&nonce).unwrap().try_into().unwrap();
            let mut buffer = STANDARD.decode(&value).unwrap();
            let length = buffer.len() - 16;
            let (ciphertext, tag) = buffer.split_at_mut(length);
            let tag = Tag::try_from(&*tag).unwrap();
            cipher
                .decrypt_inout_detached(&nonce.into(), &[], ciphertext.into(), &tag)
                .unwrap();
            buffer.truncate(length);
            buffer
        });
    }
}

#[divan::bench(args = BITS)]
fn load_pem(bencher: Bencher<'_, '_>, bits: usize) {
    let pem = data(&format!("rsa-{bits}-pkcs8.pem"));
    bencher.bench_local(|| PrivateKey::from_pem(&pem).unwrap());
}

#[divan::bench(args = BITS)]
fn unwrap_org_key(bencher: Bencher<'_, '_>, bits: usize) {
    let vectors: Value = serde_json::from_str(&data("peer-vectors.json")).unwrap();
    let wrapped = vectors["wrapped"].as_array().unwrap();
    let wrapped = wrapped.iter().find(|one| one["bits"] == bits).unwrap();
    let wrapped = WrappedOrgKey::decode(wrapped["encrypted_org_key"].as_str().unwrap()).unwrap();
    let key = PrivateKey::from_pem(&data(&format!("rsa-{bits}-pkcs8.pem"))).unwrap();
    bencher.bench_local(|| key.unwrap_org_key(&wrapped).unwrap());
}

/// Unlocks a 2048-bit key; Argon2id takes nearly all of the time.
#[divan::bench]
fn unlock_by_password(bencher: Bencher<'_, '_>) {
    let key = PrivateKey::from_pem(&data("rsa-2048-pkcs8.pem")).unwrap();
    let locked = LockedPrivateKey::lock(&key, "password").unwrap();
    bencher.bench_local(|| locked.unlock("password").unwrap());
}

fn data(name: &str) -> String {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/helvetisafe-crypto/tests/data");
    fs::read_to_string(folder.join(name)).unwrap()
}
