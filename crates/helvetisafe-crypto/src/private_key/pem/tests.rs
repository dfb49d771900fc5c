//! Bounds on the key derivation of an encrypted PEM.

use pkcs8::pkcs5::pbes2::{
    EncryptionScheme as Cipher, Parameters, Pbkdf2Params, Salt, ScryptParams,
};

use super::*;
use crate::private_key::tests::test_key;

const SCRYPT: &str = include_str!("../../../tests/data/rsa-2048-pkcs8-scrypt.pem");
const PBES1: &str = include_str!("../../../tests/data/rsa-2048-pbes1-refused.pem");
const PASSPHRASE: &str = "correct horse \u{e9}\u{1f40e}";

fn scheme(kdf: impl Into<Kdf>) -> EncryptionScheme {
    let encryption = Cipher::Aes256Cbc { iv: [7; 16] };
    EncryptionScheme::Pbes2(Parameters {
        kdf: kdf.into(),
        encryption,
    })
}

#[test]
fn a_pem_that_openssl_encrypted_with_scrypt_needs_its_passphrase() {
    let key = PrivateKey::from_encrypted_pem(SCRYPT, PASSPHRASE).unwrap();
    assert!(key.0 == test_key().0);
    for (passphrase, expected) in [
        (None, Error::PassphraseRequired),
        (Some("correct horse"), Error::Passphrase),
    ] {
        assert_eq!(read(SCRYPT, passphrase).err(), Some(expected));
    }
}

#[test]
fn a_weak_encryption_is_refused() {
    assert_eq!(read(PBES1, Some(PASSPHRASE)).err(), Some(Error::Passphrase));
}

#[test]
fn pbkdf2_may_take_ten_million_iterations() {
    let iterations = |iteration_count| {
        is_reasonable(&scheme(Pbkdf2Params {
            iteration_count,
            ..Pbkdf2Params::hmac_sha256(1, &[7; 16]).unwrap()
        }))
    };
    assert!(iterations(1) && iterations(10_000_000));
    assert!(!iterations(10_000_001) && !iterations(u32::MAX));
}

#[test]
fn scrypt_may_take_512_mebibytes() {
    let memory = |cost_parameter, block_size, parallelization| {
        is_reasonable(&scheme(ScryptParams {
            salt: Salt::new([7; 16]).unwrap(),
            cost_parameter,
            block_size,
            parallelization,
            key_length: None,
        }))
    };
    assert!(memory(1 << 14, 8, 1), "OpenSSL's: 16 MiB");
    assert!(memory(1 << 19, 8, 1) && memory(1 << 18, 8, 2), "512 MiB");
    assert!(!memory((1 << 19) + 1, 8, 1), "more memory");
    assert!(!memory(1 << 19, 9, 1), "larger blocks");
    assert!(!memory(1 << 19, 8, 2), "twice");
    assert!(!memory(u64::MAX, u16::MAX, u16::MAX), "overflow");
}

/// The iterations of this PEM would take minutes, so it is refused before the derivation starts.
#[test]
fn a_pem_with_too_many_iterations_is_refused() {
    let pem = include_str!("../../../tests/data/rsa-2048-pkcs8-encrypted.pem");
    let der = Block::private_key(pem).unwrap().decode().unwrap();
    let mut info = EncryptedPrivateKeyInfo::<&OctetStringRef>::from_der(&der).unwrap();
    let EncryptionScheme::Pbes2(parameters) = &mut info.encryption_algorithm else {
        panic!("the file is in PBES2");
    };
    let Kdf::Pbkdf2(pbkdf2) = &mut parameters.kdf else {
        panic!("the file is in PBKDF2");
    };
    pbkdf2.iteration_count = u32::MAX;
    let der = pkcs8::der::Encode::to_der(&info).unwrap();
    assert_eq!(decrypt(&der, PASSPHRASE).err(), Some(Error::Passphrase));
}
