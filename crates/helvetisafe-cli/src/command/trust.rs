//! `trust show|pin|forget`: the remembered org key of this vault.

use std::io::{self, IsTerminal};

use clap::Subcommand;
use helvetisafe::{Fingerprint, Timestamp};
use serde::Serialize;

use crate::config::Config;
use crate::connect;
use crate::context::Context;
use crate::failure::Failure;
use crate::trust::{Entry, Trust};

const EXAMPLES: &str = "\
Examples:
  helvetisafe trust
  helvetisafe trust pin SHA256:JXUoDN2Hw/0ukQd6WJ3M8ttm7o0zGtz1aXvV2NxC0fI
  helvetisafe trust show --json | jq -r .state
  helvetisafe trust forget";

/// Show, pin or forget the remembered org key of this vault.
///
/// All secrets are encrypted under the org key, and a vault that hands out a key of its own could
/// read what is written from then on. So its fingerprint is remembered on first use, in
/// known-vaults.json in $XDG_STATE_HOME/helvetisafe [else ~/.local/state/helvetisafe]; a folder in
/// HELVETISAFE_STATE_DIR takes its place. When it has changed, every command that uses secrets fails
/// with status 8. A configured fingerprint (--org-key-fingerprint) takes the place of the remembered
/// one.
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
    /// Print the remembered and the current fingerprint; status 8 when they differ.
    Show,
    /// Remember a fingerprint: the one given, or the current one after asking.
    ///
    /// A fingerprint that is given is remembered without asking the vault.
    Pin {
        /// SHA256: and 43 characters, as the vault's owner shows it.
        #[arg(value_name = "FINGERPRINT")]
        fingerprint: Option<String>,
        /// Do not ask.
        #[arg(long, short)]
        yes: bool,
    },
    /// Forget the fingerprint; the next use remembers the one it finds.
    Forget,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let config = context.config()?;
    let trust = Trust::load_all(config)?;
    match args.command.as_ref().unwrap_or(&Command::Show) {
        Command::Show => show(&trust, config, context),
        Command::Pin { fingerprint, yes } => {
            let fingerprint = match fingerprint {
                Some(text) => parse(text)?,
                None => chosen(&trust, *yes, config, context)?,
            };
            pin(trust, fingerprint, context)
        }
        Command::Forget => forget(trust, context),
    }
}

/// What `--json` prints; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    base_url: &'a str,
    account: &'a str,
    remembered: Option<String>,
    remembered_since: Option<Timestamp>,
    /// Set if a first write has yet to confirm it.
    unconfirmed: bool,
    expected: Option<String>,
    current: Option<String>,
    state: State,
    file: Option<String>,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// The current one is the remembered or the configured one.
    Trusted,
    /// The current one is another.
    Changed,
    /// Nothing is remembered or configured, so nothing can be compared.
    Unknown,
    /// The vault was not asked, or did not tell.
    Unchecked,
}

fn show(trust: &Trust, config: &Config, context: &Context) -> Result<(), Failure> {
    let current = current(config, context);
    let found = current.as_ref().ok().copied();
    let checked = found.map_or(Ok(()), |found| trust.check(found));
    let is_known = trust.expected.is_some() || trust.remembered.is_some();
    let state = match (found, &checked) {
        (None, _) => State::Unchecked,
        (Some(_), Err(_)) => State::Changed,
        (Some(_), Ok(())) if is_known => State::Trusted,
        (Some(_), Ok(())) => State::Unknown,
    };
    print(trust, found, state, context)?;
    current.and(checked)
}

/// The org key that the vault has now. Nothing is remembered.
fn current(config: &Config, context: &Context) -> Result<Fingerprint, Failure> {
    let client = connect::builder(config, context.messages)?.connect()?;
    Ok(client.org_key_fingerprint())
}

