use helvetisafe_crypto::{EncodedLockedKey, Error, LockedPrivateKey, PrivateKey};

/// Unlocks what a server sent: the data is five lines, the base64 of the ciphertext, nonce, salt
/// and tag, and the password.
///
/// What stands under the lock is a JWK, which nobody can put there without the password; so the
/// data is read as a JWK too.
pub fn unlock_private_key(data: &[u8]) {
    drop(PrivateKey::from_jwk(data));
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
    let Ok(locked) = LockedPrivateKey::decode(&encoded) else {
        return;
    };
    assert_eq!(locked.encode(), encoded);
    // From here on Argon2 makes it slow.
    if let Err(error) = locked.unlock(&password) {
        assert_eq!(error, Error::Unlock);
    }
}
