//! The keys of the seeds, and repeatable random numbers.

use std::convert::Infallible;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use helvetisafe_crypto::rand_core::{TryCryptoRng, TryRng};
use helvetisafe_crypto::{OrgKey, PrivateKey};

/// The org key of `peer-vectors.json` in the test data of `helvetisafe-crypto`.
pub(crate) static ORG_KEY: LazyLock<OrgKey> =
    LazyLock::new(|| org_key("mRR+f72Zxja0oNcXmfc+wTnplBmLEDjVQe7j95zw6n0="));

/// The org key of the testkit.
pub(crate) static TESTKIT_ORG_KEY: LazyLock<OrgKey> =
    LazyLock::new(|| org_key("W0IfYKYgY0T2LuSzxIx527gaYesZ2cZylaKwfeQdPtI="));

/// A 2048-bit key of the same test data.
pub(crate) static PRIVATE_KEY: LazyLock<PrivateKey> =
    LazyLock::new(|| PrivateKey::from_pem(PRIVATE_KEY_PEM).unwrap());

/// The key for which most org keys of the testkit are wrapped.
pub(crate) static TESTKIT_PRIVATE_KEY: LazyLock<PrivateKey> =
    LazyLock::new(|| PrivateKey::from_pem(TESTKIT_PRIVATE_KEY_PEM).unwrap());

const TESTKIT_PRIVATE_KEY_PEM: &str = include_str!("../../../tests/testkit/keys/rsa-2048.pem");

/// The PEM of `PRIVATE_KEY`.
const PRIVATE_KEY_PEM: &str =
    include_str!("../../../crates/helvetisafe-crypto/tests/data/rsa-2048-pkcs8.pem");

/// The JWK of `PRIVATE_KEY`.
pub(crate) const PRIVATE_KEY_JWK: &str =
    include_str!("../../../crates/helvetisafe-crypto/tests/data/rsa-2048.jwk.json");

fn org_key(base64: &str) -> OrgKey {
    OrgKey::from_bytes(&STANDARD.decode(base64).unwrap().try_into().unwrap())
}

/// Flips one bit of `bytes`, chosen by all of `data`.
pub(crate) fn flip_a_bit(bytes: &mut [u8], data: &[u8]) {
    let sum = data.iter().fold(0_usize, |sum, &byte| {
        sum.wrapping_mul(31).wrapping_add(usize::from(byte))
    });
    let bit = sum % (bytes.len() * 8);
    bytes[bit / 8] ^= 1 << (bit % 8);
}

/// The generator SplitMix64 with a fixed seed, so that every failure of a check can be repeated.
pub(crate) struct SplitMix64(u64);

impl SplitMix64 {
    pub(crate) fn new() -> Self {
        Self(0)
    }
}

impl TryRng for SplitMix64 {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|number| (number >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Ok(z ^ (z >> 31))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            let number = self.try_next_u64()?.to_le_bytes();
            chunk.copy_from_slice(&number[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for SplitMix64 {}
