//! An RSA key as a PEM: RFC 7468, with PKCS#1 (RFC 8017 appendix A.1.2) or PKCS#8 (RFC 5958), which may
//! be encrypted (RFC 8018).

mod block;

use alloc::string::String;

use pkcs8::der::asn1::OctetStringRef;
use pkcs8::der::pem::LineEnding;
use pkcs8::der::{Decode, SecretDocument};
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::Kdf;
use pkcs8::{EncodePrivateKey, EncryptedPrivateKeyInfo, PrivateKeyInfoRef};
use rsa::PrivateKey as RsaPrivateKey;
use zeroize::Zeroizing;

use super::PrivateKey;
use super::parts::Parts;
use crate::error::{Error, InvalidPem};
use block::Block;

/// The largest number of PBKDF2 iterations in a PEM.
const MAX_ITERATIONS: u32 = 10_000_000;
/// The largest memory of scrypt in bytes in a PEM.
const MAX_SCRYPT_MEMORY: u64 = 512 << 20;

pub(super) fn read(pem: &str, passphrase: Option<&str>) -> Result<PrivateKey, Error> {
    let block = Block::private_key(pem)?;
    if block.is_openssl_encrypted() {
        // OpenSSL's own format, which derives the key with MD5. It is weak and not a standard.
        return Err(if passphrase.is_some() {
            Error::Passphrase
        } else {
            Error::PassphraseRequired
        });
    }
    let der = match block.label {
        "RSA PRIVATE KEY" | "PRIVATE KEY" | "ENCRYPTED PRIVATE KEY" => block.decode()?,
        _ => return Err(InvalidPem::OtherKey.into()),
    };
    match block.label {
        "RSA PRIVATE KEY" => pkcs1(&der),
        "PRIVATE KEY" => pkcs8(&der),
        _ => {
            let passphrase = passphrase.ok_or(Error::PassphraseRequired)?;
            pkcs8(decrypt(&der, passphrase)?.as_bytes())
        }
    }
}

/// Reads PKCS#1, RFC 8017 appendix A.1.2:
///
/// ```text
/// RSAPrivateKey ::= SEQUENCE {
///     version, n, e, d, p, q, dP, dQ, qInv  INTEGER,
///     otherPrimeInfos  OtherPrimeInfos OPTIONAL }
/// ```
fn pkcs1(der: &[u8]) -> Result<PrivateKey, Error> {
    let key = pkcs1::RsaPrivateKeyRef::from_der(der).map_err(|_| Error::KeyFormat)?;
    if key.other_prime_infos.is_some() {
        return Err(Error::KeyRejected);
    }
    PrivateKey::from_parts(&Parts {
        n: key.modulus.as_bytes(),
        e: key.public_exponent.as_bytes(),
        d: key.private_exponent.as_bytes(),
        p: key.prime1.as_bytes(),
        q: key.prime2.as_bytes(),
        dp: key.exponent1.as_bytes(),
        dq: key.exponent2.as_bytes(),
        qi: key.coefficient.as_bytes(),
    })
}

/// Reads PKCS#8, RFC 5958 section 2:
///
/// ```text
/// OneAsymmetricKey ::= SEQUENCE {
///     version              INTEGER,
///     privateKeyAlgorithm  AlgorithmIdentifier,  -- rsaEncryption
///     privateKey           OCTET STRING,         -- RSAPrivateKey
///     ... }
/// ```
fn pkcs8(der: &[u8]) -> Result<PrivateKey, Error> {
    let info = PrivateKeyInfoRef::from_der(der).map_err(|_| Error::KeyFormat)?;
    let algorithm = info.algorithm;
    // RFC 8017 appendix A.1 requires NULL as the parameters; some writers omit them.
    let plain = algorithm.parameters.is_none_or(|any| any.is_null());
    if algorithm.oid != pkcs1::ALGORITHM_OID {
        return Err(InvalidPem::OtherKey.into());
    }
    if !plain {
        return Err(Error::KeyFormat);
    }
    pkcs1(info.private_key.as_bytes())
}

fn decrypt(der: &[u8], passphrase: &str) -> Result<SecretDocument, Error> {
    let encrypted =
        EncryptedPrivateKeyInfo::<&OctetStringRef>::from_der(der).map_err(|_| Error::Passphrase)?;
    if !is_reasonable(&encrypted.encryption_algorithm) {
        return Err(Error::Passphrase);
    }
    encrypted.decrypt(passphrase).map_err(|_| Error::Passphrase)
}

/// Returns true if the key derivation is within the bounds on time and memory.
fn is_reasonable(scheme: &EncryptionScheme) -> bool {
    let EncryptionScheme::Pbes2(parameters) = scheme else {
        return false;
    };
    match &parameters.kdf {
        Kdf::Pbkdf2(pbkdf2) => pbkdf2.iteration_count <= MAX_ITERATIONS,
        Kdf::Scrypt(scrypt) => {
            // RFC 7914 section 2: 128 * r * N bytes, p times.
            let memory = 128_u64
                .saturating_mul(scrypt.block_size.into())
                .saturating_mul(scrypt.cost_parameter);
            memory.saturating_mul(scrypt.parallelization.into()) <= MAX_SCRYPT_MEMORY
        }
        _ => false,
    }
}

pub(super) fn write(key: &RsaPrivateKey) -> Result<Zeroizing<String>, Error> {
    key.to_pkcs8_pem(LineEnding::LF)
        .map_err(|_| Error::KeyFormat)
}

#[cfg(test)]
mod tests;
