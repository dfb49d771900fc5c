//! The variables that are made from secrets.

use std::collections::HashMap;

use helvetisafe::{KeyName, Secret};
use secrecy::{ExposeSecret, SecretString};

use super::names::NamedBy;
use super::renamed::Renamed;
use super::source::Source;
use crate::commands::field;
use crate::failure::Failure;
use crate::ui::terminal::escape_line;

/// An environment variable, and the secret that it is made from.
pub(in crate::commands) struct Variable {
    pub(in crate::commands) name: String,
    pub(in crate::commands) value: SecretString,
    pub(super) source: Source,
}

/// Returns a variable for the secret, or one for each field. The vault chooses the names of fields, however
/// the secret was selected.
pub(super) fn under_own_names(secret: &Secret, named_by: NamedBy) -> Vec<Variable> {
    let key = secret.key();
    if secret.fields().is_empty() {
        return vec![Variable {
            name: key.as_str().to_owned(),
            value: secret.expose_secret().into(),
            source: Source {
                key: key.clone(),
                field: None,
                named_by,
                is_renamed: false,
            },
        }];
    }
    let fields = secret.fields().iter().map(|field| Variable {
        name: field.name().to_owned(),
        value: field.expose_secret().into(),
        source: Source {
            key: key.clone(),
            field: Some(field.name().to_owned()),
            named_by: NamedBy::Vault,
            is_renamed: false,
        },
    });
    fields.collect()
}

pub(super) fn under_new_name(
    renamed: &Renamed,
    secrets: &HashMap<KeyName, Secret>,
) -> Result<Option<Variable>, Failure> {
    let found = match (secrets.get(&renamed.key), &renamed.field) {
        (None, _) => None,
        (Some(secret), None) => Some(secret.expose_secret()),
        (Some(secret), Some(name)) => match field::find(secret, name) {
            Ok(value) => Some(value),
            Err(_) if renamed.is_optional() => None,
            Err(error) => return Err(error.into()),
        },
    };
    let value = found.or(renamed.default());
    Ok(value.map(|value| Variable {
        name: renamed.name.clone(),
        value: value.into(),
        source: Source {
            key: renamed.key.clone(),
            field: renamed.field.clone(),
            named_by: renamed.named_by,
            is_renamed: true,
        },
    }))
}

impl Variable {
    /// Returns the key of the secret that it is made from.
    pub(in crate::commands) fn key(&self) -> &KeyName {
        &self.source.key
    }

    /// Returns true if both are made from the same secret or field, and have the same value: one may be a default.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.source.key == other.source.key
            && self.source.field == other.source.field
            && self.value.expose_secret() == other.value.expose_secret()
    }

    /// Returns the field of the secret, if it is made from one.
    pub(in crate::commands) fn field(&self) -> Option<&str> {
        self.source.field.as_deref()
    }

    /// Returns the name for messages, escaped: a field can have any name.
    pub(in crate::commands) fn shown(&self) -> String {
        format!("`{}`", escape_line(&self.name))
    }

    /// Returns the name and the secret for messages.
    pub(in crate::commands) fn described(&self) -> String {
        match self.source.field {
            None if self.name == self.source.key.as_str() => self.shown(),
            _ => format!("{} ({})", self.shown(), self.source),
        }
    }
}

#[cfg(test)]
impl Variable {
    /// Creates a variable that the user named.
    pub(in crate::commands) fn new(name: &str, value: &str) -> Self {
        Self {
            name: name.to_owned(),
            value: value.into(),
            source: Source {
                key: KeyName::parse("KEY").unwrap(),
                field: None,
                named_by: NamedBy::User,
                is_renamed: false,
            },
        }
    }
}
