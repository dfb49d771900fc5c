use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use helvetisafe_crypto::PrivateKey;

/// Reads a PEM. Data that is no text is taken as the DER inside one, under each label in turn, so
/// that the structure of a key is reached without a guess at base64.
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
    // An encrypted PEM may ask for seconds of work, which would only slow the search down.
    if !pem.contains("ENCRYPTED") {
        let with_passphrase = PrivateKey::from_encrypted_pem(pem, "passphrase");
        assert_eq!(outcome.as_ref().err(), with_passphrase.as_ref().err());
    }
    if let Ok(key) = outcome {
        reads_what_it_writes(&key);
    }
}

/// A key that was accepted can be written and read, and is the same key.
pub(crate) fn reads_what_it_writes(key: &PrivateKey) {
    let written = key.to_pkcs8_pem().unwrap();
    let again = PrivateKey::from_pem(&written).unwrap();
    assert_eq!(again.to_pkcs8_pem().unwrap(), written);
    assert_eq!(again.public_key(), key.public_key());
}
