//! Base64 on the wire: RFC 4648 section 4, padded and canonical.
//!
//! White space, missing padding and nonzero trailing bits are refused. No secret is encoded this way,
//! so the decoder need not run in constant time.

use alloc::string::String;
use alloc::vec::Vec;

use base64_simd::{AsOut, STANDARD};

use crate::Error;

pub(crate) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode_to_string(bytes)
}

/// Decodes into a buffer of its own, which is later decrypted in place.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, Error> {
    STANDARD.decode_to_vec(text).map_err(|_| Error::Encoding)
}

/// Decodes in the memory of `text`.
pub(crate) fn decode_in_place(text: String) -> Result<Vec<u8>, Error> {
    let mut bytes = text.into_bytes();
    let decoded = STANDARD.decode_inplace(&mut bytes);
    let length = decoded.map_err(|_| Error::Encoding)?.len();
    bytes.truncate(length);
    Ok(bytes)
}

pub(crate) fn decode_array<const N: usize>(text: &str) -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    // The decoder panics if the output is too short.
    if STANDARD.decoded_length(text.as_bytes()).ok() != Some(N) {
        return Err(Error::Encoding);
    }
    STANDARD
        .decode(text.as_bytes(), bytes.as_mut_slice().as_out())
        .map_err(|_| Error::Encoding)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use proptest::prelude::*;

    use super::*;

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
        fn encoding_and_decoding_round_trip(bytes: Vec<u8>) {
            prop_assert_eq!(decode(&encode(&bytes)).unwrap(), bytes);
        }

        #[test]
        fn no_two_texts_decode_alike(text in "[A-Za-z0-9+/]{0,12}={0,2}") {
            if let Ok(bytes) = decode(&text) {
                prop_assert_eq!(encode(&bytes), text);
            }
        }
    }

    proptest! {
        /// The decoder has a code path for each length and processor, so it is compared with another
        /// implementation: on valid text, and with one character changed.
        #[test]
        fn another_implementation_agrees(
            bytes in proptest::collection::vec(any::<u8>(), 0..400),
            at: prop::sample::Index,
            other: char,
        ) {
            let reference = base64::engine::general_purpose::STANDARD;
            let text = encode(&bytes);
            prop_assert_eq!(&text, &reference.encode(&bytes));
            let at = at.index(text.len() + 1);
            let changed = std::format!("{}{other}{}", &text[..at], text.get(at + 1..).unwrap_or(""));
            for text in [text, changed] {
                let expected = reference.decode(&text).ok();
                prop_assert_eq!(&decode(&text).ok(), &expected, "{}", text);
                prop_assert_eq!(decode_in_place(text).ok(), expected);
            }
        }
    }
}
