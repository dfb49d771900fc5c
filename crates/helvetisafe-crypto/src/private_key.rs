mod jwk;
mod parts;
mod pem;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use rand_core::TryCryptoRng;
use rsa::traits::{PaddingScheme, PublicKeyParts};
use rsa::{Oaep, PrivateKey as RsaPrivateKey};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::aead::KEY_LEN;
use crate::{Error, OrgKey, PublicKey, WrappedOrgKey, stack};
pub(crate) use parts::MODULUS_BITS;

/// An account's RSA private key of 2048 to 8192 bits, whose numbers are checked to be consistent.
///
/// It is not tested whether `p` and `q` are primes, since that takes as long as an unwrap. If one of them
/// is not, unwrapping fails with [`Error::Unwrap`]: each result is encrypted again and compared with
/// the ciphertext before it is used (RFC 8017 section 5.1.2; Boneh, DeMillo and Lipton 1997).
///
/// Wiped on drop; `Debug` shows only its size, and there is no `Clone` and no `==`.
pub struct PrivateKey(RsaPrivateKey);

impl PrivateKey {
    /// Reads a PEM (RFC 7468) with an unencrypted key in PKCS#1 (`RSA PRIVATE KEY`) or PKCS#8
    /// (`PRIVATE KEY`) form. As with OpenSSL, other text, certificates and public keys may stand around the
    /// key, and white space and NUL anywhere in the base64.
    ///
    /// # Errors
    ///
    /// [`Error::Pem`] with the reason when it is not a PEM with one private key for RSA;
    /// [`Error::KeyFormat`] when the content has another structure; [`Error::PassphraseRequired`] when it
    /// is encrypted; [`Error::KeyRejected`] when the key is not acceptable.
    pub fn from_pem(pem: &str) -> Result<Self, Error> {
        stack::wiped(|| pem::read(pem, None))
    }

    /// Reads a PEM that may be encrypted: `ENCRYPTED PRIVATE KEY`, PKCS#8 with PBES2 (RFC 8018)
    /// and AES. The passphrase is ignored when the PEM is not encrypted.
    ///
    /// # Errors
    ///
    /// Those of [`Self::from_pem`], and [`Error::Passphrase`] when the PEM does not decrypt, or asks for
    /// more than 10 million iterations or 512 MiB of memory.
    pub fn from_encrypted_pem(pem: &str, passphrase: &str) -> Result<Self, Error> {
        stack::wiped(|| pem::read(pem, Some(passphrase)))
    }

    /// Reads a JWK (RFC 7517, RFC 7518 section 6.3) with `kty`, `n`, `e`, `d`, `p`, `q`, `dp`, `dq`
    /// and `qi`. A key with more than two primes is refused; other members are ignored.
    ///
    /// # Errors
    ///
    /// [`Error::KeyFormat`] when it is not such a JWK; [`Error::KeyRejected`] when the key is not
    /// acceptable.
    pub fn from_jwk(jwk: &[u8]) -> Result<Self, Error> {
        stack::wiped(|| jwk::read(jwk))
    }

    /// Writes the key as an unencrypted PEM in PKCS#8 form.
    ///
    /// # Errors
    ///
    /// None is known: every accepted key can be written.
    pub fn to_pkcs8_pem(&self) -> Result<Zeroizing<String>, Error> {
        stack::wiped(|| pem::write(&self.0))
    }

    /// Makes a new key of `bits` bits with the public exponent 65537.
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
        match stack::wiped(|| RsaPrivateKey::new(rng, bits)) {
            Ok(key) => Ok(Self(key)),
            Err(rsa::Error::Rng) => Err(Error::Randomness),
            Err(_) => Err(Error::KeyRejected),
        }
    }

    /// Makes a new key of `bits` bits with the operating system's randomness.
    ///
    /// # Errors
    ///
    /// [`Error::KeyRejected`] when `bits` is not in 2048 to 8192; [`Error::Randomness`] when the
    /// operating system has no randomness.
    #[cfg(feature = "getrandom")]
    pub fn generate(bits: usize) -> Result<Self, Error> {
        Self::generate_with_rng(&mut getrandom::SysRng, bits)
    }

    /// Returns the public key.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.to_public_key())
    }

    /// Unwraps the org key with RSAES-OAEP-DECRYPT, blinded with randomness from `rng`.
    ///
    /// RFC 8017 section 7.1.2, with SHA-256, MGF1 with SHA-256, and an empty label L:
    ///
    /// ```text
    /// if len(C) != k or k < 2 hLen + 2: decryption error
    /// EM = I2OSP(RSADP(K, OS2IP(C)), k) = Y || maskedSeed || maskedDB
    /// seed = maskedSeed xor MGF(maskedDB, hLen)
    /// DB = maskedDB xor MGF(seed, k - hLen - 1)
    /// if DB != Hash(L) || 0^* || 0x01 || M or Y != 0: decryption error
    /// return M
    /// ```
    ///
    /// The crate `rsa` does not check Y: that check is the oracle of Manger's attack.
    ///
    /// # Errors
    ///
    /// [`Error::Unwrap`] for every failure alike; [`Error::Randomness`] when `rng` fails.
    pub fn unwrap_org_key_with_rng<R: TryCryptoRng + ?Sized>(
        &self,
        rng: &mut R,
        wrapped: &WrappedOrgKey,
    ) -> Result<OrgKey, Error> {
        stack::wiped(|| {
            let bytes = self.decrypt(rng, Oaep::new(), &wrapped.0)?;
            let bytes: &[u8; KEY_LEN] = bytes.as_slice().try_into().map_err(|_| Error::Unwrap)?;
            Ok(OrgKey::from_bytes(bytes))
        })
    }

    /// Unwraps the org key, blinded with the operating system's randomness.
    ///
    /// # Errors
    ///
    /// [`Error::Unwrap`] for every failure alike; [`Error::Randomness`] when the operating system
    /// has no randomness.
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
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({} bits)", self.0.n().bit_width())
    }
}

#[cfg(test)]
pub(crate) mod tests;
