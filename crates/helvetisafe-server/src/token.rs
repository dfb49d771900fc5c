//! Random credentials, and their hashes for the database.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde::Serializer;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The operating system has no randomness.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the operating system's source of randomness failed")]
pub(crate) struct NoRandomness;

impl From<NoRandomness> for crate::Error {
    fn from(_: NoRandomness) -> Self {
        Self::Random
    }
}

/// The prefix of a bootstrap token.
pub(crate) const BOOTSTRAP_PREFIX: &str = "hs_bootstrap_";

/// Makes a credential of 256 random bits: a prefix, by which readers and secret scanners recognize it, and
/// 43 characters of base64url.
pub(crate) fn generate(prefix: &str) -> Result<SecretString, NoRandomness> {
    let text = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(random::<32>()?));
    Ok(format!("{prefix}{}", *text).into())
}

/// Makes a unique public name: a prefix and 22 characters of base64url.
pub(crate) fn generate_name(prefix: &str) -> Result<String, NoRandomness> {
    let text = BASE64_URL_SAFE_NO_PAD.encode(random::<16>()?);
    Ok(format!("{prefix}{text}"))
}

/// Makes a random id, which is not negative.
pub(crate) fn generate_id() -> Result<i64, NoRandomness> {
    Ok(i64::from_be_bytes(*random()?) & i64::MAX)
}

/// Makes 32 random bytes that are no secret.
pub(crate) fn generate_bytes() -> Result<[u8; 32], NoRandomness> {
    Ok(*random()?)
}

fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, NoRandomness> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(bytes.as_mut()).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// Serializes a credential for its owner.
pub(crate) fn exposed<S: Serializer>(
    credential: &SecretString,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(credential.expose_secret())
}

/// The SHA-256 of a credential, FIPS 180-4.
///
/// A fast hash suffices: credentials have 256 random bits and cannot be guessed. Slow hashes are for
/// passwords, and the vault stores none.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Hash([u8; 32]);

impl Hash {
    pub(crate) fn of(credential: &SecretString) -> Self {
        Self::of_text(credential.expose_secret())
    }

    pub(crate) fn of_text(credential: &str) -> Self {
        Self(Sha256::digest(credential.as_bytes()).into())
    }

    /// Takes the hash of a credential that a client has made.
    pub(crate) fn from_bytes(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    /// Compares with the stored hash in constant time. Without a stored hash it compares with zeros, so that
    /// an unknown client takes as long as a known one.
    pub(crate) fn matches(self, stored: Option<&[u8]>) -> bool {
        self.0.ct_eq(stored.unwrap_or(&[0; 32])).into()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_long_and_differ() {
        let [a, b] = [(); 2].map(|()| generate("hs_").unwrap());
        assert_eq!(a.expose_secret().len(), "hs_".len() + 43);
        assert_ne!(a.expose_secret(), b.expose_secret());
        assert!(generate_id().unwrap() >= 0);
    }

    #[test]
    fn only_the_same_credential_matches() {
        let stored = Hash::of_text("a");
        assert!(Hash::of_text("a").matches(Some(stored.as_bytes())));
        assert!(!Hash::of_text("b").matches(Some(stored.as_bytes())));
        assert!(!Hash::of_text("a").matches(Some(&[])));
        assert!(!Hash::of_text("a").matches(None));
    }
}
