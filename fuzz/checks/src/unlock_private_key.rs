use helvetisafe_crypto::{EncodedLockedKey, Error, LockedPrivateKey, PrivateKey};
use helvetisafe_proto::Endpoint;
use helvetisafe_proto::endpoint::GetPrivateKey;
use http::Response;

/// Unlocks a private key from a server. The data is five lines: the base64 of the ciphertext, nonce, salt and
/// tag, and the password. If the data is a server's answer, it is only decoded.
///
/// The plaintext is a JWK, which the fuzzer cannot lock without the password, so the data is read as a JWK
/// too.
pub fn unlock_private_key(data: &[u8]) {
    drop(PrivateKey::from_jwk(data));
    if let Ok(answer) = GetPrivateKey.parse(Response::new(data.to_vec())) {
        let encoded = EncodedLockedKey {
            ciphertext: answer.encrypted_private_key,
            nonce: answer.nonce,
            salt: answer.salt,
            tag: answer.auth_tag,
        };
        return drop(decode(&encoded));
    }
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let mut lines = text.lines();
    let mut line = || lines.next().unwrap_or_default().to_owned();
    let encoded = EncodedLockedKey {
        ciphertext: line(),
        nonce: line(),
        salt: line(),
        tag: line(),
    };
    let password = line();
    let Some(locked) = decode(&encoded) else {
        return;
    };
    // Slow from here on, because of Argon2.
    if let Err(error) = locked.unlock(&password) {
        assert_eq!(error, Error::Unlock);
    }
}

/// Decodes a locked key, and checks that it encodes to the same texts.
fn decode(encoded: &EncodedLockedKey) -> Option<LockedPrivateKey> {
    let locked = LockedPrivateKey::decode(encoded).ok()?;
    assert_eq!(locked.encode(), *encoded);
    Some(locked)
}
