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

use helvetisafe::KeyName;

use crate::failure::Failure;
use crate::session::{Failures, Reader};
use crate::ui::messages::Messages;
pub(super) use args::SelectionArgs;
pub(super) use danger::refused_name;
pub(super) use keys::Keys;
pub(super) use names::{NamedBy, refused_from_vault};
#[cfg(feature = "templates")]
pub(super) use project::VARIABLE as PROJECT_VARIABLE;
pub(super) use project::{FILE as PROJECT_FILE, Project};
pub(super) use renamed::{IfMissing, Renamed};
use request::{Request, Selected};
use source::advice_for_duplicate;
pub(super) use variable::Variable;
use variable::{under_new_name, under_own_names};

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
}

fn with_renamed(own: &[Selected], request: &Request) -> Vec<KeyName> {
    let own = own.iter().map(|selected| &selected.key);
    let renamed = request.renamed.iter().map(|renamed| &renamed.key);
    let mut keys: Vec<_> = own.chain(renamed).cloned().collect();
    keys.sort();
    keys.dedup();
    keys
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
