use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use helvetisafe_crypto::organization::{PublicKeyInfo, SigningKey, VerificationKey, Words};

/// Reads the keys of an organization: the data as the PEM or the DER of a signing key, as the text or the bytes of a
/// verification key, and as the DER of a public key. Each accepted key has one encoding.
pub fn parse_organization_keys(data: &[u8]) {
    let der = STANDARD.encode(data);
    signing_key(&format!(
        "-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n"
    ));
    if let Ok(text) = str::from_utf8(data) {
        signing_key(text);
        if let Ok(key) = text.parse::<VerificationKey>() {
            assert_eq!(key.to_string(), text);
        }
    }
    if let Ok(bytes) = data.try_into()
        && let Ok(key) = VerificationKey::from_bytes(bytes)
    {
        assert_eq!(key.as_bytes(), bytes);
        assert_eq!(key.to_string().parse(), Ok(key));
    }
    if let Ok(info) = PublicKeyInfo::from_der(data) {
        assert_eq!(info.as_der(), data);
        let again = PublicKeyInfo::try_from(info.public_key()).unwrap();
        assert_eq!(again, info);
        assert_eq!(Words::of_public_key(&again), Words::of_public_key(&info));
    }
}

fn signing_key(pem: &str) {
    if let Ok(key) = SigningKey::from_pem(pem) {
        let again = SigningKey::from_pem(&key.to_pem().unwrap()).unwrap();
        assert_eq!(again.verification_key(), key.verification_key());
    }
}
