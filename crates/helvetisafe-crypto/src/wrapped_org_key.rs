use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::{Error, encoding};

/// An org key, encrypted for one account with RSA-OAEP, as the server stores it. It is as long as the
/// modulus.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedOrgKey(pub(crate) Vec<u8>);

impl WrappedOrgKey {
    /// Reads the base64 text of the wire. The length is checked when it is unwrapped.
    ///
    /// # Errors
    ///
    /// [`Error::Encoding`] when it is not canonical base64.
    pub fn decode(text: &str) -> Result<Self, Error> {
        encoding::decode(text).map(Self)
    }

    /// Makes a wrapped org key from its bytes. The length is checked when it is unwrapped.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Returns the bytes of the RSA ciphertext.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Writes the base64 text of the wire.
    #[must_use]
    pub fn encode(&self) -> String {
        encoding::encode(&self.0)
    }
}

impl fmt::Debug for WrappedOrgKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WrappedOrgKey({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_those_of_the_text() {
        let wrapped = WrappedOrgKey::from_bytes(std::vec![0, 1]);
        assert_eq!(
            (wrapped.as_bytes(), &*wrapped.encode()),
            (&[0, 1][..], "AAE=")
        );
        assert_eq!(WrappedOrgKey::decode("AAE="), Ok(wrapped));
    }
}
