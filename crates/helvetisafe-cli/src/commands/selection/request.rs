//! The selection that the arguments ask for.

use std::collections::HashSet;

use helvetisafe::{KeyName, ListedKey};

use super::args::SelectionArgs;
use super::keys::Keys;
use super::names::NamedBy;
use super::project::Project;
use super::renamed::Renamed;
use crate::failure::{Failure, Status};
use crate::session::{Reader, SecretRequest};
use crate::ui::key_names;
use crate::ui::messages::Messages;

pub(super) struct Request {
    /// Secrets under their own names.
    keys: Keys,
    /// Secrets that are left out of `keys`.
    excluded: Vec<KeyName>,
    /// Those of them that the project file does not have.
    not_in_project: Vec<KeyName>,
    pub(super) renamed: Vec<Renamed>,
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
    /// `references` are those of an env file, which selects secrets as an option does.
    pub(super) fn new(
        args: &SelectionArgs,
        references: Option<&[Renamed]>,
        messages: Messages,
    ) -> Result<Self, Failure> {
        let excluded = key_names::parse_all(&args.excluded)?;
        let renamed = args.renamed.iter().map(|text| Renamed::parse(text));
        let mut renamed: Vec<_> = renamed.collect::<Result<_, _>>()?;
        renamed.extend_from_slice(references.unwrap_or_default());
        let project = args.named_project(messages)?;
        // All others are selected, together with those of --env.
        let is_rest = !excluded.is_empty() && references.is_none() && project.is_none();
        let (keys, project) = if args.all {
            (Keys::all(), project)
        } else if !args.keys.is_empty() || args.prefix.is_some() {
            (Keys::new(&args.keys, args.prefix.as_deref())?, project)
        } else if project.is_some() || references.is_some() || !renamed.is_empty() && !is_rest {
            (Keys::none(), project)
        } else {
            by_default(args, messages)?
        };
        let variables = project.map_or(&[][..], |project| &project.variables);
        let is_in_project = |key: &KeyName| variables.iter().any(|it| it.key == *key);
        let not_in_project = excluded.iter().filter(|key| !is_in_project(key));
        let rest = variables.iter().filter(|it| !excluded.contains(&it.key));
        renamed.extend(rest.cloned());
        Ok(Self {
            keys,
            not_in_project: not_in_project.cloned().collect(),
            excluded,
            renamed,
        })
    }

    /// Returns the request for a secret, with the fields that the user named; without fields if `own` uses
    /// the whole secret too.
    pub(super) fn of(&self, key: KeyName, own: &[Selected]) -> SecretRequest {
        let renamed = || self.renamed.iter().filter(|renamed| renamed.key == key);
        let fields = renamed().map(|renamed| renamed.field.clone());
        let is_whole = own.iter().any(|selected| selected.key == key);
        let fields = fields.collect::<Option<Vec<_>>>().filter(|_| !is_whole);
        SecretRequest {
            is_optional: !is_whole && renamed().all(Renamed::is_optional),
            fields: fields.unwrap_or_default(),
            key,
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
        for key in self
            .not_in_project
            .iter()
            .filter(|&key| !known.contains(key))
        {
            let messages = reader.vault.messages;
            messages.note(format_args!(
                "--exclude {key} has no effect: it is not selected"
            ));
        }
        selected.retain(|selected| !self.excluded.contains(&selected.key));
        Ok(selected)
    }
}

/// Selects what a command uses without an option for it: secrets under their own names, or a project file.
fn by_default(
    args: &SelectionArgs,
    messages: Messages,
) -> Result<(Keys, Option<&Project>), Failure> {
    let project = match key_names::from_variable()? {
        Some(_) => None,
        None => args.found_project(messages)?,
    };
    match project {
        Some(_) => Ok((Keys::none(), project)),
        None => Ok((Keys::new(&[], None)?, None)),
    }
}

/// Returns the listed secrets with a prefix, sorted. Invalid names and pending rotations are left out with a
/// note.
fn listed(prefix: &str, reader: Reader<'_>) -> Result<Vec<KeyName>, Failure> {
    let messages = reader.vault.messages;
    let listed = reader.list().map_err(cannot_list)?;
    let listed = listed.iter().map(|secret| secret.key());
    let mut keys = Vec::new();
    for key in listed.filter(|key| key.as_ref().starts_with(prefix)) {
        match key {
            ListedKey::Valid(key) if key_names::is_pending(key.as_str()) => {
                messages.note(format_args!("omitted `{key}`, which is a pending rotation"));
            }
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

/// Adds advice if the account may not list, or if the offline cache has no list.
fn cannot_list(failure: Failure) -> Failure {
    let is_certain = [Status::Forbidden as u8, Status::Other as u8].contains(&failure.status());
    if is_certain && !failure.may_pass() {
        return failure
            .with_advice("or name the secrets with --key, --env or HELVETISAFE_SECRET_KEYS");
    }
    failure
}
