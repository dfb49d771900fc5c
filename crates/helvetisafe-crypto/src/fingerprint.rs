use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use base64_simd::STANDARD_NO_PAD;
use sha2::{Digest, Sha256};

use crate::Error;
use crate::aead::KEY_LEN;

/// A short public name of an org key: 32 bytes, by which the key is recognized again.
///
/// ```text
/// SHA-256("HelvetiSafe org key fingerprint v1" || 0x00 || org key)
/// ```
///
/// It reveals nothing about the key, which has 256 bits of entropy, and no two keys share one. The text
/// form is `SHA256:` and base64 without padding, like the fingerprint of an SSH key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    const PREFIX: &str = "SHA256:";

    pub(crate) fn of(org_key: &[u8; KEY_LEN]) -> Self {
        let digest = Sha256::new()
            .chain_update(b"HelvetiSafe org key fingerprint v1\0")
            .chain_update(org_key);
        Self(digest.finalize().into())
    }

    /// Makes a fingerprint from its bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::from(Self::PREFIX);
        STANDARD_NO_PAD.encode_append(self.0, &mut text);
        f.pad(&text)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl FromStr for Fingerprint {
    type Err = Error;

    /// Reads the text form; anything else is [`Error::Encoding`].
    fn from_str(text: &str) -> Result<Self, Error> {
        let base64 = text.strip_prefix(Self::PREFIX).ok_or(Error::Encoding)?;
        let bytes = STANDARD_NO_PAD
            .decode_to_vec(base64)
            .map_err(|_| Error::Encoding)?;
        bytes.try_into().map(Self).map_err(|_| Error::Encoding)
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn the_fingerprint_of_a_key_is_fixed() {
        // SHA-256 of the label, a zero byte and 32 bytes of 0x01, by another implementation.
        let shown = "SHA256:SgGxNjAQ2qzHT5ZD/saHD/8/Xzrkh1Aym8dWeo9DsoA";
        let fingerprint = Fingerprint::of(&[1; 32]);
        assert_eq!(fingerprint.to_string(), shown);
        assert_eq!(shown.parse(), Ok(fingerprint));
        assert_eq!(
            std::format!("{fingerprint:?}"),
            std::format!("Fingerprint({shown})")
        );
        assert_eq!(
            STANDARD_NO_PAD.encode_to_string(fingerprint.as_bytes()),
            shown[7..]
        );
        assert_ne!(fingerprint, Fingerprint::of(&[2; 32]));
        for bad in [
            "",
            "SHA256:",
            "sha256:AAAA",
            "SHA256:AAAA",
            &std::format!("{shown}="),
        ] {
            assert_eq!(bad.parse::<Fingerprint>(), Err(Error::Encoding), "{bad}");
        }
    }
}
