//! Unwrapping the org key: RSAES-OAEP-DECRYPT, RFC 8017 section 7.1.2. The cause of a failure is what a
//! padding oracle (Manger 2001) reveals.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use helvetisafe_crypto::WrappedOrgKey;
use helvetisafe_tests::test_key;
use rsa::BoxedUint;
use rsa::pkcs8::DecodePrivateKey;
use rsa::traits::PublicKeyParts;
use sha2::{Digest, Sha256};

use crate::compare::{Comparison, Expected, SplitMix, time};

/// Bytes of the modulus, of a hash, and of the data block.
const K: usize = 256;
const H: usize = 32;
const DB: usize = K - H - 1;
/// Inputs of one class, taken in turn.
const POOL: usize = 64;

pub(crate) fn comparisons() -> Vec<Comparison> {
    use Expected::{Alike, Different};
    let compare = |name, expected, first: Fault, second: Fault| {
        let (first, second) = (pool(first, 1), pool(second, 2));
        let key = test_key();
        let mut turn = 0;
        Comparison::new(name, expected, move |is_second| {
            turn = (turn + 1) % POOL;
            let pool = if is_second { &second } else { &first };
            let wrapped = pool[turn].clone();
            time(|| key.unwrap_org_key(&wrapped))
        })
    };
    vec![
        compare(
            "unwrap: random ciphertext / another label",
            Alike,
            random,
            label,
        ),
        compare("unwrap: valid / first byte not zero", Alike, valid, leading),
        compare(
            "unwrap: padding wrong at its start / at its end",
            Alike,
            early,
            late,
        ),
        compare(
            "unwrap: random ciphertext / no end of the padding",
            Alike,
            random,
            late,
        ),
        compare(
            "unwrap: random ciphertext / 31 bytes inside",
            Different,
            random,
            short,
        ),
        compare(
            "unwrap: valid / random ciphertext",
            Different,
            valid,
            random,
        ),
    ]
}

/// Makes the encoded message, RFC 8017 section 7.1.1 step 2, of one class.
type Fault = fn(&mut SplitMix) -> [u8; K];

fn valid(random: &mut SplitMix) -> [u8; K] {
    encode(random, |_| {}, 0)
}

/// Valid to `rsa`, which does not look at the first byte.
fn leading(random: &mut SplitMix) -> [u8; K] {
    encode(random, |_| {}, 1)
}

fn label(random: &mut SplitMix) -> [u8; K] {
    encode(random, |db| db[H - 1] ^= 1, 0)
}

fn early(random: &mut SplitMix) -> [u8; K] {
    encode(random, |db| db[H] = 2, 0)
}

/// Zeros to the end: no 0x01 stands before the message.
fn late(random: &mut SplitMix) -> [u8; K] {
    encode(random, |db| db[H..].fill(0), 0)
}

fn short(random: &mut SplitMix) -> [u8; K] {
    encode(random, |db| db.copy_within(DB - 33..DB - 1, DB - 32), 0)
}

fn random(random: &mut SplitMix) -> [u8; K] {
    let mut message = [0; K];
    random.fill(&mut message[1..]);
    // As large as the others at most, and random below its first byte.
    message[0] = random.next() as u8 & 0x3f;
    message
}

fn encode(random: &mut SplitMix, fault: fn(&mut [u8; DB]), leading: u8) -> [u8; K] {
    let mut db = [0; DB];
    db[..H].copy_from_slice(&Sha256::digest(b""));
    db[DB - 33] = 1;
    random.fill(&mut db[DB - 32..]);
    fault(&mut db);
    let mut seed = [0; H];
    random.fill(&mut seed);
    mask(&mut db, &seed);
    mask(&mut seed, &db);
    let mut message = [leading; K];
    message[1..=H].copy_from_slice(&seed);
    message[H + 1..].copy_from_slice(&db);
    message
}

/// MGF1, RFC 8017 section B.2.1.
fn mask(bytes: &mut [u8], seed: &[u8]) {
    for (counter, block) in bytes.chunks_mut(H).enumerate() {
        let counter = (counter as u32).to_be_bytes();
        let hash = Sha256::new()
            .chain_update(seed)
            .chain_update(counter)
            .finalize();
        block
            .iter_mut()
            .zip(hash)
            .for_each(|(byte, mask)| *byte ^= mask);
    }
}

/// Encrypted messages of one class.
fn pool(fault: Fault, seed: u64) -> Vec<WrappedOrgKey> {
    let key = rsa::PrivateKey::from_pkcs8_pem(&test_key().to_pkcs8_pem().unwrap()).unwrap();
    let key = key.to_public_key();
    let mut random = SplitMix(seed);
    let wrap = || {
        let message =
            BoxedUint::from_be_slice(&fault(&mut random), key.n_bits_precision()).unwrap();
        let ciphertext = rsa::hazmat::rsa_encrypt(&key, &message)
            .unwrap()
            .to_be_bytes();
        WrappedOrgKey::decode(&BASE64_STANDARD.encode(ciphertext)).unwrap()
    };
    std::iter::repeat_with(wrap).take(POOL).collect()
}
