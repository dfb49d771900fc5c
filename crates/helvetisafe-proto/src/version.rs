//! Versions of secrets: an extension of this project, which other servers need not have.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use http::HeaderValue;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The version of a secret, which every write replaces by a new one.
///
/// It is a text of the server without a meaning or an order: two versions are the same or not. The text can be
/// stored, and read again with [`FromStr`]. It has 1 to 64 printable ASCII characters, and no space, quote or
/// backslash.
///
/// ```
/// use helvetisafe_proto::Version;
///
/// let version: Version = "9f86d081884c7d65".parse()?;
/// assert_eq!(version.to_string(), "9f86d081884c7d65");
/// assert!("".parse::<Version>().is_err());
/// # Ok::<(), helvetisafe_proto::InvalidVersion>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version(Arc<str>);

/// The text is not a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a version has 1 to 64 printable ASCII characters, and no space, quote or backslash")]
pub struct InvalidVersion;

impl Version {
    const MAX_LEN: usize = 64;

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the version as a strong entity tag, RFC 9110 section 8.8.3.
    #[must_use]
    pub fn to_entity_tag(&self) -> HeaderValue {
        // Every version is valid in a header. If one ever was not, the empty tag would match no secret.
        let tag = ["\"", &self.0, "\""].concat();
        HeaderValue::try_from(tag).unwrap_or(HeaderValue::from_static("\"\""))
    }
}

impl From<u64> for Version {
    /// Returns a version of 16 hexadecimal digits.
    fn from(number: u64) -> Self {
        // A vault does this for every secret of a list, and `format!` takes several times as long.
        let mut text = [0; 16];
        for (pair, byte) in text.chunks_exact_mut(2).zip(number.to_be_bytes()) {
            let digit = |digit| b"0123456789abcdef"[usize::from(digit)];
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 0xf)]);
        }
        Self(String::from_utf8_lossy(&text).into())
    }
}

impl FromStr for Version {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        let is_part = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        let is_valid = (1..=Self::MAX_LEN).contains(&text.len()) && text.bytes().all(is_part);
        is_valid.then(|| Self(text.into())).ok_or(InvalidVersion)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// Reads a version. Any other JSON value, of any type, is `None`: it may be a member of another server.
pub(crate) fn lenient<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Version>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(value.as_str().and_then(|text| text.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_short_text_that_fits_in_an_entity_tag() {
        let longest = "a".repeat(64);
        for text in ["0", "!", "W/", "9f86d081884c7d65", longest.as_str()] {
            let version: Version = text.parse().unwrap();
            assert_eq!(version.as_str(), text);
            assert_eq!(version.to_entity_tag(), format!("\"{text}\""));
        }
        let too_long = "a".repeat(65);
        for text in [
            "",
            " ",
            "a b",
            "\"",
            "\\",
            "\n",
            "\u{7f}",
            "é",
            too_long.as_str(),
        ] {
            assert_eq!(text.parse::<Version>(), Err(InvalidVersion), "{text:?}");
        }
        assert_eq!(Version::from(255).as_str(), "00000000000000ff");
    }
}
