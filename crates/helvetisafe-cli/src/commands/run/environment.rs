//! The environment of the program.

use std::env;
use std::process::Command;

use secrecy::ExposeSecret;

use crate::commands::selection::{SelectionArgs, Variable, is_ours, refuse};
use crate::failure::Failure;
use crate::ui::messages::Messages;

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
    selection: &SelectionArgs,
    messages: Messages,
) -> Result<(), Failure> {
    refuse(variables, messages, |variable| {
        let reason = impossible(&variable.name, variable.value.expose_secret());
        match reason {
            Some(reason) => Some(format!("{} {reason}", variable.described())),
            None => selection.danger(variable),
        }
    })
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
    pub(super) fn fill(&self, command: &mut Command, variables: &[Variable], messages: Messages) {
        if self.clean {
            command.env_clear();
        } else {
            for (name, _) in env::vars_os() {
                if is_ours(&name.to_string_lossy()) {
                    command.env_remove(name);
                }
            }
        }
        let mut left = Vec::new();
        for variable in variables {
            if self.is_preserved(&variable.name) {
                left.push(variable.shown());
            } else {
                command.env(&variable.name, variable.value.expose_secret());
            }
        }
        if !left.is_empty() {
            messages.note(format_args!(
                "set already, and unchanged: {}; --override replaces them",
                left.join(", ")
            ));
        }
    }

    /// Returns whether the program gets the existing value of a variable.
    fn is_preserved(&self, name: &str) -> bool {
        let is_set = !self.clean && !is_ours(name) && env::var_os(name).is_some();
        is_set && !self.is_overriding
    }
}
