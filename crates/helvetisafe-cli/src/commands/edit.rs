//! `edit KEY`: changes a value in an editor.

mod editor;
mod parent;
mod stale;
mod workspace;

use std::io::{self, IsTerminal};
use std::str;

use helvetisafe::{Expiry, KeyName, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use zeroize::Zeroizing;

use super::exchange::{self, Exchange};
use super::launch;
use crate::advice;
use crate::failure::{Failure, Status};
use crate::session::Vault;
use crate::ui::{Ui, key_names, prompt};
use workspace::Workspace;

const EXAMPLES: &str = "\
Examples:
  helvetisafe edit CONFIG
  helvetisafe edit DATABASE --field DB_PASS
  EDITOR='code --wait' helvetisafe edit CONFIG";

/// Change the value of a secret in $VISUAL or $EDITOR, else in vi.
///
/// Without a terminal it needs one of these variables. They may name a script.
/// The text is in a folder of mode 0700 in memory, $XDG_RUNTIME_DIR or /dev/shm, which is removed whole. If
/// nothing changed, nothing is written. If the value has no newline at its end, one that the editor adds is
/// dropped. After a failure on a terminal, the text can be edited again.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The secret, which must exist.
    #[arg(value_name = "KEY")]
    key: String,
    /// Edit one field of a multi-field secret.
    #[arg(long, value_name = "FIELD")]
    field: Option<String>,
}

/// The output of `--json`; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    key: &'a str,
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    expires_at: Option<Timestamp>,
}

pub(crate) fn run(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    let key = key_names::parse(&args.key)?;
    let field = args.field.as_deref();
    editor::check()?;
    // The org key is trusted before the user types.
    vault.client_to_write()?;
    let (old, secret) = exchange::read(&key, field, vault).map_err(|failure| {
        match failure.is_not_found() && field.is_none() {
            true => {
                let set = advice::command(format_args!("set {key}"));
                failure.with_advice(&format!("{set} creates it"))
            }
            false => failure,
        }
    })?;
    let mut text = Zeroizing::new(old.expose_secret().as_bytes().to_vec());
    loop {
        text = in_editor(&key, &text, ui)?;
        let outcome = match utf8(&text) {
            Ok(text) => {
                let new = edited(text, &old)?;
                if new.expose_secret() == old.expose_secret() {
                    ui.messages.note(format_args!(
                        "`{key}` was not changed: the text is the same"
                    ));
                    return report(&key, field, "unchanged", secret.expires_at(), ui);
                }
                write(&key, field, (&old, &new), vault, ui)
            }
            Err(failure) => Err(failure),
        };
        match outcome {
            Ok(expires_at) => return report(&key, field, "updated", expires_at, ui),
            Err(failure) if io::stdin().is_terminal() => edit_again(failure, ui)?,
            Err(failure) => return Err(failure),
        }
    }
}

/// Returns the text as the editor left it.
fn in_editor(key: &KeyName, text: &[u8], ui: &Ui) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let workspace = Workspace::new(key.as_str(), text, ui.messages)?;
    editor::run(workspace.file(), ui.messages)?;
    // It removes the folder, which no signal may prevent.
    let text = workspace.read()?;
    launch::restore_signals()?;
    Ok(text)
}

/// Asks whether to edit the text again after a failure, and returns the failure if not.
fn edit_again(failure: Failure, ui: &Ui) -> Result<(), Failure> {
    ui.messages.failure(&failure);
    let question = "edit the text again? else it is lost";
    match prompt::decide(question, true, ui.messages)? {
        true => Ok(()),
        false => Err(failure.into_silent()),
    }
}

fn utf8(text: &[u8]) -> Result<&str, Failure> {
    str::from_utf8(text).map_err(|error| {
        Failure::usage(format_args!(
            "the edited text is not UTF-8 (at byte {}); nothing was changed; save it as UTF-8",
            error.valid_up_to()
        ))
    })
}

/// Returns the new value of the edited text. Editors add a newline to the last line.
fn edited(text: &str, old: &SecretString) -> Result<SecretString, Failure> {
    let value = match old.expose_secret().ends_with('\n') {
        true => text,
        false => text.strip_suffix('\n').unwrap_or(text),
    };
    if value.is_empty() && !old.expose_secret().is_empty() {
        return Err(Failure::usage(
            "the text is empty; nothing was changed; `set KEY --allow-empty` stores an empty value",
        ));
    }
    Ok(value.into())
}

/// Writes the new value. After a failure on a terminal it asks whether to try again. Returns the expiry.
fn write(
    key: &KeyName,
    field: Option<&str>,
    (old, new): (&SecretString, &SecretString),
    vault: &Vault,
    ui: &Ui,
) -> Result<Option<Timestamp>, Failure> {
    let mut old = old.clone();
    loop {
        vault.budget()?.restart();
        let exchange = Exchange {
            key,
            field,
            old: &old,
            new,
            expiry: Expiry::Keep,
        };
        let outcome = exchange.run(vault);
        let is_changed = matches!(outcome, Ok(None));
        let (failure, question) = match outcome {
            Ok(Some(secret)) => return Ok(secret.expires_at()),
            Ok(None) => (changed(key), "replace the value of the other client?"),
            Err(failure) => (failure, "try to write the text again?"),
        };
        if !io::stdin().is_terminal() {
            return Err(failure);
        }
        if is_changed {
            // The answer is about this value alone. Without it, the next attempt asks again.
            vault.budget()?.restart();
            if let Ok((value, _)) = exchange::read(key, field, vault) {
                old = value;
            }
        }
        ui.messages.failure(&failure);
        if !prompt::decide(question, false, ui.messages)? {
            return Err(failure.into_silent());
        }
    }
}

fn changed(key: &KeyName) -> Failure {
    Failure::new(
        Status::Conflict,
        format_args!(
            "another client has changed `{key}` since the text was read, so nothing was written; edit it \
             again"
        ),
    )
}

fn report(
    key: &KeyName,
    field: Option<&str>,
    action: &'static str,
    expires_at: Option<Timestamp>,
    ui: &Ui,
) -> Result<(), Failure> {
    if ui.json {
        return ui.output.json(&Json {
            key: key.as_str(),
            action,
            field,
            expires_at,
        });
    }
    if action == "updated" {
        ui.messages.done(format_args!("updated `{key}`"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_newline_that_the_editor_added_is_dropped() {
        for (old, text, new) in [
            ("a", "b\n", "b"),
            ("a", "b", "b"),
            ("a", "b\n\n", "b\n"),
            ("a\n", "b\n", "b\n"),
            ("a\n", "b", "b"),
            ("", "b\n", "b"),
            ("", "\n", ""),
        ] {
            let value = edited(text, &old.into()).unwrap();
            assert_eq!(value.expose_secret(), new, "{old:?} {text:?}");
        }
        for text in ["", "\n"] {
            assert!(edited(text, &"a".into()).is_err(), "{text:?}");
        }
    }
}
