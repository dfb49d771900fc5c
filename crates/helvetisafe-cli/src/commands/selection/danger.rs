//! The refusal of names that programs act upon, with advice that fits how the name was chosen.

use super::args::SelectionArgs;
use super::names::{self, NamedBy};
use super::renamed::Renamed;
use super::variable::Variable;
use crate::ui::terminal::escape_line;

impl SelectionArgs {
    /// Returns the reason to refuse a variable unless its name is allowed.
    pub(in crate::commands) fn danger(&self, variable: &Variable) -> Option<String> {
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

    /// Returns the reason to refuse a name that was given to a secret, unless it is allowed.
    pub(in crate::commands) fn refusal(&self, renamed: &Renamed) -> Option<String> {
        refused_name(&renamed.name, renamed.named_by, &self.allowed)
    }

    /// Returns the reason to refuse a plain variable of a file, unless its name is allowed.
    pub(in crate::commands) fn danger_in_file(&self, name: &str) -> Option<String> {
        refused_name(name, NamedBy::File, &self.allowed)
    }
}

/// Returns the reason to refuse a variable that a file names, unless its name is allowed.
pub(in crate::commands) fn refused_name(
    name: &str,
    named_by: NamedBy,
    allowed: &[String],
) -> Option<String> {
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
