//! Base64 as on the wire: RFC 4648 section 4, padded and canonical. White space, missing padding
//! and stray bits are refused.

use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::Error;

pub(crate) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Decodes into a buffer with no spare growth, so that it can be decrypted in place.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, Error> {
    STANDARD.decode(text).map_err(|_| Error::Encoding)
}

pub(crate) fn decode_array<const N: usize>(text: &str) -> Result<[u8; N], Error> {
    decode(text)?.try_into().map_err(|_| Error::Encoding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_canonical_text_is_accepted() {
        assert_eq!(decode("AAE=").unwrap(), [0, 1]);
        for text in [
            "AAE", "AAF=", "AAE=\n", " AAE=", "AA E=", "AAE==", "AA-_", "A", "=", "AAE=AAE=",
        ] {
            assert_eq!(decode(text), Err(Error::Encoding), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(bytes: Vec<u8>) {
            prop_assert_eq!(decode(&encode(&bytes)).unwrap(), bytes);
        }

        #[test]
        fn every_text_has_one_meaning(text in "[A-Za-z0-9+/]{0,12}={0,2}") {
            if let Ok(bytes) = decode(&text) {
                prop_assert_eq!(encode(&bytes), text);
            }
        }
    }
}
