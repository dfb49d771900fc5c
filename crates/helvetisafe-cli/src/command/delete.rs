//! `delete KEY…`.

use std::io::{self, IsTerminal};

use helvetisafe::KeyName;
use serde::Serialize;

use crate::context::Context;
use crate::failure::{Failure, Failures};
use crate::{keys, suggest};

const EXAMPLES: &str = "\
Examples:
  helvetisafe delete OLD_TOKEN
  helvetisafe delete A B C --yes";

/// Delete secrets, for good.
///
/// On a terminal it asks first. Where nobody can be asked, several keys need --yes.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The secrets.
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<String>,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
}

/// What `--json` prints of each deleted secret; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    key: &'a str,
    action: &'static str,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let keys = keys::parse_all(&args.keys)?;
    if !args.yes {
        confirm(&keys, context)?;
    }
    context.client_to_write()?;
    let budget = context.budget()?;
    let mut failures = Failures::default();
    for (done, key) in keys.iter().enumerate() {
        match context.write(|secrets| secrets.delete(key))? {
            Ok(()) => tell(key, context)?,
            // Nothing was sent for this one and those after it.
            Err(error) if keys.len() > 1 && budget.explains(&error.clone().into()) => {
                let failure = budget.over(done, keys.len(), "tried");
                failures.add(&failure, &context.messages);
                break;
            }
            Err(error) => failures.add(&suggest::failure(error, context), &context.messages),
        }
    }
    failures.into_result(&context.messages)
}

fn confirm(keys: &[KeyName], context: &Context) -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        return match keys {
            [_] => Ok(()),
            _ => Err(Failure::usage(
                "several secrets are to be deleted, and there is no terminal to ask on; give --yes",
            )),
        };
    }
    let names: Vec<_> = keys.iter().map(KeyName::as_str).collect();
    context
        .messages
        .question(format_args!("delete {}? [y/N]", names.join(", ")));
    let mut answer = String::new();
    io::stdin()
        .read_line(&mut answer)
        .map_err(|error| Failure::other(format_args!("cannot read the answer: {error}")))?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::other("nothing was deleted; answer y to delete")),
    }
}

fn tell(key: &KeyName, context: &Context) -> Result<(), Failure> {
    if context.json() {
        let action = "deleted";
        return context.output.json(&Json {
            key: key.as_str(),
            action,
        });
    }
    context.messages.done(format_args!("deleted `{key}`"));
    Ok(())
}
