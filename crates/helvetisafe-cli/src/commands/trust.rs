//! `trust show|pin|forget`: shows or changes the remembered org key of this vault. `trust list`: of all vaults.

mod chain;
mod list;
mod show;

use std::io::{self, IsTerminal};

use clap::Subcommand;
use helvetisafe::{Client, Fingerprint};
use serde::Serialize;

use crate::failure::Failure;
use crate::session::{NumberedKey, Trust, Vault, builder};
use crate::settings::Entries;
use crate::ui::messages::Messages;
use crate::ui::{Ui, prompt};

const EXAMPLES: &str = "\
Examples:
  helvetisafe trust
  helvetisafe trust pin SHA256:JXUoDN2Hw/0ukQd6WJ3M8ttm7o0zGtz1aXvV2NxC0fI
  helvetisafe trust show --json | jq -r .state
  helvetisafe trust list
  helvetisafe trust forget";

/// Show, list, pin or forget remembered org keys of vaults.
///
/// All secrets are encrypted under the org key, and a vault with an org key of its own could read what
/// is written. So the fingerprint is remembered on first use, in known-vaults.json in
/// $XDG_STATE_HOME/helvetisafe [else ~/.local/state/helvetisafe], or in the folder
/// HELVETISAFE_STATE_DIR. If it has changed, every command that uses secrets fails with status 8. A
/// configured fingerprint (--org-key-fingerprint) replaces the remembered one.
///
/// A first write without a terminal needs that fingerprint, or --trust-first-use.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the remembered and the current fingerprint; status 8 if they differ.
    Show,
    /// Print the remembered org keys of all vaults and accounts.
    ///
    /// With the vault, the account, the fingerprint, since when it is remembered, and whether it is confirmed
    /// for writing; in a pipe separated by tabs. No network, and no settings of a vault.
    List,
    /// Remember a fingerprint: the given one, or the current one after a question.
    ///
    /// One that is remembered for writing is replaced only after a question, or with --yes. A fingerprint that the account's
    /// signed chain never had is refused, if a part of the chain is trusted. Without such a part a given fingerprint is remembered
    /// without a request to the vault.
    Pin {
        /// SHA256: and 43 characters, as the vault's owner shows it.
        #[arg(value_name = "FINGERPRINT")]
        fingerprint: Option<String>,
        /// Do not ask.
        #[arg(long, short)]
        yes: bool,
        /// Pin also a fingerprint that the signed chain never had. Commands refuse it.
        #[arg(long)]
        force: bool,
    },
    /// Forget the fingerprint; the next use remembers the current one.
    Forget,
}

pub(crate) fn run(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    let trust = || Trust::load_all(vault.settings()?);
    match args.command.as_ref().unwrap_or(&Command::Show) {
        Command::Show => show::run(&trust()?, vault, ui),
        Command::List => {
            let entries = Entries::collect(vault.settings_args())?;
            list::run(entries.insecure_permissions, ui)
        }
        Command::Pin {
            fingerprint,
            yes,
            force,
        } => {
            let trust = trust()?;
            let key = match fingerprint {
                Some(text) => {
                    let fingerprint = parse(text)?;
                    if !force && trust.has_chain() {
                        chain::check_given(&trust, fingerprint, vault)?;
                    }
                    NumberedKey::unnumbered(given(&trust, fingerprint, *yes, ui.messages)?)
                }
                None => chosen(&trust, (*yes, *force), vault)?,
            };
            pin(trust, key, ui)
        }
        Command::Forget => forget(trust()?, ui),
    }
}

/// Connects with the org key that the vault has now, and remembers nothing.
fn connect(vault: &Vault) -> Result<Client, Failure> {
    let builder = builder(vault.settings()?, vault.messages)?;
    Ok(vault.budget()?.spend(|| builder.connect())?)
}

fn parse(text: &str) -> Result<Fingerprint, Failure> {
    text.parse().map_err(|_| {
        Failure::usage(format_args!(
            "`{text}` is not a fingerprint; it is SHA256: and 43 characters"
        ))
    })
}

