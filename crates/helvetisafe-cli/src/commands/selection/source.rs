//! The secret or field that a variable is made from.

use std::fmt;

use helvetisafe::KeyName;

use super::names::NamedBy;
use crate::ui::terminal::escape_line;

/// The secret, or the field of it, and the party that chose the variable's name.
pub(super) struct Source {
    pub(super) key: KeyName,
    pub(super) field: Option<String>,
    pub(super) named_by: NamedBy,
    /// Set if the user, the project file or an env file gave the variable a name of its own.
    pub(super) is_renamed: bool,
}

impl Source {
    /// Returns the options that give the variable another name.
    pub(super) fn another_name(&self) -> String {
        let key = &self.key;
        let field = self.field.as_deref().map(escape_line);
        let field = field.map_or_else(String::new, |field| format!(".{field}"));
        format!("--exclude {key} --env OTHER={key}{field}")
    }

    /// Names the source, and the file that chose the variable's name.
    fn in_clash(&self) -> String {
        match self.named_by {
            NamedBy::File | NamedBy::FileWithDefault => format!("{self} (in the file)"),
            NamedBy::User | NamedBy::Vault => self.to_string(),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            None => write!(f, "the secret `{}`", self.key),
            Some(field) => write!(f, "the field `{}` of `{}`", escape_line(field), self.key),
        }
    }
}

/// Returns the description of two sources of one variable.
pub(super) fn both(source: &Source, other: &Source) -> String {
    format!("{} and {}", source.in_clash(), other.in_clash())
}

/// Returns the advice for two variables of one name. `names` returns the options that make the variables of an
/// excluded secret.
pub(super) fn advice_for_duplicate(
    source: &Source,
    other: &Source,
    names: impl FnOnce(&KeyName) -> String,
) -> String {
    match [source, other]
        .into_iter()
        .find(|source| !source.is_renamed)
    {
        Some(source) => format!(
            "--exclude {key} leaves `{key}` out, and --exclude {key} {} gives {source} another name",
            names(&source.key),
            key = source.key
        ),
        None => {
            "give one of them another name where it is named, such as in --env NAME=KEY".to_owned()
        }
    }
}
