use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use rand_core::TryCryptoRng;
use zeroize::Zeroizing;

use crate::aead::{Cipher, NONCE_LEN, TAG_LEN};
use crate::{Error, PrivateKey, encoding, kdf, random, stack};

/// Bytes of a new salt; RFC 9106 section 3.1 recommends 16.
const SALT_LEN: usize = 16;
/// The accepted lengths of a salt in bytes. The minimum is Argon2's.
const SALT_LENGTHS: core::ops::RangeInclusive<usize> = 8..=1024;

/// An RSA private key, encrypted under a password, as the server stores it.
///
/// ```text
/// key = Argon2id(password, salt)
/// ciphertext, tag = AES-256-GCM(key, nonce, JWK of the private key)
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct LockedPrivateKey {
    ciphertext: Vec<u8>,
    nonce: [u8; NONCE_LEN],
    salt: Vec<u8>,
    tag: [u8; TAG_LEN],
}

/// A [`LockedPrivateKey`] as the four base64 texts of the wire.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EncodedLockedKey {
    /// The ciphertext, without its tag.
    pub ciphertext: String,
    /// The 12-byte nonce.
    pub nonce: String,
    /// The salt: 8 to 1024 bytes, 16 when made here.
    pub salt: String,
    /// The 16-byte tag.
    pub tag: String,
}

impl LockedPrivateKey {
    /// Reads the four base64 texts of the wire.
    ///
    /// # Errors
    ///
    /// [`Error::Encoding`] when a text is not canonical base64, or does not have the number of bytes
    /// stated in [`EncodedLockedKey`].
    pub fn decode(encoded: &EncodedLockedKey) -> Result<Self, Error> {
        let salt = encoding::decode(&encoded.salt)?;
        if !SALT_LENGTHS.contains(&salt.len()) {
            return Err(Error::Encoding);
        }
        Ok(Self {
            ciphertext: encoding::decode(&encoded.ciphertext)?,
            nonce: encoding::decode_array(&encoded.nonce)?,
            salt,
            tag: encoding::decode_array(&encoded.tag)?,
        })
    }

    /// Writes the four base64 texts of the wire.
    #[must_use]
    pub fn encode(&self) -> EncodedLockedKey {
        EncodedLockedKey {
            ciphertext: encoding::encode(&self.ciphertext),
            nonce: encoding::encode(&self.nonce),
            salt: encoding::encode(&self.salt),
            tag: encoding::encode(&self.tag),
        }
    }

    /// Returns ciphertext, nonce, salt and tag.
    #[cfg(feature = "organization")]
    pub(crate) fn parts(&self) -> [&[u8]; 4] {
        [&self.ciphertext, &self.nonce, &self.salt, &self.tag]
    }

    /// Locks a key under a password, with a salt and a nonce from `rng`. Uses 19 MiB of memory during
    /// the call.
    ///
    /// # Errors
    ///
    /// [`Error::Randomness`] when `rng` fails.
    pub fn lock_with_rng<R: TryCryptoRng + ?Sized>(
        rng: &mut R,
        key: &PrivateKey,
        password: &str,
    ) -> Result<Self, Error> {
        let salt: [u8; SALT_LEN] = random::bytes(rng)?;
        let nonce = random::bytes(rng)?;
        stack::wiped(|| {
            let locking_key = kdf::derive_locking_key(password.as_bytes(), &salt)?;
            let mut jwk = key.to_jwk()?;
            // Encrypted in place: the buffer has room for the tag.
            let mut ciphertext = core::mem::take(&mut *jwk);
            Cipher::new(&locking_key).seal(&nonce, &[], &mut ciphertext)?;
            let tag = ciphertext.split_off(ciphertext.len() - TAG_LEN);
            let tag = tag.try_into().map_err(|_| Error::TooLong)?;
            Ok(Self {
                ciphertext,
                nonce,
                salt: salt.to_vec(),
                tag,
            })
        })
    }

    /// Locks a key under a password, with the operating system's randomness.
    ///
    /// # Errors
    ///
    /// [`Error::Randomness`] when the operating system has no randomness.
    #[cfg(feature = "getrandom")]
    pub fn lock(key: &PrivateKey, password: &str) -> Result<Self, Error> {
        Self::lock_with_rng(&mut getrandom::SysRng, key, password)
    }

