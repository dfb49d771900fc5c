//! The selection of secrets, and the variables made from them.

mod args;
mod danger;
mod keys;
mod names;
mod project;
mod renamed;
mod request;
mod source;
mod variable;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use helvetisafe::{KeyName, Secret};

use crate::failure::Failure;
use crate::session::{Failures, Reader};
use crate::ui::messages::Messages;
use crate::ui::terminal::escape_line;
pub(super) use args::SelectionArgs;
pub(super) use danger::refused_name;
pub(super) use keys::Keys;
pub(super) use names::{NamedBy, refused_from_vault};
#[cfg(feature = "templates")]
pub(super) use project::VARIABLE as PROJECT_VARIABLE;
pub(super) use project::{FILE as PROJECT_FILE, Project};
pub(super) use renamed::{IfMissing, Renamed};
use request::{Request, Selected};
use source::{advice_for_duplicate, both};
pub(super) use variable::Variable;
use variable::{under_new_name, under_own_names};

impl SelectionArgs {
    /// Reads the secrets and names the variables; no two have the same name. Arguments are checked before
    /// anything is sent.
    pub(super) fn variables(&self, reader: Reader<'_>) -> Result<Vec<Variable>, Failure> {
        self.variables_with(None, reader, |_| None)
    }

    /// Reads and names them together with the references of an env file, if there is one. If something is missing,
    /// the names are reported too for which `refusal` has a reason: the caller cannot check them.
    pub(super) fn variables_with(
        &self,
        references: Option<&[Renamed]>,
        reader: Reader<'_>,
        refusal: impl Fn(&Renamed) -> Option<String>,
    ) -> Result<Vec<Variable>, Failure> {
        let messages = reader.vault.messages;
        let request = Request::new(self, references, messages)?;
        let own = request.own(reader)?;
        let requests: Vec<_> = with_renamed(&own, &request)
            .into_iter()
            .map(|key| request.of(key, &own))
            .collect();
        let (found, mut failures) = reader.secrets_and_failures(&requests)?;
        let count = found.len();
        let keyed = found
            .into_iter()
            .map(|secret| (secret.key().clone(), secret));
        let (variables, missing) = named(&own, &request, &keyed.collect());
        missing
            .into_iter()
            .for_each(|failure| failures.add(failure));
        if !failures.is_empty() {
            let refused = request.renamed.iter().filter_map(refusal);
            refused.for_each(|reason| failures.add(Failure::usage(reason)));
        }
        let duplicates = refuse_duplicates(&variables, messages);
        // All problems are reported.
        failures.finish_counted(count, requests.len(), "read")?;
        duplicates.map(|()| variables)
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
}

/// Returns the variables, and a failure for each field that is missing.
fn named(
    own: &[Selected],
    request: &Request,
    secrets: &HashMap<KeyName, Secret>,
) -> (Vec<Variable>, Vec<Failure>) {
    let own = own
        .iter()
        .filter_map(|selected| Some((secrets.get(&selected.key)?, selected.named_by)));
    let mut variables: Vec<_> = own
        .flat_map(|(secret, named_by)| under_own_names(secret, named_by))
        .collect();
    let mut missing = Vec::new();
    for renamed in &request.renamed {
        match under_new_name(renamed, secrets) {
            Ok(variable) => variables.extend(variable),
            Err(failure) => missing.push(failure),
        }
    }
    (merge_same(variables), missing)
}

fn with_renamed(own: &[Selected], request: &Request) -> Vec<KeyName> {
    let own = own.iter().map(|selected| &selected.key);
    let renamed = request.renamed.iter().map(|renamed| &renamed.key);
    let mut keys: Vec<_> = own.chain(renamed).cloned().collect();
    keys.sort();
    keys.dedup();
    keys
}

/// Merges variables that are selected twice, by the same name from the same source. The user's choice counts more
/// than that of a file or the vault.
fn merge_same(variables: Vec<Variable>) -> Vec<Variable> {
    let mut first = HashMap::with_capacity(variables.len());
    let mut merged: Vec<Variable> = Vec::with_capacity(variables.len());
    for variable in variables {
        let index = *first.entry(variable.name.clone()).or_insert(merged.len());
        match merged
            .get_mut(index)
            .filter(|other| other.is_same(&variable))
        {
            Some(other) if variable.source.named_by == NamedBy::User => *other = variable,
            Some(_) => {}
            None => merged.push(variable),
        }
    }
    merged
}

fn refuse_duplicates(variables: &[Variable], messages: Messages) -> Result<(), Failure> {
    let mut first = BTreeMap::new();
    refuse(variables, messages, |variable| {
        let other = first.insert(&variable.name, &variable.source)?;
        Some(format!(
            "{} would both be {}; {}",
            both(other, &variable.source),
            variable.shown(),
            advice_for_duplicate(&variable.source, other, |key| names(key, variables))
        ))
    })
}

/// Returns the options `--env` that make all variables of a secret. Names that another variable has, or that the
/// vault may not choose, are replaced.
fn names(key: &KeyName, variables: &[Variable]) -> String {
    let of_key = |variable: &&Variable| variable.key() == key && !variable.source.is_renamed;
    let (mut options, mut number) = (String::new(), 0);
    for variable in variables.iter().filter(of_key) {
        let is_same = |other: &&Variable| other.name == variable.name;
        let is_free = variables.iter().filter(is_same).count() == 1;
        let space = if options.is_empty() { "" } else { " " };
        // Writing to a string cannot fail.
        let _ = if is_free && is_plain(&variable.name) {
            write!(options, "{space}--env {}=", variable.name)
        } else {
            number += 1;
            let number = if number == 1 {
                String::new()
            } else {
                number.to_string()
            };
            write!(options, "{space}--env OTHER{number}=")
        };
        let field = variable
            .field()
            .map(|field| format!(".{}", escape_line(field)));
        let _ = write!(options, "{key}{}", field.unwrap_or_default());
    }
    options
}

/// Returns true if the name may be a variable of the user, though the vault chose it.
fn is_plain(name: &str) -> bool {
    let is_word = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_word && refused_from_vault(name).is_none()
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
