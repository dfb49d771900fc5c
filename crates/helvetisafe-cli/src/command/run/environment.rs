//! What the program finds in its environment.

use std::env;
use std::process::Command;

use secrecy::ExposeSecret;

use crate::command::selection::{SelectionArgs, Variable, is_ours, refuse};
use crate::context::Context;
use crate::failure::Failure;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Environment")]
pub(super) struct EnvironmentArgs {
    /// Replace variables that are set already.
    #[arg(long = "override")]
    is_overriding: bool,
    /// Start from an empty environment: the program gets the secrets and nothing else.
    #[arg(long)]
    clean: bool,
}

/// Refuses, by name, what an environment cannot hold, and names that do more than carry a value.
pub(super) fn check(
    variables: &[Variable],
    selection: &SelectionArgs,
    context: &Context,
) -> Result<(), Failure> {
    refuse(variables, context, |variable| {
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
            "cannot be the name of a variable: that is not empty and holds no `=` and no NUL; \
             name it with --env NAME=KEY.FIELD",
        )
    } else if value.contains('\0') {
        Some("holds a NUL, which no environment can; pass it in a file: `get KEY --output FILE`")
    } else {
        None
    }
}

impl EnvironmentArgs {
    /// Sets the variables, and takes out our own. Tells which were left because they were set.
    pub(super) fn fill(&self, command: &mut Command, variables: &[Variable], context: &Context) {
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
            if self.is_kept(&variable.name) {
                left.push(variable.shown());
            } else {
                command.env(&variable.name, variable.value.expose_secret());
            }
        }
        if !left.is_empty() {
            context.messages.note(format_args!(
                "set already, and left as they are: {}; --override replaces them",
                left.join(", ")
            ));
        }
    }

    /// Whether the program gets what is set already.
    fn is_kept(&self, name: &str) -> bool {
        let is_set = !self.clean && !is_ours(name) && env::var_os(name).is_some();
        is_set && !self.is_overriding
    }
}