/// Returns the given fingerprint. If it replaces another one that is confirmed, the user must agree.
fn given(
    trust: &Trust,
    fingerprint: Fingerprint,
    yes: bool,
    messages: Messages,
) -> Result<Fingerprint, Failure> {
    let confirmed = trust.remembered.as_ref().filter(|it| !it.unconfirmed);
    let Some(old) = confirmed.filter(|it| it.fingerprint != fingerprint && !yes) else {
        return Ok(fingerprint);
    };
    if !io::stdin().is_terminal() {
        return Err(Failure::usage(format_args!(
            "{} is remembered for {} since {:.0}, and cannot be replaced without a terminal on which a person \
             could confirm it; if this is the right vault, give --yes too",
            old.fingerprint, trust.vault, old.since
        )));
    }
    confirm(trust, fingerprint, messages)?;
    Ok(fingerprint)
}

/// Returns the current org key after the user has confirmed it.
fn chosen(
    trust: &Trust,
    (yes, force): (bool, bool),
    vault: &Vault,
) -> Result<NumberedKey, Failure> {
    let messages = vault.messages;
    let is_terminal = io::stdin().is_terminal();
    if !yes && !is_terminal {
        return Err(Failure::usage(
            "cannot confirm the current fingerprint without a terminal; give the fingerprint, or --yes to trust the \
             current one",
        ));
    }
    let client = connect(vault)?;
    let current = client.org_key_fingerprint();
    let chain = chain::follow(trust, &client, vault)?;
    match &chain {
        Err(failure) => messages.warning(failure.message().unwrap_or_default()),
        Ok(Some(chain)) => chain::check_current(chain, current, force, messages)?,
        Ok(None) => {}
    }
    let is_new = trust
        .remembered
        .as_ref()
        .is_none_or(|entry| entry.fingerprint != current);
    if !yes && is_new {
        confirm(trust, current, messages)?;
    }
    // A number that neither the chain nor the memory confirms is left out, so the next command follows the chain.
    Ok(match (chain, &trust.remembered) {
        (Ok(Some(chain)), _) => NumberedKey::unnumbered(current).numbered_by(&chain),
        (_, Some(known)) if known.fingerprint == current => known.key(),
        _ => NumberedKey::unnumbered(current),
    })
}

fn confirm(trust: &Trust, current: Fingerprint, messages: Messages) -> Result<(), Failure> {
    let old = match &trust.remembered {
        Some(entry) => format!(" in place of {}", entry.fingerprint),
        None => String::new(),
    };
    let question = format_args!("trust the org key {current}{old} for {}?", trust.vault);
    prompt::require(question, "nothing was pinned", messages)
}

/// The output of `--json` after a change; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Changed<'a> {
    base_url: &'a str,
    account: &'a str,
    action: &'static str,
    fingerprint: Option<String>,
}

fn pin(mut trust: Trust, key: NumberedKey, ui: &Ui) -> Result<(), Failure> {
    let fingerprint = key.fingerprint;
    trust.replace(Some(key))?;
    if trust
        .expected
        .is_some_and(|expected| expected != fingerprint)
    {
        ui.messages.warning(
            "the configured fingerprint differs and is used instead of the pinned one; change or unset \
             it",
        );
    }
    report(&trust, "pinned", Some(fingerprint), ui)
}

fn forget(mut trust: Trust, ui: &Ui) -> Result<(), Failure> {
    let old = trust.remembered.as_ref().map(|entry| entry.fingerprint);
    if old.is_none() {
        ui.messages
            .note(format_args!("nothing is remembered for {}", trust.vault));
    } else {
        trust.replace(None)?;
    }
    report(&trust, "forgotten", old, ui)
}

fn report(
    trust: &Trust,
    action: &'static str,
    fingerprint: Option<Fingerprint>,
    ui: &Ui,
) -> Result<(), Failure> {
    let fingerprint = fingerprint.map(|fingerprint| fingerprint.to_string());
    if ui.json {
        return ui.output.json(&Changed {
            base_url: &trust.vault.base_url,
            account: &trust.vault.account,
            action,
            fingerprint,
        });
    }
    if let Some(fingerprint) = fingerprint {
        // Also in a script, since it may be another vault than the user thinks.
        ui.messages
            .note(format_args!("{action} {fingerprint} for {}", trust.vault));
    }
    Ok(())
}
