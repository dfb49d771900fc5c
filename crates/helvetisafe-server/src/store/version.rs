use helvetisafe_proto::Version;

/// The version of a secret as the database stores it: 64 random bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SecretVersion(pub(super) i64);

impl SecretVersion {
    /// Reads the text of a version of this vault; `None` if it is not one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let number = u64::from_str_radix(text, 16).ok()?;
        let is_canonical = Version::from(number).as_str() == text;
        is_canonical.then_some(Self(number.cast_signed()))
    }
}

impl From<SecretVersion> for Version {
    fn from(version: SecretVersion) -> Self {
        Self::from(version.0.cast_unsigned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_text_of_a_version_is_read_as_one() {
        for number in [0, 1, -1, i64::MIN, i64::MAX] {
            let version = SecretVersion(number);
            let text = Version::from(version).to_string();
            assert_eq!(SecretVersion::parse(&text), Some(version));
        }
        for text in [
            "",
            "0",
            "+000000000000001",
            "00000000000000FF",
            "00000000000000001",
            "*",
        ] {
            assert_eq!(SecretVersion::parse(text), None, "{text}");
        }
    }
}