    /// Unlocks the key. Uses 19 MiB of memory during the call, and wipes it.
    ///
    /// # Errors
    ///
    /// [`Error::Unlock`] when the password is wrong, the data was changed, or the plaintext is not a
    /// JWK that [`PrivateKey::from_jwk`] accepts.
    pub fn unlock(&self, password: &str) -> Result<PrivateKey, Error> {
        stack::wiped(|| {
            let locking_key = kdf::derive_locking_key(password.as_bytes(), &self.salt)?;
            let mut jwk = Zeroizing::new([self.ciphertext.as_slice(), &self.tag].concat());
            Cipher::new(&locking_key)
                .open(&self.nonce, &[], &mut jwk)
                .and_then(|()| PrivateKey::from_jwk(&jwk))
                .map_err(|_| Error::Unlock)
        })
    }
}

impl fmt::Debug for LockedPrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LockedPrivateKey({} bytes)", self.ciphertext.len())
    }
}

#[cfg(all(test, feature = "getrandom"))]
mod tests {
    use super::*;
    use crate::private_key::tests::{org_key, test_key};
    use crate::random::tests::Failing;

    #[test]
    fn only_the_right_password_unlocks() {
        let (key, password) = (test_key(), "pässword \u{1f511}\0\"");
        let locked = LockedPrivateKey::lock(&key, password).unwrap();
        let locked = LockedPrivateKey::decode(&locked.encode()).unwrap();
        let unlocked = locked.unlock(password).unwrap();
        let wrapped = key.public_key().wrap_org_key(&org_key()).unwrap();
        assert_eq!(
            unlocked.unwrap_org_key(&wrapped).unwrap().expose_secret(),
            org_key().expose_secret()
        );
        for wrong in ["", "password", "pässword \u{1f511}\0"] {
            assert_eq!(locked.unlock(wrong).err(), Some(Error::Unlock), "{wrong:?}");
        }
    }

    #[test]
    fn changed_data_does_not_unlock() {
        let locked = LockedPrivateKey::lock(&test_key(), "p").unwrap();
        let changes: [fn(&mut LockedPrivateKey); 5] = [
            |key| key.ciphertext[9] ^= 1,
            |key| key.nonce[0] ^= 1,
            |key| key.salt[0] ^= 1,
            |key| key.tag[15] ^= 1,
            |key| key.ciphertext.clear(),
        ];
        for change in changes {
            let mut changed = locked.clone();
            change(&mut changed);
            assert_eq!(changed.unlock("p").err(), Some(Error::Unlock));
        }
    }

    #[test]
    fn two_locks_of_one_key_share_nothing() {
        let [one, two] = [(); 2].map(|()| LockedPrivateKey::lock(&test_key(), "p").unwrap());
        assert_ne!(one.salt, two.salt);
        assert_ne!(one.nonce, two.nonce);
        assert_ne!(one.ciphertext[..32], two.ciphertext[..32]);
    }

    #[test]
    fn wrong_lengths_are_refused() {
        let encoded = LockedPrivateKey::lock(&test_key(), "p").unwrap().encode();
        let of = |length| encoding::encode(&std::vec![0; length]);
        let wrong = [
            EncodedLockedKey {
                nonce: of(11),
                ..encoded.clone()
            },
            EncodedLockedKey {
                tag: of(15),
                ..encoded.clone()
            },
            EncodedLockedKey {
                salt: of(7),
                ..encoded.clone()
            },
            EncodedLockedKey {
                salt: of(1025),
                ..encoded.clone()
            },
            EncodedLockedKey {
                ciphertext: "AAE".into(),
                ..encoded
            },
        ];
        for encoded in wrong {
            assert_eq!(LockedPrivateKey::decode(&encoded), Err(Error::Encoding));
        }
    }

    #[test]
    fn debug_shows_only_the_length() {
        let mut locked = LockedPrivateKey::lock(&test_key(), "p").unwrap();
        locked.ciphertext.truncate(20);
        assert_eq!(std::format!("{locked:?}"), "LockedPrivateKey(20 bytes)");
    }

    #[test]
    fn a_failing_random_source_is_an_error() {
        for left in [0, 1] {
            let outcome = LockedPrivateKey::lock_with_rng(&mut Failing { left }, &test_key(), "p");
            assert_eq!(outcome, Err(Error::Randomness));
        }
    }
}
