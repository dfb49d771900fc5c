//! The keys of accounts and administrators: RSA public keys as SPKI, and Ed25519.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use base64_simd::STANDARD_NO_PAD;
use ed25519_dalek::{Signature, Signer, SigningKey as DalekKey, VerifyingKey};
use pkcs8::der::SecretDocument;
use pkcs8::der::pem::LineEnding;
use pkcs8::{DecodePublicKey, EncodePublicKey};
use rand_core::TryCryptoRng;
use rsa::PublicKey as RsaPublicKey;
use rsa::traits::PublicKeyParts;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::private_key::MODULUS_BITS;
use crate::{Error, PublicKey, random, stack};

/// The reason for which a key of an organization is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidKey {
    /// The text is not an Ed25519 private key in PKCS#8.
    #[error("the text is not an Ed25519 private key in a PEM (PKCS#8) of one key")]
    SigningKey,
    /// The bytes or the text are not an Ed25519 public key, or the key is of small order: signatures for it need no
    /// private key.
    #[error("the verification key is not valid: it is `ed25519:` and 43 characters of base64")]
    VerificationKey,
    /// The bytes are not an RSA public key of 2048 to 8192 bits in the canonical DER of a SubjectPublicKeyInfo.
    #[error(
        "the public key is not an RSA key of 2048 to 8192 bits in canonical DER (SubjectPublicKeyInfo)"
    )]
    PublicKey,
}

/// An administrator's private key for the signed chain: Ed25519, RFC 8032.
///
/// It is wiped on drop, and has no `Debug`, `Clone` or `==`.
///
/// ```
/// use helvetisafe_crypto::organization::SigningKey;
///
/// # #[cfg(feature = "getrandom")] {
/// let key = SigningKey::generate()?;
/// let again = SigningKey::from_pem(&key.to_pem()?)?;
/// assert_eq!(again.verification_key(), key.verification_key());
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SigningKey(Box<DalekKey>);

impl SigningKey {
    /// The bytes before the 32 bytes of the key in PKCS#8, RFC 8410 section 7: version 0, the algorithm 1.3.101.112,
    /// and the headers of two nested octet strings.
    const DER_PREFIX: [u8; 16] = [
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04,
        0x20,
    ];
    const LABEL: &str = "PRIVATE KEY";

    /// Makes a new key with `rng`.
    ///
    /// # Errors
    ///
    /// [`Error::Randomness`] when `rng` fails.
    pub fn generate_with_rng<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Self, Error> {
        stack::wiped(|| Ok(Self::from_bytes(&Zeroizing::new(random::bytes(rng)?))))
    }

    /// Makes a new key with the operating system's randomness.
    ///
    /// # Errors
    ///
    /// [`Error::Randomness`] when the operating system has no randomness.
    #[cfg(feature = "getrandom")]
    pub fn generate() -> Result<Self, Error> {
        Self::generate_with_rng(&mut getrandom::SysRng)
    }

    /// Reads a PEM (RFC 7468) with an unencrypted key in PKCS#8 form, as OpenSSL writes it.
    ///
    /// # Errors
    ///
    /// [`InvalidKey::SigningKey`] for anything else.
    pub fn from_pem(pem: &str) -> Result<Self, InvalidKey> {
        stack::wiped(|| {
            let (label, der) = SecretDocument::from_pem(pem).ok()?;
            let seed = der.as_bytes().strip_prefix(&Self::DER_PREFIX)?;
            (label == Self::LABEL).then_some(())?;
            Some(Self::from_bytes(seed.try_into().ok()?))
        })
        .ok_or(InvalidKey::SigningKey)
    }

    /// Writes the key as an unencrypted PEM in PKCS#8 form, wiped on drop.
    ///
    /// # Errors
    ///
    /// None is known: every key can be written.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, InvalidKey> {
        stack::wiped(|| {
            let der = Zeroizing::new([&Self::DER_PREFIX[..], self.0.as_bytes()].concat());
            let der = SecretDocument::try_from(der.as_slice()).ok()?;
            der.to_pem(Self::LABEL, LineEnding::LF).ok()
        })
        .ok_or(InvalidKey::SigningKey)
    }

    /// Returns the public key.
    #[must_use]
    pub fn verification_key(&self) -> VerificationKey {
        VerificationKey(self.0.verifying_key().to_bytes())
    }

    /// Signs, RFC 8032 section 5.1.6.
    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        stack::wiped(|| self.0.sign(message).to_bytes())
    }

    fn from_bytes(seed: &[u8; 32]) -> Self {
        Self(Box::new(DalekKey::from_bytes(seed)))
    }
}

