//! References to a secret, or to one of its fields, in their two spellings. `docs/cli.md` lists where each is
//! accepted.

use helvetisafe::{InvalidKeyName, KeyName};

/// The beginning of a reference in an env file.
pub(super) const SCHEME: &str = "hs://";

/// A secret, or one field of it. The name of a field can have any characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) key: KeyName,
    pub(super) field: Option<String>,
}

impl Reference {
    /// Parses `KEY` or `KEY.FIELD`.
    pub(super) fn parse(text: &str) -> Result<Self, InvalidKeyName> {
        Self::split(text, '.')
    }

    /// Parses `hs://KEY` or `hs://KEY#FIELD`; `None` for a text that does not begin like that.
    pub(super) fn parse_url(text: &str) -> Option<Result<Self, InvalidKeyName>> {
        let reference = text.strip_prefix(SCHEME)?;
        Some(Self::split(reference, '#'))
    }

    /// Only the first separator counts.
    fn split(text: &str, separator: char) -> Result<Self, InvalidKeyName> {
        let (key, field) = match text.split_once(separator) {
            Some((key, field)) => (key, Some(field.to_owned())),
            None => (text, None),
        };
        let key = KeyName::parse(key)?;
        Ok(Self { key, field })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_separator_ends_the_key() {
        for (text, key, field) in [
            ("KEY", "KEY", None),
            ("KEY.a.b#c", "KEY", Some("a.b#c")),
            ("KEY.", "KEY", Some("")),
        ] {
            let reference = Reference::parse(text).unwrap();
            let url = format!("hs://{}", text.replacen('.', "#", 1));
            assert_eq!(Reference::parse_url(&url).unwrap().unwrap(), reference);
            assert_eq!(reference.key.as_str(), key);
            assert_eq!(reference.field.as_deref(), field);
        }
        for text in ["", ".a", "not a key", "KEY#a"] {
            assert!(Reference::parse(text).is_err(), "{text}");
        }
        for text in ["hs://", "hs://#a", "hs://KEY.a", "hs://a/b"] {
            assert!(Reference::parse_url(text).unwrap().is_err(), "{text}");
        }
        for text in ["KEY", "HS://KEY", "x hs://KEY", ""] {
            assert_eq!(Reference::parse_url(text), None, "{text}");
        }
    }
}
