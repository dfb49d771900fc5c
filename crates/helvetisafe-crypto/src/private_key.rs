//! RSAES-OAEP, RFC 8017 section 7.1, with SHA-256, MGF1 with SHA-256, and an empty label.

mod jwk;
mod pem;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use rand_core::TryCryptoRng;
use rsa::traits::{PaddingScheme, PrivateKeyParts, PublicKeyParts};
use rsa::{BoxedUint, Oaep, PrivateKey as RsaPrivateKey, PublicKey as RsaPublicKey};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::aead::KEY_LEN;
use crate::{Error, OrgKey, encoding, stack};

/// Bits of a modulus that are accepted; NIST SP 800-131A forbids fewer.
const MODULUS_BITS: core::ops::RangeInclusive<usize> = 2048..=8192;
/// The largest public exponent that is accepted, so that nobody can make us compute for long.
const MAX_EXPONENT: u64 = (1 << 33) - 1;

/// An account's RSA private key, 2048 to 8192 bits, whose parts were checked to agree: `p * q = n`,
/// `d * e = 1` modulo `p - 1` and modulo `q - 1`, and the three numbers of the Chinese remainder
/// theorem.
///
/// Whether `p` and `q` are primes is not tested, which would cost each start as much as an unwrap. With
/// one that is not, the private operation does not invert the public one; since each result is
/// encrypted again and compared before it is used (RFC 8017 section 5.1.2, Boneh, DeMillo and Lipton
/// 1997), such a key unwraps nothing, with [`Error::Unwrap`] at its first use.
///
/// Wiped on drop; there is no `Debug` that shows it, no `Clone` and no `==`.
pub struct PrivateKey(RsaPrivateKey);

/// The parts of a key as big-endian bytes, RFC 8017 section 3.2. Leading zeros do not matter.
struct Parts<'a> {
    n: &'a [u8],
    e: &'a [u8],
    d: &'a [u8],
    p: &'a [u8],
    q: &'a [u8],
    dp: &'a [u8],
    dq: &'a [u8],
    qi: &'a [u8],
}

impl PrivateKey {
    /// Reads a PEM (RFC 7468) with an unencrypted key in PKCS#1 (`RSA PRIVATE KEY`) or PKCS#8
    /// (`PRIVATE KEY`) form. Lines may have any one width.
    ///
    /// # Errors
    ///
    /// [`Error::KeyFormat`] when it is none; [`Error::PassphraseRequired`] when it is encrypted;
    /// [`Error::KeyRejected`] when the key is not acceptable.
    pub fn from_pem(pem: &str) -> Result<Self, Error> {
        stack::wiped::<{ stack::ANYTHING }, _>(|| pem::read(pem, None))
    }

    /// Reads a PEM that may be encrypted: `ENCRYPTED PRIVATE KEY`, PKCS#8 with PBES2 (RFC 8018)
    /// and AES. The passphrase is ignored when the PEM is not encrypted.
    ///
    /// # Errors
    ///
    /// As [`Self::from_pem`], and [`Error::Passphrase`] when it does not decrypt, or asks for an
    /// unreasonable amount of work (more than 10 million iterations, or 512 MiB of memory).
    pub fn from_encrypted_pem(pem: &str, passphrase: &str) -> Result<Self, Error> {
        stack::wiped::<{ stack::ANYTHING }, _>(|| pem::read(pem, Some(passphrase)))
    }

    /// Reads a JWK (RFC 7517, RFC 7518 section 6.3) with `kty`, `n`, `e`, `d`, `p`, `q`, `dp`, `dq`
    /// and `qi`; other members are ignored, but a key with more than two primes is refused.
    ///
    /// # Errors
    ///
    /// [`Error::KeyFormat`] when it is no such JWK; [`Error::KeyRejected`] when the key is not
    /// acceptable.
    pub fn from_jwk(jwk: &[u8]) -> Result<Self, Error> {
        stack::wiped::<{ stack::ANYTHING }, _>(|| jwk::read(jwk))
    }

    /// The key as a PEM in PKCS#8 form, unencrypted.
    ///
    /// # Errors
    ///
    /// None that is known: a key that was accepted can be written.
    pub fn to_pkcs8_pem(&self) -> Result<Zeroizing<String>, Error> {
        stack::wiped::<{ stack::ANYTHING }, _>(|| pem::write(&self.0))
    }

