//! A variable with a name of its own, and the secret or the field that it is made from.

use helvetisafe::KeyName;

use super::names::NamedBy;
use crate::commands::reference::Reference;
use crate::failure::Failure;
use crate::ui::key_names;

/// `NAME=KEY` or `NAME=KEY.FIELD`, from an argument, an env file or the project file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::commands) struct Renamed {
    pub(in crate::commands) name: String,
    pub(in crate::commands) key: KeyName,
    pub(in crate::commands) field: Option<String>,
    pub(in crate::commands) named_by: NamedBy,
    pub(in crate::commands) if_missing: IfMissing,
}

/// The result if the vault has no such secret, or the secret no such field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::commands) enum IfMissing {
    Fail,
    /// There is no such variable.
    Omit,
    /// The variable has this value, which is not secret.
    Default(String),
}

impl Renamed {
    /// Parses the argument of `--env`. Messages do not repeat it: it may be a value.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let (name, source) = text
            .split_once('=')
            .filter(|(name, _)| !name.is_empty())
            .ok_or_else(|| {
                Failure::usage(
                    "the argument of --env is malformed; write it like NAME=KEY or NAME=KEY.FIELD",
                )
            })?;
        let source = Reference::parse(source).map_err(|error| key_names::refused(source, error))?;
        Ok(Self::new(name, source, NamedBy::User))
    }

    /// A variable that must exist.
    pub(in crate::commands) fn new(name: &str, source: Reference, named_by: NamedBy) -> Self {
        Self {
            name: name.to_owned(),
            key: source.key,
            field: source.field,
            named_by,
            if_missing: IfMissing::Fail,
        }
    }

    /// Returns true if the command continues if there is no such secret or field.
    pub(in crate::commands) fn is_optional(&self) -> bool {
        self.if_missing != IfMissing::Fail
    }

    /// Returns the value to use if there is no such secret or field.
    pub(in crate::commands) fn default(&self) -> Option<&str> {
        match &self.if_missing {
            IfMissing::Default(value) => Some(value),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renamed_secret_has_a_name_a_key_and_perhaps_a_field() {
        for (text, name, key, field) in [
            ("A=B", "A", "B", None),
            ("A=B.c", "A", "B", Some("c")),
            ("A=B.c.d=e", "A", "B", Some("c.d=e")),
            ("A=B.", "A", "B", Some("")),
        ] {
            let renamed = Renamed::parse(text).unwrap();
            assert_eq!(renamed.name, name);
            assert_eq!(renamed.key.as_str(), key);
            assert_eq!(renamed.field.as_deref(), field);
        }
        for text in ["", "A", "=B", "A=", "A=.c", "A=B=C", "A=not a key"] {
            let failure = Renamed::parse(text).unwrap_err();
            assert!(!failure.message().unwrap().contains("not a key"), "{text}");
        }
    }
}
