use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::aead::{NONCE_LEN, TAG_LEN};
use crate::{Error, encoding};

/// A sealed secret: a 12-byte nonce, and the ciphertext followed by its 16-byte tag.
///
/// An envelope may be public. On the wire it is two base64 texts, `value` and `nonce`. Decoding
/// allocates the buffer in which [`OrgKey::open`](crate::OrgKey::open) later decrypts in place.
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope {
    pub(crate) nonce: [u8; NONCE_LEN],
    pub(crate) ciphertext_and_tag: Vec<u8>,
}

impl Envelope {
    /// Reads the two base64 texts of the wire.
    ///
    /// # Errors
    ///
    /// [`Error::Encoding`] when either text is not canonical base64 (RFC 4648 section 4, padded), the
    /// nonce does not have 12 bytes, or the value has fewer than 16 bytes.
    pub fn decode(value: &str, nonce: &str) -> Result<Self, Error> {
        Self::from_parts(encoding::decode_array(nonce)?, encoding::decode(value)?)
    }

    /// Reads the two base64 texts of the wire, and decodes the value in its own memory.
    ///
    /// # Errors
    ///
    /// See [`Self::decode`].
    pub fn decode_in_place(value: String, nonce: &str) -> Result<Self, Error> {
        let nonce = encoding::decode_array(nonce)?;
        Self::from_parts(nonce, encoding::decode_in_place(value)?)
    }

    /// Makes an envelope from a nonce and the ciphertext followed by its tag.
    ///
    /// # Errors
    ///
    /// [`Error::Encoding`] when `ciphertext_and_tag` has fewer than 16 bytes.
    pub fn from_parts(nonce: [u8; 12], ciphertext_and_tag: Vec<u8>) -> Result<Self, Error> {
        if ciphertext_and_tag.len() < TAG_LEN {
            return Err(Error::Encoding);
        }
        Ok(Self {
            nonce,
            ciphertext_and_tag,
        })
    }

    /// Reads the bytes of [`Self::to_bytes`].
    ///
    /// # Errors
    ///
    /// [`Error::Encoding`] when there are fewer than 28 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let (nonce, ciphertext_and_tag) = bytes.split_first_chunk().ok_or(Error::Encoding)?;
        Self::from_parts(*nonce, ciphertext_and_tag.to_vec())
    }

    /// Returns the envelope as bytes, for a file or another store: the 12-byte nonce, the ciphertext, and its
    /// 16-byte tag.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.nonce.as_slice(), &self.ciphertext_and_tag].concat()
    }

    /// Returns the nonce, and the ciphertext followed by its tag, without a copy.
    #[must_use]
    pub fn into_parts(self) -> ([u8; 12], Vec<u8>) {
        (self.nonce, self.ciphertext_and_tag)
    }

    /// Base64 of the ciphertext followed by its tag.
    #[must_use]
    pub fn encode_value(&self) -> String {
        encoding::encode(&self.ciphertext_and_tag)
    }

    /// Base64 of the nonce: 16 characters.
    #[must_use]
    pub fn encode_nonce(&self) -> String {
        encoding::encode(&self.nonce)
    }

    /// The nonce.
    #[must_use]
    pub fn nonce(&self) -> &[u8; 12] {
        &self.nonce
    }

    /// The ciphertext followed by its tag.
    #[must_use]
    pub fn ciphertext_and_tag(&self) -> &[u8] {
        &self.ciphertext_and_tag
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Envelope({} bytes)", self.ciphertext_and_tag.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_nonce_has_12_bytes_and_a_value_at_least_16() {
        let value = |length| encoding::encode(&std::vec![0; length]);
        assert!(Envelope::decode(&value(16), &value(12)).is_ok());
        for (in_value, in_nonce) in [(15, 12), (0, 12), (16, 11), (16, 13), (16, 0)] {
            let in_place = Envelope::decode_in_place(value(in_value), &value(in_nonce));
            assert_eq!(in_place, Err(Error::Encoding), "{in_value} {in_nonce}");
            let outcome = Envelope::decode(&value(in_value), &value(in_nonce));
            assert_eq!(outcome, Err(Error::Encoding), "{in_value} {in_nonce}");
        }
    }

    #[test]
    fn the_bytes_are_the_nonce_the_ciphertext_and_the_tag() {
        let bytes: Vec<u8> = (0..29).collect();
        let envelope = Envelope::from_bytes(&bytes).unwrap();
        assert_eq!(envelope.nonce().as_slice(), &bytes[..12]);
        assert_eq!(envelope.ciphertext_and_tag(), &bytes[12..]);
        assert_eq!(envelope.to_bytes(), bytes);
        for length in [0, 11, 12, 27] {
            let outcome = Envelope::from_bytes(&bytes[..length]);
            assert_eq!(outcome, Err(Error::Encoding), "{length}");
        }
    }

    #[test]
    fn debug_shows_only_the_length() {
        let envelope = Envelope::from_parts([0; 12], std::vec![0; 20]).unwrap();
        assert_eq!(std::format!("{envelope:?}"), "Envelope(20 bytes)");
    }

    proptest! {
        #[test]
        fn encoding_and_decoding_round_trip(nonce: [u8; 12], bytes in proptest::collection::vec(any::<u8>(), 16..200)) {
            let envelope = Envelope::from_parts(nonce, bytes.clone()).unwrap();
            prop_assert_eq!((envelope.nonce(), envelope.ciphertext_and_tag()), (&nonce, &*bytes));
            let decoded = Envelope::decode(&envelope.encode_value(), &envelope.encode_nonce());
            prop_assert_eq!(&decoded.unwrap(), &envelope);
            let decoded = Envelope::decode_in_place(envelope.encode_value(), &envelope.encode_nonce());
            prop_assert_eq!(&decoded.unwrap(), &envelope);
            prop_assert_eq!(Envelope::from_bytes(&envelope.to_bytes()), Ok(envelope.clone()));
            prop_assert_eq!(envelope.into_parts(), (nonce, bytes));
        }
    }
}