    /// The key as a JWK, with 16 bytes of spare capacity for a tag.
    pub(crate) fn to_jwk(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        jwk::write(&self.0)
    }

    /// A fresh key of `bits` bits with the public exponent 65537.
    ///
    /// # Errors
    ///
    /// [`Error::KeyRejected`] when `bits` is not in 2048 to 8192; [`Error::Randomness`] when `rng`
    /// fails.
    pub fn generate_with_rng<R: TryCryptoRng + ?Sized>(
        rng: &mut R,
        bits: usize,
    ) -> Result<Self, Error> {
        if !MODULUS_BITS.contains(&bits) {
            return Err(Error::KeyRejected);
        }
        match stack::wiped::<{ stack::ANYTHING }, _>(|| RsaPrivateKey::new(rng, bits)) {
            Ok(key) => Ok(Self(key)),
            Err(rsa::Error::Rng) => Err(Error::Randomness),
            Err(_) => Err(Error::KeyRejected),
        }
    }

    /// A fresh key of `bits` bits, with randomness from the operating system.
    ///
    /// # Errors
    ///
    /// [`Error::KeyRejected`] when `bits` is not in 2048 to 8192; [`Error::Randomness`] when the
    /// operating system gives no randomness.
    #[cfg(feature = "getrandom")]
    pub fn generate(bits: usize) -> Result<Self, Error> {
        Self::generate_with_rng(&mut getrandom::SysRng, bits)
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.to_public_key())
    }

    /// RSAES-OAEP-DECRYPT, RFC 8017 section 7.1.2, blinded with randomness from `rng`.
    ///
    /// # Errors
    ///
    /// [`Error::Unwrap`] for every failure alike; [`Error::Randomness`] when `rng` fails.
    pub fn unwrap_org_key_with_rng<R: TryCryptoRng + ?Sized>(
        &self,
        rng: &mut R,
        wrapped: &WrappedOrgKey,
    ) -> Result<OrgKey, Error> {
        stack::wiped::<{ stack::ANYTHING }, _>(|| {
            let bytes = self.decrypt(rng, Oaep::new(), &wrapped.0)?;
            let bytes: &[u8; KEY_LEN] = bytes.as_slice().try_into().map_err(|_| Error::Unwrap)?;
            Ok(OrgKey::from_bytes(bytes))
        })
    }

    /// RSAES-OAEP-DECRYPT, RFC 8017 section 7.1.2, blinded with randomness from the operating
    /// system.
    ///
    /// # Errors
    ///
    /// [`Error::Unwrap`] for every failure alike; [`Error::Randomness`] when the operating system
    /// gives no randomness.
    #[cfg(feature = "getrandom")]
    pub fn unwrap_org_key(&self, wrapped: &WrappedOrgKey) -> Result<OrgKey, Error> {
        self.unwrap_org_key_with_rng(&mut getrandom::SysRng, wrapped)
    }

    fn decrypt<R: TryCryptoRng + ?Sized>(
        &self,
        rng: &mut R,
        oaep: Oaep<Sha256>,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        match oaep.decrypt(Some(rng), &self.0, ciphertext) {
            Ok(bytes) => Ok(Zeroizing::new(bytes)),
            Err(rsa::Error::Rng) => Err(Error::Randomness),
            Err(_) => Err(Error::Unwrap),
        }
    }

    /// The one way in for a key that came from outside.
    fn from_parts(parts: &Parts<'_>) -> Result<Self, Error> {
        let bits = bit_length(parts.n);
        let e = exponent(parts.e)?;
        if !MODULUS_BITS.contains(&bits) {
            return Err(Error::KeyRejected);
        }
        let number = |bytes| number(bytes, bits.div_ceil(8));
        let primes = alloc::vec![number(parts.p)?, number(parts.q)?];
        // Checks p * q = n and d * e = 1 mod p - 1 and mod q - 1.
        let key = RsaPrivateKey::from_components(
            number(parts.n)?,
            BoxedUint::from(e),
            number(parts.d)?,
            primes,
        )
        .map_err(|_| Error::KeyRejected)?;
        check_crt(&key, parts)?;
        Ok(Self(key))
    }
}

/// The exponent, if it is odd and in 3 to [`MAX_EXPONENT`], which has five bytes.
fn exponent(bytes: &[u8]) -> Result<u64, Error> {
    let bytes = trim(bytes);
    if bytes.len() > 5 {
        return Err(Error::KeyRejected);
    }
    let e = bytes
        .iter()
        .fold(0_u64, |e, &byte| (e << 8) + u64::from(byte));
    if e % 2 == 1 && (3..=MAX_EXPONENT).contains(&e) {
        Ok(e)
    } else {
        Err(Error::KeyRejected)
    }
}

