//! The numbers of an RSA key, and the checks of a key from outside.

use alloc::boxed::Box;

use rsa::traits::PrivateKeyParts;
use rsa::{BoxedUint, PrivateKey as RsaPrivateKey};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::PrivateKey;
use crate::Error;

/// The accepted sizes of a modulus in bits; NIST SP 800-131A forbids fewer.
pub(crate) const MODULUS_BITS: core::ops::RangeInclusive<usize> = 2048..=8192;
/// The largest accepted public exponent. It bounds the time of an exponentiation.
pub(super) const MAX_EXPONENT: u64 = (1 << 33) - 1;

/// The numbers of a private key as big-endian bytes. Leading zeros are ignored.
pub(super) struct Parts<'a> {
    pub(super) n: &'a [u8],
    pub(super) e: &'a [u8],
    pub(super) d: &'a [u8],
    pub(super) p: &'a [u8],
    pub(super) q: &'a [u8],
    pub(super) dp: &'a [u8],
    pub(super) dq: &'a [u8],
    pub(super) qi: &'a [u8],
}

impl PrivateKey {
    /// Checks and loads a key from outside; every such key passes here.
    ///
    /// RFC 8017 section 3.2, with two primes:
    ///
    /// ```text
    /// n = p q
    /// e d = 1 mod (p - 1),  e d = 1 mod (q - 1)
    /// dP = d mod (p - 1),  dQ = d mod (q - 1),  q qInv = 1 mod p
    /// ```
    pub(super) fn from_parts(parts: &Parts<'_>) -> Result<Self, Error> {
        let bits = bit_length(parts.n);
        let e = exponent(parts.e)?;
        if !MODULUS_BITS.contains(&bits) {
            return Err(Error::KeyRejected);
        }
        let number = |bytes| number(bytes, bits.div_ceil(8));
        let primes = alloc::vec![number(parts.p)?, number(parts.q)?];
        // Checks the first two lines above.
        let key = RsaPrivateKey::from_components(
            number(parts.n)?,
            BoxedUint::from(e),
            number(parts.d)?,
            primes,
        )
        .map_err(|_| Error::KeyRejected)?;
        let has_same_crt = Crt::of(&key).is_some_and(|crt| crt.is_of(parts));
        has_same_crt.then_some(Self(key)).ok_or(Error::KeyRejected)
    }
}

/// Reads a public exponent, which must be odd and in 3 to [`MAX_EXPONENT`].
pub(super) fn exponent(bytes: &[u8]) -> Result<u64, Error> {
    let bytes = trim(bytes);
    // The largest has five bytes.
    if bytes.len() > 5 {
        return Err(Error::KeyRejected);
    }
    let e = bytes
        .iter()
        .fold(0_u64, |e, &byte| (e << 8) + u64::from(byte));
    let is_accepted = e % 2 == 1 && (3..=MAX_EXPONENT).contains(&e);
    is_accepted.then_some(e).ok_or(Error::KeyRejected)
}

/// Reads a number of at most `max_len` bytes.
fn number(bytes: &[u8], max_len: usize) -> Result<BoxedUint, Error> {
    let bytes = trim(bytes);
    let bits = u32::try_from(max_len * 8).map_err(|_| Error::KeyRejected)?;
    if bytes.len() > max_len {
        return Err(Error::KeyRejected);
    }
    BoxedUint::from_be_slice(bytes, bits).map_err(|_| Error::KeyRejected)
}

/// Removes leading zeros.
pub(super) fn trim(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

pub(super) fn bit_length(bytes: &[u8]) -> usize {
    let bytes = trim(bytes);
    bytes
        .first()
        .map_or(0, |first| bytes.len() * 8 - first.leading_zeros() as usize)
}

/// The numbers dP, dQ and qInv of a key, big-endian.
pub(super) struct Crt {
    pub(super) dp: Zeroizing<Box<[u8]>>,
    pub(super) dq: Zeroizing<Box<[u8]>>,
    pub(super) qi: Zeroizing<Box<[u8]>>,
}

impl Crt {
    pub(super) fn of(key: &RsaPrivateKey) -> Option<Self> {
        let bytes = |number: &BoxedUint| Zeroizing::new(number.to_be_bytes());
        Some(Self {
            dp: bytes(key.dp()?),
            dq: bytes(key.dq()?),
            qi: bytes(&Zeroizing::new(key.qinv()?.retrieve())),
        })
    }

    /// Returns true if a key from outside has the same numbers.
    fn is_of(&self, parts: &Parts<'_>) -> bool {
        [
            (&self.dp, parts.dp),
            (&self.dq, parts.dq),
            (&self.qi, parts.qi),
        ]
        .iter()
        .all(|(ours, theirs)| trim(ours).ct_eq(trim(theirs)).into())
    }
}