fn print(
    trust: &Trust,
    current: Option<Fingerprint>,
    state: State,
    context: &Context,
) -> Result<(), Failure> {
    let remembered = trust.remembered.as_ref();
    let text = |fingerprint: Fingerprint| fingerprint.to_string();
    if context.json() {
        return context.output.json(&Json {
            base_url: &trust.vault.base_url,
            account: &trust.vault.account,
            remembered: remembered.map(|entry| text(entry.fingerprint)),
            remembered_since: remembered.map(|entry| entry.since),
            unconfirmed: remembered.is_some_and(|entry| entry.unconfirmed),
            expected: trust.expected.map(text),
            current: current.map(text),
            state,
            file: trust.file(),
        });
    }
    let line = |name: &str, value: &str| context.output.line(&format!("{name:10}  {value}"));
    line("vault", &trust.vault.base_url)?;
    line("account", &trust.vault.account)?;
    match remembered {
        Some(entry) => line("remembered", &describe(entry))?,
        None => line("remembered", "nothing")?,
    }
    if let Some(expected) = trust.expected {
        line("expected", &text(expected))?;
    }
    if let Some(current) = current {
        line("current", &text(current))?;
    }
    line(
        "state",
        match state {
            State::Trusted => "trusted",
            State::Changed => "changed: nothing is read or written",
            State::Unknown => "not remembered yet; `helvetisafe trust pin` does it",
            State::Unchecked => "the vault did not give its org key",
        },
    )
}

/// Describes a remembered org key in one line.
fn describe(entry: &Entry) -> String {
    let by = if entry.unconfirmed {
        ", not confirmed for writing"
    } else {
        ""
    };
    format!("{} since {:.0}{by}", entry.fingerprint, entry.since)
}

fn parse(text: &str) -> Result<Fingerprint, Failure> {
    text.parse().map_err(|_| {
        Failure::usage(format_args!(
            "`{text}` is no fingerprint; it is SHA256: and 43 characters"
        ))
    })
}

/// The current fingerprint, once somebody has agreed to it.
fn chosen(
    trust: &Trust,
    yes: bool,
    config: &Config,
    context: &Context,
) -> Result<Fingerprint, Failure> {
    let is_terminal = io::stdin().is_terminal();
    if !yes && !is_terminal {
        return Err(Failure::usage(
            "there is no terminal to ask on; give the fingerprint, or --yes to take the vault's \
             word for it",
        ));
    }
    let current = current(config, context)?;
    let is_new = trust
        .remembered
        .as_ref()
        .is_none_or(|entry| entry.fingerprint != current);
    if !yes && is_new {
        confirm(trust, current, context)?;
    }
    Ok(current)
}

fn confirm(trust: &Trust, current: Fingerprint, context: &Context) -> Result<(), Failure> {
    let old = match &trust.remembered {
        Some(entry) => format!(" in place of {}", entry.fingerprint),
        None => String::new(),
    };
    context.messages.question(format_args!(
        "trust the org key {current}{old} for {}? [y/N]",
        trust.vault
    ));
    let mut answer = String::new();
    io::stdin()
        .read_line(&mut answer)
        .map_err(|error| Failure::other(format_args!("cannot read the answer: {error}")))?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::other("nothing was pinned; answer y to pin")),
    }
}

/// What `--json` prints after a change; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Changed<'a> {
    base_url: &'a str,
    account: &'a str,
    action: &'static str,
    fingerprint: Option<String>,
}

fn pin(mut trust: Trust, fingerprint: Fingerprint, context: &Context) -> Result<(), Failure> {
    trust.pin(fingerprint)?;
    if trust
        .expected
        .is_some_and(|expected| expected != fingerprint)
    {
        context.messages.warning(
            "the configured fingerprint is another one and takes the place of what is pinned; change or \
             unset it",
        );
    }
    tell(&trust, "pinned", Some(fingerprint), context)
}

fn forget(mut trust: Trust, context: &Context) -> Result<(), Failure> {
    let old = trust.remembered.as_ref().map(|entry| entry.fingerprint);
    if old.is_none() {
        context
            .messages
            .note(format_args!("nothing is remembered of {}", trust.vault));
    } else {
        trust.forget()?;
    }
    tell(&trust, "forgotten", old, context)
}

fn tell(
    trust: &Trust,
    action: &'static str,
    fingerprint: Option<Fingerprint>,
    context: &Context,
) -> Result<(), Failure> {
    let fingerprint = fingerprint.map(|fingerprint| fingerprint.to_string());
    if context.json() {
        return context.output.json(&Changed {
            base_url: &trust.vault.base_url,
            account: &trust.vault.account,
            action,
            fingerprint,
        });
    }
    if let Some(fingerprint) = fingerprint {
        context
            .messages
            .done(format_args!("{action} {fingerprint} for {}", trust.vault));
    }
    Ok(())
}
