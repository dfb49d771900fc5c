//! `run -- CMD ARG…`: runs a program with secrets in its environment.

mod environment;
#[cfg(unix)]
mod supervisor;
#[cfg(unix)]
mod watch;

use std::cell::OnceCell;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) use super::launch::FAILED;
use super::launch::Program;
use super::reference_file::ReferenceFile;
use super::selection::{Renamed, SelectionArgs};
use crate::failure::Failure;
use crate::session::{OfflineArgs, Reader, Vault};
use crate::ui::duration::second_to_day;
use crate::ui::messages::Messages;

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

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Secrets")]
struct EnvFileArgs {
    /// The variables of this file: NAME=hs://KEY is a secret, NAME=hs://KEY#FIELD one field of it, and any
    /// other NAME=VALUE is as it is.
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
    /// The content of the file, which may be a pipe.
    #[arg(skip)]
    content: OnceCell<ReferenceFile>,
}

impl EnvFileArgs {
    /// Returns the variables of the file, which is read once.
    fn read(&self, messages: Messages) -> Result<Option<&ReferenceFile>, Failure> {
        let Some(path) = &self.env_file else {
            return Ok(None);
        };
        if self.content.get().is_none() {
            let file = ReferenceFile::read(path, messages);
            let file = file.map_err(|failure| failure.with_advice("no program was started"))?;
            self.content.get_or_init(|| file);
        }
        Ok(self.content.get())
    }
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
fn prepare(args: &Args, vault: &Vault) -> Result<Program, Failure> {
    let prepared = with_variables(args, vault);
    prepared.map_err(|failure| failure.with_status(FAILED))
}

fn with_variables(args: &Args, vault: &Vault) -> Result<Program, Failure> {
    let messages = vault.messages;
    let file = args.env_file.read(messages)?;
    let references = file.map(|file| file.references.as_slice());
    let variables = Reader::with(&args.offline, vault, |reader| {
        let refusal = |variable: &Renamed| args.selection.refusal(variable);
        args.selection.variables_with(references, reader, refusal)
    });
    let plain = file.map_or(&[][..], |file| &file.plain);
    let read = variables.as_deref().unwrap_or_default();
    let checked = environment::check(read, plain, &args.selection, messages);
    // All problems are reported.
    let variables = variables?;
    checked?;
    let mut prepared = Program::new(&args.command)?;
    args.environment
        .fill(prepared.command(), &variables, plain, messages);
    messages.detail(format_args!(
        "starting {} with {} variables from the vault",
        prepared.name(),
        variables.len()
    ));
    Ok(prepared)
}
