use alloc::string::String;

use base64ct::{Base64UrlUnpadded, Encoding};
use rand_core::TryCryptoRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{Error, random, stack};

/// A client secret or an API token: 256 random bits as base64url (RFC 4648 section 5) without padding, 43
/// characters.
///
/// It is wiped on drop, and has no `Debug`, `Clone` or `==`.
///
/// ```
/// use helvetisafe_crypto::organization::Credential;
///
/// # #[cfg(feature = "getrandom")] {
/// let token = Credential::generate()?;
/// assert_eq!(token.expose_secret().len(), 43);
/// let for_the_vault: [u8; 32] = token.hash();
/// # }
/// # Ok::<(), helvetisafe_crypto::Error>(())
/// ```
pub struct Credential(Zeroizing<String>);

impl Credential {
    /// Makes a new credential with `rng`.
    ///
    /// # Errors
    ///
    /// [`Error::Randomness`] when `rng` fails.
    pub fn generate_with_rng<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Self, Error> {
        stack::wiped(|| {
            let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(random::bytes(rng)?);
            Ok(Self(Zeroizing::new(Base64UrlUnpadded::encode_string(
                bytes.as_slice(),
            ))))
        })
    }

    /// Makes a new credential with the operating system's randomness.
    ///
    /// # Errors
    ///
    /// [`Error::Randomness`] when the operating system has no randomness.
    #[cfg(feature = "getrandom")]
    pub fn generate() -> Result<Self, Error> {
        Self::generate_with_rng(&mut getrandom::SysRng)
    }

    /// Returns the text, as a client sends it.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        &self.0
    }

    /// Returns the SHA-256 of the text, which the vault stores. 256 random bits cannot be guessed, so the hash needs
    /// neither a salt nor a slow function.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        stack::wiped(|| Sha256::digest(self.0.as_bytes()).into())
    }
}
