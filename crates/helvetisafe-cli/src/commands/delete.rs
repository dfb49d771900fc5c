//! `delete KEY…`.

use std::io::{self, IsTerminal};
use std::time::Instant;

use helvetisafe::{Error, ErrorKind, KeyName, Timeouts};
use serde::Serialize;

use super::rotate;
use crate::failure::Failure;
use crate::session::{Failures, Vault, may_wait};
use crate::ui::{Ui, key_names, prompt};

const EXAMPLES: &str = "\
Examples:
  helvetisafe delete OLD_TOKEN
  helvetisafe delete A B C --yes";

/// Delete secrets permanently.
///
/// On a terminal it asks first. Without one, several keys need --yes.
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

/// The output of `--json` for each deleted secret; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    key: &'a str,
    action: &'static str,
}

pub(crate) fn run(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    let keys = key_names::parse_all(&args.keys)?;
    if !args.yes {
        confirm(&keys, ui)?;
    }
    vault.client_to_write()?;
    let mut failures = Failures::within(vault.budget()?, keys.len(), ui.messages);
    let mut tried = 0;
    for key in &keys {
        let deleted = delete(key, vault)?;
        let is_missing = |error: &Error| error.kind() == ErrorKind::NotFound;
        if deleted.as_ref().err().is_none_or(is_missing) {
            vault.note_name(key, false);
        }
        match deleted {
            Ok(()) => {
                report(key, ui)?;
                rotate::warn_if_left(key, vault)?;
            }
            Err(error) => failures.add_for(key, vault.failure(error)),
        }
        if failures.has_timed_out() {
            break;
        }
        tried += 1;
    }
    failures.finish_counted(tried, keys.len(), "tried")
}

/// Deletes a secret. Retries at the rate limit of the vault, within the timeout.
fn delete(key: &KeyName, vault: &Vault) -> Result<Result<(), Error>, Failure> {
    let time = vault.budget()?.left();
    let time = time.unwrap_or(Timeouts::default().operation);
    let begun = Instant::now();
    loop {
        match vault.write(|secrets| secrets.delete(key))? {
            Err(error) if may_wait(&error, time.saturating_sub(begun.elapsed())) => {}
            outcome => return Ok(outcome),
        }
    }
}

fn confirm(keys: &[KeyName], ui: &Ui) -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        return match keys {
            [_] => Ok(()),
            _ => Err(Failure::usage(
                "cannot confirm the deletion of several secrets without a terminal; give --yes",
            )),
        };
    }
    let names: Vec<_> = keys.iter().map(KeyName::as_str).collect();
    let question = format_args!("delete {}?", names.join(", "));
    prompt::require(question, "nothing was deleted", ui.messages)
}

fn report(key: &KeyName, ui: &Ui) -> Result<(), Failure> {
    if ui.json {
        let action = "deleted";
        return ui.output.json(&Json {
            key: key.as_str(),
            action,
        });
    }
    ui.messages.done(format_args!("deleted `{key}`"));
    Ok(())
}
