use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The name of a secret: 1 to 255 ASCII letters, digits and underscores.
///
/// The type is the proof: a parsed name is safe in a URL path, in a file name and in the name of an
/// environment variable. No later step has to check or escape it.
///
/// ```
/// use helvetisafe_proto::KeyName;
///
/// assert!(KeyName::parse("API_KEY_V2").is_ok());
/// assert!(KeyName::parse("../credentials/private-key").is_err());
/// assert!(KeyName::parse("name\n").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyName(String);

impl KeyName {
    /// The greatest length of a name, in bytes.
    pub const MAX_LEN: usize = 255;

    /// Reads a name.
    ///
    /// # Errors
    ///
    /// [`InvalidKeyName`] when it is empty, longer than [`Self::MAX_LEN`] bytes, or holds any
    /// character outside `A-Z a-z 0-9 _`, a trailing newline included.
    pub fn parse(name: impl Into<String>) -> Result<Self, InvalidKeyName> {
        let name = name.into();
        if name.is_empty() {
            return Err(InvalidKeyName::Empty);
        }
        if let Some((at, character)) = name.char_indices().find(|&(_, c)| !is_allowed(c)) {
            return Err(InvalidKeyName::Character { character, at });
        }
        if name.len() > Self::MAX_LEN {
            return Err(InvalidKeyName::TooLong { length: name.len() });
        }
        Ok(Self(name))
    }

    /// Returns the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The reason for which a text is not the name of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidKeyName {
    /// The text is empty.
    #[error("the name of a secret cannot be empty")]
    Empty,
    /// The text is longer than [`KeyName::MAX_LEN`] bytes.
    #[error("the name of a secret has at most 255 characters, not {length}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// The text holds a character that is not allowed.
    #[error(
        "the name of a secret has only letters, digits and underscores, not {character:?} \
         (at byte {at})"
    )]
    Character {
        /// The first such character.
        character: char,
        /// Its byte offset.
        at: usize,
    },
}

impl FromStr for KeyName {
    type Err = InvalidKeyName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::parse(name)
    }
}

impl TryFrom<&str> for KeyName {
    type Error = InvalidKeyName;

    fn try_from(name: &str) -> Result<Self, Self::Error> {
        Self::parse(name)
    }
}

impl TryFrom<String> for KeyName {
    type Error = InvalidKeyName;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::parse(name)
    }
}

impl From<KeyName> for String {
    fn from(name: KeyName) -> Self {
        name.0
    }
}

impl AsRef<str> for KeyName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for KeyName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A name as a server listed it. It may be invalid.
///
/// `Display` escapes an invalid name, so that a hostile one cannot control a terminal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ListedKey {
    /// A valid name.
    Valid(KeyName),
    /// Any other text, unchanged.
    Invalid(String),
}

impl ListedKey {
    /// Checks a listed text.
    #[must_use]
    pub fn new(name: String) -> Self {
        match KeyName::parse(name.as_str()) {
            Ok(key) => Self::Valid(key),
            Err(_) => Self::Invalid(name),
        }
    }

    /// Returns the name if it is valid.
    #[must_use]
    pub fn valid(&self) -> Option<&KeyName> {
        match self {
            Self::Valid(key) => Some(key),
            Self::Invalid(_) => None,
        }
    }
}

impl AsRef<str> for ListedKey {
    fn as_ref(&self) -> &str {
        match self {
            Self::Valid(key) => key.as_str(),
            Self::Invalid(text) => text,
        }
    }
}

impl PartialEq<str> for ListedKey {
    fn eq(&self, other: &str) -> bool {
        self.as_ref() == other
    }
}

impl PartialEq<&str> for ListedKey {
    fn eq(&self, other: &&str) -> bool {
        self.as_ref() == *other
    }
}

impl fmt::Display for ListedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Valid(key) => fmt::Display::fmt(key, f),
            Self::Invalid(text) => f.pad(&text.escape_default().to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_names_that_the_peer_accepts_are_accepted() {
        for name in [
            "username",
            "PASSWORD",
            "db_host",
            "API_KEY_V2",
            "port123",
            "_leading",
            "a",
        ] {
            assert_eq!(KeyName::parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn the_names_that_the_peer_refuses_are_refused() {
        let names = [
            "my key", "my-key", "my.key", "key!", "key@host", "key#1", "key$var", "key/path",
            "key<>",
        ];
        for name in names {
            assert!(
                matches!(KeyName::parse(name), Err(InvalidKeyName::Character { .. })),
                "{name}"
            );
        }
    }

    #[test]
    fn names_that_would_leave_their_path_are_refused() {
        for name in [
            "",
            "../credentials/private-key",
            "a/b",
            "%2e",
            "a\n",
            "a\0",
            "é",
            "\u{ff21}",
        ] {
            assert!(KeyName::parse(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn the_longest_name_has_255_characters() {
        assert!(KeyName::parse("k".repeat(255)).is_ok());
        assert_eq!(
            KeyName::parse("k".repeat(256)),
            Err(InvalidKeyName::TooLong { length: 256 })
        );
    }

    #[test]
    fn a_name_is_its_text_in_every_form() {
        let key: KeyName = "db_host".parse().unwrap();
        assert_eq!(KeyName::try_from("db_host").as_ref(), Ok(&key));
        assert_eq!(KeyName::try_from("db_host".to_owned()).as_ref(), Ok(&key));
        assert_eq!(
            (key.as_ref(), key.to_string()),
            ("db_host", "db_host".into())
        );
        assert_eq!(format!("{key:>9}|"), "  db_host|");
        assert!(BTreeSet::from([key.clone()]).contains("db_host"));
        assert_eq!(String::from(key), "db_host");
    }

    #[test]
    fn a_listed_name_is_compared_and_shown_as_it_was_listed() {
        for name in ["db_host", "../x"] {
            let listed = ListedKey::new(name.to_owned());
            assert_eq!(listed.as_ref(), name);
            assert!(listed == name && listed == *name);
            assert!(listed != "other" && listed != *"other");
            assert_eq!(listed.to_string(), name);
        }
        let listed = ListedKey::new("db_host".to_owned());
        assert_eq!(listed.valid().map(KeyName::as_str), Some("db_host"));
    }

    #[test]
    fn a_listed_bad_name_is_kept_and_shown_escaped() {
        let listed = ListedKey::new("a\u{1b}[2J".to_owned());
        assert_eq!(listed.valid(), None);
        assert_eq!(listed.as_ref(), "a\u{1b}[2J");
        assert_eq!(listed.to_string(), "a\\u{1b}[2J");
    }

    proptest! {
        #[test]
        fn a_name_is_accepted_just_when_it_matches_the_pattern(name in "\\PC{0,8}|[a-zA-Z0-9_]{1,300}") {
            let matches = !name.is_empty()
                && name.len() <= 255
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            prop_assert_eq!(KeyName::parse(name.as_str()).is_ok(), matches);
        }

        #[test]
        fn a_listed_name_never_shows_a_control_character(name in any::<String>()) {
            prop_assert!(!ListedKey::new(name).to_string().chars().any(char::is_control));
        }
    }
}