/// An administrator's public key for the signed chain. The text form is `ed25519:` and base64 without padding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VerificationKey([u8; 32]);

impl VerificationKey {
    const PREFIX: &str = "ed25519:";

    /// Reads the 32 bytes of RFC 8032 section 5.1.2.
    ///
    /// # Errors
    ///
    /// [`InvalidKey::VerificationKey`] when they are not the canonical encoding of a point of the curve, or the point
    /// is of small order, so that signatures can be made without a private key.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, InvalidKey> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| InvalidKey::VerificationKey)?;
        // RFC 8032 section 5.1.3 step 1, which the library leaves out: y has to be below p.
        let is_canonical = key.to_edwards().compress().as_bytes() == bytes;
        (is_canonical && !key.is_weak())
            .then_some(Self(*bytes))
            .ok_or(InvalidKey::VerificationKey)
    }

    /// Returns the 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Verifies a signature, RFC 8032 section 5.1.7, and refuses each second form of a signature and of a key.
    pub(super) fn is_signature(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        VerifyingKey::from_bytes(&self.0).is_ok_and(|key| {
            key.verify_strict(message, &Signature::from_bytes(signature))
                .is_ok()
        })
    }
}

impl fmt::Display for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::from(Self::PREFIX);
        STANDARD_NO_PAD.encode_append(self.0, &mut text);
        f.pad(&text)
    }
}

impl fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerificationKey({self})")
    }
}

impl FromStr for VerificationKey {
    type Err = InvalidKey;

    /// Reads the text form; anything else is [`InvalidKey::VerificationKey`].
    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let base64 = text.strip_prefix(Self::PREFIX);
        let bytes = base64.and_then(|base64| STANDARD_NO_PAD.decode_to_vec(base64).ok());
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        Self::from_bytes(&bytes.ok_or(InvalidKey::VerificationKey)?)
    }
}

impl AsRef<[u8]> for VerificationKey {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// An account's RSA public key with its one DER encoding: SubjectPublicKeyInfo, RFC 5280 section 4.1.2.7, with
/// rsaEncryption of RFC 8017 appendix A.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKeyInfo {
    der: Vec<u8>,
    key: PublicKey,
}

impl PublicKeyInfo {
    /// Reads the DER encoding. Only the canonical one is accepted, so that a key has one hash.
    ///
    /// # Errors
    ///
    /// [`InvalidKey::PublicKey`] when it is not the canonical encoding of an RSA key of 2048 to 8192 bits.
    pub fn from_der(der: &[u8]) -> Result<Self, InvalidKey> {
        let key = RsaPublicKey::from_public_key_der(der).map_err(|_| InvalidKey::PublicKey)?;
        let info = Self::try_from(&PublicKey(key))?;
        (info.der == der)
            .then_some(info)
            .ok_or(InvalidKey::PublicKey)
    }

    /// Returns the DER encoding.
    #[must_use]
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// Returns the key, for which the org key is wrapped.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.key
    }

    /// Returns the SHA-256 of the DER encoding, as it stands in the chain.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(&self.der).into()
    }
}

impl TryFrom<&PublicKey> for PublicKeyInfo {
    type Error = InvalidKey;

    fn try_from(key: &PublicKey) -> Result<Self, InvalidKey> {
        let der = key.0.to_public_key_der().ok();
        let is_large_enough = MODULUS_BITS.contains(&(key.0.n().bit_width_vartime() as usize));
        Ok(Self {
            der: der
                .filter(|_| is_large_enough)
                .ok_or(InvalidKey::PublicKey)?
                .into_vec(),
            key: key.clone(),
        })
    }
}

#[cfg(all(test, feature = "getrandom"))]
mod tests;
