//! Bytes as the value of a secret: the text is base64, RFC 4648 section 4, padded and in one line. That is what
//! `base64.b64encode` of Python writes and `base64.b64decode` reads.

use base64ct::{Base64, Encoding};
use secrecy::SecretSlice;
use zeroize::Zeroizing;

/// Returns the text of bytes.
pub(crate) fn encode(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(Base64::encode_string(bytes))
}

/// Returns the bytes of a text, or `None` if it is not base64. ASCII white space is ignored, since many programs
/// break the lines of base64; so are spare bits of the last character, as in Python.
pub(crate) fn decode(text: &str) -> Option<SecretSlice<u8>> {
    let mut buffer = Zeroizing::new(Vec::with_capacity(text.len()));
    buffer.extend(text.bytes().filter(|byte| !byte.is_ascii_whitespace()));
    let bytes = Base64::decode_in_place(&mut buffer).ok()?;
    Some(bytes.to_vec().into())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn bytes_become_one_line_of_text_and_come_back() {
        for length in 0..70 {
            let bytes: Vec<u8> = (0..length).map(|at| 255 - at).collect();
            let text = encode(&bytes);
            assert!(
                !text.contains('\n') && text.len().is_multiple_of(4),
                "{length}"
            );
            assert_eq!(decode(&text).unwrap().expose_secret(), bytes, "{length}");
        }
        assert_eq!(*encode(b"\x00\xff"), "AP8=");
    }

    #[test]
    fn line_breaks_are_ignored_and_other_text_is_refused() {
        for text in ["AP8=\n", " AP\r\n8=", "A P 8 =\t"] {
            assert_eq!(
                decode(text).unwrap().expose_secret(),
                b"\x00\xff",
                "{text:?}"
            );
        }
        for text in ["AP8", "AP8-", "AP8==", "s3cr3t!", "=", "AP8=AP8="] {
            assert!(decode(text).is_none(), "{text:?}");
        }
    }
}
