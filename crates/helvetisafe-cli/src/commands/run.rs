//! `run -- CMD ARG…`: runs a program with secrets in its environment.

#[cfg(unix)]
mod child;
mod env_file;
mod environment;
#[cfg(unix)]
mod group;
pub(super) mod program;
#[cfg(unix)]
mod supervisor;
#[cfg(unix)]
mod terminal;
#[cfg(unix)]
mod watch;

use std::ffi::OsString;
use std::time::Duration;

use super::selection::SelectionArgs;
use crate::failure::Failure;
use crate::session::{OfflineArgs, Reader, Vault};
use crate::ui::duration::second_to_day;
use env_file::EnvFileArgs;

/// The status if this command failed itself, as of `env` and `docker run`: all others are those of the
/// program.
pub(crate) const FAILED: u8 = 125;

const EXAMPLES: &str = "\
Examples:
  helvetisafe run --key DATABASE_URL -- ./server
  helvetisafe run --prefix APP_ -- docker compose up
  helvetisafe run --env-file .env.hs -- ./server         (DB=hs://DATABASE#DB_PASS)
  helvetisafe run --env PGPASSWORD=DATABASE.DB_PASS --clean -- psql
  helvetisafe run --watch 1m --grace 20s --prefix APP_ -- ./server
  helvetisafe run --max-age 12h --key DATABASE_URL -- ./server
  helvetisafe run -- sh -c 'echo \"$GREETING\"'

Exit status:
  that of the program; 128+n when signal n ended it
  125  this command failed, also by wrong usage; nothing was started
  126  the program was found, but cannot be run
  127  the program was not found";

/// Run a program with secrets in its environment.
///
/// There is no shell in between, and on Unix the program replaces this command. The variables of this
/// command, HELVETISAFE_…, are removed from its environment. A variable that is set already stays as it
/// is, also an empty one, unless --override is given.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The program and its arguments.
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
    /// Stay the parent of the program: pass signals on to its process group, and end with its status.
    #[arg(long)]
    no_exec: bool,
    /// Stay the parent, and restart the program when one of the secrets changes or the program fails. The
    /// secrets are polled at this interval, 30s by default. Unix only.
    #[arg(
        long,
        value_name = "INTERVAL",
        num_args = 0..=1,
        default_missing_value = "30s",
        value_parser = second_to_day,
        conflicts_with_all = ["offline", "prefer_offline", "max_age"]
    )]
    watch: Option<Duration>,
    /// The time for a program to end after SIGTERM, before SIGKILL.
    #[arg(
        long,
        value_name = "TIME",
        default_value = "10s",
        value_parser = second_to_day,
        requires = "watch"
    )]
    grace: Duration,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    env_file: EnvFileArgs,
    #[command(flatten)]
    environment: environment::EnvironmentArgs,
    #[command(flatten)]
    offline: OfflineArgs,
}

pub(crate) fn run(args: &Args, vault: &Vault) -> Result<(), Failure> {
    match args.watch {
        Some(interval) => watched(args, interval, vault),
        None => prepare(args, vault)?.start(args.no_exec),
    }
}

#[cfg(unix)]
fn watched(args: &Args, interval: Duration, vault: &Vault) -> Result<(), Failure> {
    watch::run(args, interval, vault)
}

#[cfg(not(unix))]
fn watched(_: &Args, _: Duration, _: &Vault) -> Result<(), Failure> {
    Err(Failure::usage("--watch needs Unix: leave it out").with_status(FAILED))
}

/// Does everything that can fail before the program is started.
fn prepare(args: &Args, vault: &Vault) -> Result<program::Prepared, Failure> {
    let prepared = with_variables(args, vault);
    prepared.map_err(|failure| failure.with_status(FAILED))
}

fn with_variables(args: &Args, vault: &Vault) -> Result<program::Prepared, Failure> {
    let messages = vault.messages;
    let file = args.env_file.read(messages)?;
    let references = file.map(|file| file.references.as_slice());
    let variables = Reader::with(&args.offline, vault, |reader| {
        args.selection.variables_with(references, reader)
    })?;
    let plain = file.map_or(&[][..], |file| &file.plain);
    environment::check(&variables, plain, &args.selection, messages)?;
    let mut prepared = program::Prepared::new(&args.command)?;
    args.environment
        .fill(prepared.command(), &variables, plain, messages);
    messages.detail(format_args!(
        "starting {} with {} variables from the vault",
        prepared.name(),
        variables.len()
    ));
    Ok(prepared)
}
