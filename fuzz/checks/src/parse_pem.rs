use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use helvetisafe_crypto::PrivateKey;

/// Reads a PEM. Data that is not text is used as the DER in a PEM with each label in turn, so that the fuzzer
/// reaches the structure of a key without finding base64 first.
pub fn parse_pem(data: &[u8]) {
    match str::from_utf8(data) {
        Ok(pem) => read(pem),
        Err(_) => {
            for label in ["RSA PRIVATE KEY", "PRIVATE KEY", "ENCRYPTED PRIVATE KEY"] {
                let der = STANDARD.encode(data);
                read(&format!(
                    "-----BEGIN {label}-----\n{der}\n-----END {label}-----\n"
                ));
            }
        }
    }
}

fn read(pem: &str) {
    let outcome = PrivateKey::from_pem(pem);
    // The key derivation of an encrypted PEM can take seconds, which would slow the fuzzer down.
    if !pem.contains("ENCRYPTED") {
        let with_passphrase = PrivateKey::from_encrypted_pem(pem, "passphrase");
        assert_eq!(outcome.as_ref().err(), with_passphrase.as_ref().err());
    }
    if let Ok(key) = outcome {
        check_round_trip(&key);
    }
}

/// Checks that an accepted key can be written and read again.
pub(crate) fn check_round_trip(key: &PrivateKey) {
    let written = key.to_pkcs8_pem().unwrap();
    let again = PrivateKey::from_pem(&written).unwrap();
    assert_eq!(again.to_pkcs8_pem().unwrap(), written);
    assert_eq!(again.public_key(), key.public_key());
}