/// A number of at most `longest` bytes.
fn number(bytes: &[u8], longest: usize) -> Result<BoxedUint, Error> {
    let bytes = trim(bytes);
    let bits = u32::try_from(longest * 8).map_err(|_| Error::KeyRejected)?;
    if bytes.len() > longest {
        return Err(Error::KeyRejected);
    }
    BoxedUint::from_be_slice(bytes, bits).map_err(|_| Error::KeyRejected)
}

fn trim(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

fn bit_length(bytes: &[u8]) -> usize {
    let bytes = trim(bytes);
    bytes
        .first()
        .map_or(0, |first| bytes.len() * 8 - first.leading_zeros() as usize)
}

/// Whether the three numbers of the Chinese remainder theorem, which could be left out, are those
/// that follow from the others.
fn check_crt(key: &RsaPrivateKey, parts: &Parts<'_>) -> Result<(), Error> {
    let crt = Crt::of(key).ok_or(Error::KeyRejected)?;
    let pairs = [
        (&crt.dp, parts.dp),
        (&crt.dq, parts.dq),
        (&crt.qi, parts.qi),
    ];
    if pairs
        .iter()
        .all(|(ours, theirs)| bool::from(trim(ours).ct_eq(trim(theirs))))
    {
        Ok(())
    } else {
        Err(Error::KeyRejected)
    }
}

/// `d mod (p - 1)`, `d mod (q - 1)` and `1/q mod p`, big-endian.
struct Crt {
    dp: Zeroizing<Box<[u8]>>,
    dq: Zeroizing<Box<[u8]>>,
    qi: Zeroizing<Box<[u8]>>,
}

impl Crt {
    fn of(key: &RsaPrivateKey) -> Option<Self> {
        let bytes = |number: &BoxedUint| Zeroizing::new(number.to_be_bytes());
        Some(Self {
            dp: bytes(key.dp()?),
            dq: bytes(key.dq()?),
            qi: bytes(&Zeroizing::new(key.qinv()?.retrieve())),
        })
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({} bits)", self.0.n().bit_width())
    }
}

/// An account's RSA public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(RsaPublicKey);

impl PublicKey {
    /// RSAES-OAEP-ENCRYPT, RFC 8017 section 7.1.1, with a seed from `rng`.
    ///
    /// # Errors
    ///
    /// [`Error::Randomness`] when `rng` fails.
    pub fn wrap_org_key_with_rng<R: TryCryptoRng + ?Sized>(
        &self,
        rng: &mut R,
        org_key: &OrgKey,
    ) -> Result<WrappedOrgKey, Error> {
        stack::wiped::<{ stack::ANYTHING }, _>(|| {
            Oaep::<Sha256>::new().encrypt(rng, &self.0, org_key.expose_secret())
        })
        .map(WrappedOrgKey)
        .map_err(|_| Error::Randomness)
    }

    /// RSAES-OAEP-ENCRYPT, RFC 8017 section 7.1.1, with a seed from the operating system.
    ///
    /// # Errors
    ///
    /// [`Error::Randomness`] when the operating system gives no randomness.
    #[cfg(feature = "getrandom")]
    pub fn wrap_org_key(&self, org_key: &OrgKey) -> Result<WrappedOrgKey, Error> {
        self.wrap_org_key_with_rng(&mut getrandom::SysRng, org_key)
    }
}

/// An org key, encrypted for one account: an RSA-OAEP ciphertext as long as the modulus. The
/// server keeps it; nothing in it is secret.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedOrgKey(Vec<u8>);

impl WrappedOrgKey {
    /// Reads the base64 text of the wire. Its length is checked when it is unwrapped.
    ///
    /// # Errors
    ///
    /// [`Error::Encoding`] when it is not canonical base64.
    pub fn decode(text: &str) -> Result<Self, Error> {
        encoding::decode(text).map(Self)
    }

    /// The base64 text of the wire.
    #[must_use]
    pub fn encode(&self) -> String {
        encoding::encode(&self.0)
    }
}

impl fmt::Debug for WrappedOrgKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WrappedOrgKey({} bytes)", self.0.len())
    }
}

#[cfg(test)]
pub(crate) mod tests;
