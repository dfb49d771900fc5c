//! Unlocking the private key by its password: Argon2id, then AES-256-GCM, then the JWK.
//!
//! Argon2id's 19 MiB take some 20 ms, so the whole has few samples. The steps after it are measured
//! alone, on a ciphertext of the same size under the same cipher.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use helvetisafe_crypto::{Envelope, LockedPrivateKey, OrgKey};
use helvetisafe_tests::test_key;

use crate::compare::{Comparison, Expected, time};

const PASSWORD: &str = "correct horse battery staple";
/// Bytes of the JWK of a 2048-bit key.
const JWK: usize = 1680;
/// The divisor of the number of samples of the whole.
const SHARE: usize = 50;

pub(crate) fn comparisons() -> Vec<Comparison> {
    use Expected::{Alike, Different};
    let same = |text: &str| text.to_owned();
    vec![
        unlocks(
            "unlock: wrong password / damaged tag",
            Alike,
            ("correct horse battery stapls", same),
            (PASSWORD, damaged),
        ),
        unlocks(
            "unlock: two wrong passwords, first or last character",
            Alike,
            ("borrect horse battery staple", same),
            ("correct horse battery stapld", same),
        ),
        unlocks(
            "unlock: right / wrong password",
            Different,
            (PASSWORD, same),
            ("correct horse battery stapld", same),
        ),
        opens(
            "unlock after Argon2id: tag wrong at its start / at its end",
            Alike,
            JWK,
            JWK + 15,
        ),
        opens(
            "unlock after Argon2id: data wrong at its start / at its end",
            Alike,
            0,
            JWK - 1,
        ),
        opens(
            "unlock after Argon2id: wrong data / wrong tag",
            Alike,
            0,
            JWK,
        ),
    ]
}

type Change = fn(&str) -> String;

/// The same base64 text with one bit changed in its first byte.
fn damaged(text: &str) -> String {
    let mut bytes = BASE64_STANDARD.decode(text).unwrap();
    bytes[0] ^= 1;
    BASE64_STANDARD.encode(bytes)
}

/// The whole: a password and a change to the tag for each class.
fn unlocks(
    name: &'static str,
    expected: Expected,
    first: (&'static str, Change),
    second: (&'static str, Change),
) -> Comparison {
    let locked = LockedPrivateKey::lock(&test_key(), PASSWORD)
        .unwrap()
        .encode();
    let classes = [first, second].map(|(password, change)| {
        let mut locked = locked.clone();
        locked.tag = change(&locked.tag);
        (LockedPrivateKey::decode(&locked).unwrap(), password)
    });
    let operation = move |is_second: bool| {
        let (locked, password) = classes[usize::from(is_second)].clone();
        time(|| locked.unlock(password))
    };
    Comparison::new(name, expected, operation).one_in(SHARE)
}

/// The cipher: the byte of ciphertext and tag with one wrong bit, for each class.
fn opens(name: &'static str, expected: Expected, first: usize, second: usize) -> Comparison {
    let key = OrgKey::generate().unwrap();
    let sealed = key.seal(&[b'j'; JWK]).unwrap();
    Comparison::new(name, expected, move |is_second| {
        let mut bytes = sealed.ciphertext_and_tag().to_vec();
        bytes[if is_second { second } else { first }] ^= 1;
        let envelope = Envelope::from_parts(*sealed.nonce(), bytes).unwrap();
        time(|| key.open(envelope))
    })
}
