//! The selection that the arguments ask for.

use std::collections::HashSet;

use helvetisafe::{KeyName, ListedKey};

use super::args::SelectionArgs;
use super::keys::Keys;
use super::names::NamedBy;
use crate::failure::{Failure, Status};
use crate::session::{Reader, SecretRequest};
use crate::ui::key_names;

pub(super) struct Request {
    /// Secrets under their own names.
    keys: Keys,
    pub(super) renamed: Vec<Renamed>,
}

/// `NAME=KEY` or `NAME=KEY.FIELD`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Renamed {
    pub(super) name: String,
    pub(super) key: KeyName,
    pub(super) field: Option<String>,
}

/// A secret that becomes a variable of its own name, or one for each field.
pub(super) struct Selected {
    pub(super) key: KeyName,
    /// The party that named it: the user, or the vault in its list.
    pub(super) named_by: NamedBy,
}

impl Selected {
    fn all(keys: Vec<KeyName>, named_by: NamedBy) -> impl Iterator<Item = Self> {
        let keys = keys.into_iter();
        keys.map(move |key| Self { key, named_by })
    }
}

impl Request {
    pub(super) fn new(args: &SelectionArgs) -> Result<Self, Failure> {
        let renamed = args.renamed.iter().map(|text| Renamed::parse(text));
        let renamed: Vec<_> = renamed.collect::<Result<_, _>>()?;
        let is_renamed_only = !renamed.is_empty() && args.keys.is_empty() && args.prefix.is_none();
        let keys = if args.all {
            Keys::all()
        } else if is_renamed_only {
            Keys::none()
        } else {
            Keys::new(&args.keys, args.prefix.as_deref())?
        };
        Ok(Self { keys, renamed })
    }

    /// Returns the request for a secret, with the fields that the user named; without fields if `own` uses
    /// the whole secret too.
    pub(super) fn of(&self, key: KeyName, own: &[Selected]) -> SecretRequest {
        let renamed = self.renamed.iter().filter(|renamed| renamed.key == key);
        let fields = renamed.map(|renamed| renamed.field.clone());
        let is_whole = own.iter().any(|selected| selected.key == key);
        let fields = fields.collect::<Option<Vec<_>>>().filter(|_| !is_whole);
        SecretRequest {
            key,
            fields: fields.unwrap_or_default(),
        }
    }

    /// Returns the secrets under their own names, each once: the named ones, then the listed ones.
    pub(super) fn own(&self, reader: Reader<'_>) -> Result<Vec<Selected>, Failure> {
        let named = self.keys.named().cloned().collect();
        let mut selected: Vec<_> = Selected::all(named, NamedBy::User).collect();
        if let Some(prefix) = self.keys.listed_prefix() {
            selected.extend(Selected::all(listed(prefix, reader)?, NamedBy::Vault));
        }
        let mut known = HashSet::new();
        selected.retain(|selected| known.insert(selected.key.clone()));
        Ok(selected)
    }
}

/// Returns the listed secrets with a prefix, sorted. Invalid names are left out with a note.
fn listed(prefix: &str, reader: Reader<'_>) -> Result<Vec<KeyName>, Failure> {
    let (listed, messages) = (reader.list()?, reader.vault.messages);
    let listed = listed.iter().map(|secret| secret.key());
    let mut keys = Vec::new();
    for key in listed.filter(|key| key.as_ref().starts_with(prefix)) {
        match key {
            ListedKey::Valid(key) => keys.push(key.clone()),
            ListedKey::Invalid(_) => {
                messages.note(format_args!("omitted `{key}`, which is not a valid name"))
            }
        }
    }
    keys.sort();
    match (keys.is_empty(), prefix) {
        (true, "") => messages.note("the vault lists no secrets"),
        (true, _) => {
            return Err(Failure::new(
                Status::NotFound,
                format_args!("no key of a listed secret begins with `{prefix}`"),
            ));
        }
        _ => {}
    }
    Ok(keys)
}

impl Renamed {
    /// Parses an argument. Messages do not repeat it: it may be a value.
    fn parse(text: &str) -> Result<Self, Failure> {
        let (name, source) = text
            .split_once('=')
            .filter(|(name, _)| !name.is_empty())
            .ok_or_else(|| {
                Failure::usage(
                    "the argument of --env is malformed; write it like NAME=KEY or NAME=KEY.FIELD",
                )
            })?;
        let (key, field) = match source.split_once('.') {
            Some((key, field)) => (key, Some(field.to_owned())),
            None => (source, None),
        };
        Ok(Self {
            name: name.to_owned(),
            key: key_names::parse(key)?,
            field,
        })
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
