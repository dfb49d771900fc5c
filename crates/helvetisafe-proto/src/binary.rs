//! Bytes in JSON: hexadecimal digits for ids and hashes, base64 for anything else.

use std::fmt;
use std::str::FromStr;

use base64_simd::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An id or a hash of `N` bytes, written as lower-case hexadecimal digits.
///
/// ```
/// use helvetisafe_proto::Hex;
///
/// let id: Hex<8> = "00000000000000ff".parse()?;
/// assert_eq!(id.to_bytes(), 255_u64.to_be_bytes());
/// assert!("ff".parse::<Hex<8>>().is_err());
/// # Ok::<(), helvetisafe_proto::InvalidHex>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hex<const N: usize>([u8; N]);

/// The text is not the expected number of lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the expected number of lower-case hexadecimal digits")]
pub struct InvalidHex;

impl<const N: usize> Hex<N> {
    /// Returns the bytes.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; N] {
        self.0
    }
}

impl<const N: usize> From<[u8; N]> for Hex<N> {
    fn from(bytes: [u8; N]) -> Self {
        Self(bytes)
    }
}

impl<const N: usize> FromStr for Hex<N> {
    type Err = InvalidHex;

    fn from_str(text: &str) -> Result<Self, InvalidHex> {
        let digits = text.as_bytes();
        if digits.len() != 2 * N {
            return Err(InvalidHex);
        }
        let mut bytes = [0; N];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

fn digit(digit: u8) -> Result<u8, InvalidHex> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(InvalidHex),
    }
}

impl<const N: usize> fmt::Display for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl<const N: usize> fmt::Debug for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl<const N: usize> Serialize for Hex<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, const N: usize> Deserialize<'de> for Hex<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// Public bytes, written as base64 (RFC 4648 section 4) with padding.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Base64(pub Vec<u8>);

impl From<Vec<u8>> for Base64 {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl AsRef<[u8]> for Base64 {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode_to_string(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = STANDARD.decode_to_vec(text);
        bytes
            .map(Self)
            .map_err(|_| de::Error::custom("not base64 with padding"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn both_forms_are_read_back(bytes: [u8; 8]) {
            let hex = Hex::from(bytes);
            let text = serde_json::to_string(&hex).unwrap();
            prop_assert_eq!(serde_json::from_str::<Hex<8>>(&text).unwrap(), hex);
            let base64 = Base64(bytes.to_vec());
            let text = serde_json::to_string(&base64).unwrap();
            prop_assert_eq!(serde_json::from_str::<Base64>(&text).unwrap(), base64);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "0", "000", "0g", "0A", "é"] {
            assert_eq!(text.parse::<Hex<1>>(), Err(InvalidHex), "{text}");
        }
        for text in ["\"AA\"", "\"AA=\"", "\"A-==\"", "\"AB==\"", "1"] {
            assert!(serde_json::from_str::<Base64>(text).is_err(), "{text}");
        }
    }
}
