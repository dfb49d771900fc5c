//! The selection of secrets, and the variables made from them.

mod args;
mod keys;
mod names;
mod project;
mod renamed;
mod request;
mod source;

use std::collections::{BTreeMap, HashMap};

use helvetisafe::{KeyName, Secret};
use secrecy::SecretString;

use super::field;
use crate::failure::Failure;
use crate::session::{Failures, Reader};
use crate::ui::messages::Messages;
use crate::ui::terminal::escape_line;
pub(super) use args::SelectionArgs;
pub(super) use keys::Keys;
pub(super) use names::{NamedBy, refused_from_vault};
pub(super) use project::{FILE as PROJECT_FILE, Project};
pub(super) use renamed::{IfMissing, Renamed};
use request::{Request, Selected};
use source::{Source, advice_for_duplicate};

/// An environment variable, and the secret that it is made from.
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) value: SecretString,
    source: Source,
}

impl SelectionArgs {
    /// Reads the secrets and names the variables; no two have the same name. Arguments are checked before
    /// anything is sent.
    pub(super) fn variables(&self, reader: Reader<'_>) -> Result<Vec<Variable>, Failure> {
        self.variables_with(None, reader)
    }

    /// Reads and names them together with the references of an env file, if there is one.
    pub(super) fn variables_with(
        &self,
        references: Option<&[Renamed]>,
        reader: Reader<'_>,
    ) -> Result<Vec<Variable>, Failure> {
        let messages = reader.vault.messages;
        let request = Request::new(self, references, messages)?;
        let own = request.own(reader)?;
        let requests: Vec<_> = with_renamed(&own, &request)
            .into_iter()
            .map(|key| request.of(key, &own))
            .collect();
        let secrets: HashMap<_, _> = reader
            .secrets(&requests)?
            .into_iter()
            .map(|secret| (secret.key().clone(), secret))
            .collect();
        let own = own
            .iter()
            .filter_map(|selected| Some((secrets.get(&selected.key)?, selected.named_by)));
        let mut variables: Vec<_> = own
            .flat_map(|(secret, named_by)| under_own_names(secret, named_by))
            .collect();
        for renamed in &request.renamed {
            variables.extend(under_new_name(renamed, &secrets)?);
        }
        refuse_duplicates(&variables, messages)?;
        Ok(variables)
    }

    /// Returns the keys of the secrets that the variables are made from, each once.
    pub(super) fn keys_with(
        &self,
        references: Option<&[Renamed]>,
        reader: Reader<'_>,
    ) -> Result<Vec<KeyName>, Failure> {
        let request = Request::new(self, references, reader.vault.messages)?;
        Ok(with_renamed(&request.own(reader)?, &request))
    }

    /// Returns the reason to refuse a variable unless its name is allowed.
    pub(super) fn danger(&self, variable: &Variable) -> Option<String> {
        let name = &variable.name;
        if self.allowed.contains(name) {
            return None;
        }
        let danger = names::danger(name, variable.source.named_by)?;
        Some(format!(
            "{} is a name that {}; {}",
            variable.described(),
            danger.reason,
            self.advice(variable, danger)
        ))
    }

    /// Returns the advice for a refused name. A name given by `--key` or `--env` is the user's own choice.
    fn advice(&self, variable: &Variable, danger: names::Danger) -> String {
        let source = &variable.source;
        let name = escape_line(&variable.name);
        if source.named_by != NamedBy::Vault {
            return plain_advice(&name, danger);
        }
        // `--all` cannot be used with `--key`, which does not choose the names of fields.
        let is_choice = source.field.is_none() && !danger.is_for_user && !self.all;
        let choice = is_choice.then(|| format!(" or --key {}", source.key));
        format!(
            "give --allow-name {name}{} if that is intended, or another name with {}",
            choice.unwrap_or_default(),
            source.another_name()
        )
    }

    /// Returns the reason to refuse a plain variable of a file, unless its name is allowed.
    pub(super) fn danger_in_file(&self, name: &str) -> Option<String> {
        refused_name(name, NamedBy::File, &self.allowed)
    }
}

/// Returns the reason to refuse a variable that a file names, unless its name is allowed.
pub(super) fn refused_name(name: &str, named_by: NamedBy, allowed: &[String]) -> Option<String> {
    let danger = names::danger(name, named_by)?;
    let is_allowed = allowed.iter().any(|allowed| allowed == name);
    (!is_allowed).then(|| {
        let name = escape_line(name);
        let advice = plain_advice(&name, danger);
        format!("`{name}` is a name that {}; {advice}", danger.reason)
    })
}

/// Returns the advice for a refused name that the vault did not choose.
fn plain_advice(name: &str, danger: names::Danger) -> String {
    if danger == names::PEER {
        return format!(
            "if that is intended, give --allow-name {name}, or name the file with --project or \
             HELVETISAFE_PROJECT"
        );
    }
    format!("give --allow-name {name} if that is intended")
}

fn with_renamed(own: &[Selected], request: &Request) -> Vec<KeyName> {
    let own = own.iter().map(|selected| &selected.key);
    let renamed = request.renamed.iter().map(|renamed| &renamed.key);
    let mut keys: Vec<_> = own.chain(renamed).cloned().collect();
    keys.sort();
    keys.dedup();
    keys
}

/// Returns a variable for the secret, or one for each field. The vault chooses the names of fields, however
/// the secret was selected.
fn under_own_names(secret: &Secret, named_by: NamedBy) -> Vec<Variable> {
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

fn under_new_name(
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

fn refuse_duplicates(variables: &[Variable], messages: Messages) -> Result<(), Failure> {
    let mut first = BTreeMap::new();
    refuse(variables, messages, |variable| {
        let other = first.insert(&variable.name, &variable.source)?;
        Some(format!(
            "{other} and {} would both be {}; {}",
            variable.source,
            variable.shown(),
            advice_for_duplicate(&variable.source, other)
        ))
    })
}

/// Refuses every variable for which `why` returns a reason.
pub(super) fn refuse<'a>(
    variables: &'a [Variable],
    messages: Messages,
    why: impl FnMut(&'a Variable) -> Option<String>,
) -> Result<(), Failure> {
    let mut failures = Failures::new(messages);
    for reason in variables.iter().filter_map(why) {
        failures.add(Failure::usage(reason));
    }
    failures.finish()
}

impl Variable {
    /// Returns the key of the secret that it is made from.
    pub(super) fn key(&self) -> &KeyName {
        &self.source.key
    }

    /// Returns the field of the secret, if it is made from one.
    pub(super) fn field(&self) -> Option<&str> {
        self.source.field.as_deref()
    }

    /// Returns the name for messages, escaped: a field can have any name.
    pub(super) fn shown(&self) -> String {
        format!("`{}`", escape_line(&self.name))
    }

    /// Returns the name and the secret for messages.
    pub(super) fn described(&self) -> String {
        match self.source.field {
            None if self.name == self.source.key.as_str() => self.shown(),
            _ => format!("{} ({})", self.shown(), self.source),
        }
    }
}

#[cfg(test)]
impl Variable {
    /// Creates a variable that the user named.
    pub(super) fn new(name: &str, value: &str) -> Self {
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
