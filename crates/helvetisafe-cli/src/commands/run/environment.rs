//! The environment of the program.

use std::collections::HashSet;
use std::env;
use std::process::Command;

use secrecy::ExposeSecret;

use crate::commands::reference_file::Plain;
use crate::commands::selection::{SelectionArgs, Variable, refuse};
use crate::failure::Failure;
use crate::process::{is_ours, remove_our_variables};
use crate::session::Failures;
use crate::ui::messages::Messages;
use crate::ui::terminal::escape_line;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Environment")]
pub(super) struct EnvironmentArgs {
    /// Replace variables that are set already.
    #[arg(long = "override")]
    is_overriding: bool,
    /// Start from an empty environment: the program gets only the secrets.
    #[arg(long)]
    clean: bool,
}

/// Refuses variables that an environment cannot hold, and dangerous names.
pub(super) fn check(
    variables: &[Variable],
    plain: &[Plain],
    selection: &SelectionArgs,
    messages: Messages,
) -> Result<(), Failure> {
    let checked = refuse(variables, messages, |variable| {
        let reason = impossible(&variable.name, variable.value.expose_secret());
        match reason {
            Some(reason) => Some(format!("{} {reason}", variable.described())),
            None => selection.danger(variable),
        }
    });
    let names = variables.iter().map(|variable| variable.name.as_str());
    // All problems are reported.
    checked.and(check_plain(plain, names.collect(), selection, messages))
}

/// Checks the plain variables of an env file. `names` are those of the others.
fn check_plain<'a>(
    plain: &'a [Plain],
    mut names: HashSet<&'a str>,
    selection: &SelectionArgs,
    messages: Messages,
) -> Result<(), Failure> {
    let mut failures = Failures::new(messages);
    for Plain { name, value } in plain {
        let shown = escape_line(name);
        if let Some(reason) = impossible(name, value.expose_secret()) {
            failures.add(Failure::usage(format_args!("`{shown}` {reason}")));
        } else if !names.insert(name) {
            let message = format_args!("two variables would be `{shown}`; leave one of them out");
            failures.add(Failure::usage(message));
        } else if let Some(reason) = selection.danger_in_file(name) {
            failures.add(Failure::usage(reason));
        }
    }
    failures.finish()
}

fn impossible(name: &str, value: &str) -> Option<&'static str> {
    if name.is_empty() || name.contains(['=', '\0']) {
        Some(
            "cannot be the name of a variable: it must not be empty or contain `=` or NUL; name it \
             with --env NAME=KEY.FIELD",
        )
    } else if value.contains('\0') {
        Some(
            "contains NUL, which no environment can hold; pass it in a file: `get KEY --output FILE`",
        )
    } else {
        None
    }
}

impl EnvironmentArgs {
    /// Sets the variables, and removes those of this command. Notes those that were set already.
    pub(super) fn fill(
        &self,
        command: &mut Command,
        variables: &[Variable],
        plain: &[Plain],
        messages: Messages,
    ) {
        if self.clean {
            command.env_clear();
        } else {
            remove_our_variables(command);
        }
        let mut left = Vec::new();
        let secrets = variables.iter().map(|it| (&it.name, &it.value));
        let plain = plain.iter().map(|it| (&it.name, &it.value));
        for (name, value) in secrets.chain(plain) {
            if self.is_preserved(name) {
                left.push(format!("`{}`", escape_line(name)));
            } else {
                command.env(name, value.expose_secret());
            }
        }
        if !left.is_empty() {
            messages.note(format_args!(
                "set already, and unchanged: {}; --override replaces them",
                left.join(", ")
            ));
        }
    }

    /// Returns true if the program gets the existing value of a variable.
    fn is_preserved(&self, name: &str) -> bool {
        let is_set = !self.clean && !is_ours(name) && env::var_os(name).is_some();
        is_set && !self.is_overriding
    }
}
