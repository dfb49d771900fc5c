//! `run -- CMD ARG…`: a program with secrets in its environment.

#[cfg(unix)]
mod child;
mod environment;
mod program;
#[cfg(unix)]
mod supervisor;
#[cfg(unix)]
mod watch;

use std::ffi::OsString;
use std::time::Duration;

use super::selection::SelectionArgs;
use crate::context::Context;
use crate::failure::Failure;
use crate::offline::OfflineArgs;
use crate::time_argument::second_to_day;

/// The status where this command failed itself, as `env` and `docker run` have it: the others are
/// the program's.
pub(crate) const FAILED: u8 = 125;

const EXAMPLES: &str = "\
Examples:
  helvetisafe run --key DATABASE_URL -- ./server
  helvetisafe run --prefix APP_ -- docker compose up
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
/// No shell stands between, and on Unix the program takes the place of this command. Variables of
/// this command, HELVETISAFE_…, are taken out of its environment. A variable that is set already
/// stays as it is, also an empty one, unless --override is given.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The program and its arguments.
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
    /// Stay the parent of the program, pass signals on and end with its status.
    #[arg(long)]
    no_exec: bool,
    /// Stay the parent, look this often whether one of the secrets has changed, every 30s where no
    /// time is given, and then start the program anew; also when it ends badly. Unix only.
    #[arg(
        long,
        value_name = "INTERVAL",
        num_args = 0..=1,
        default_missing_value = "30s",
        value_parser = second_to_day,
        conflicts_with_all = ["offline", "prefer_offline", "max_age"]
    )]
    watch: Option<Duration>,
    /// How long a program has to end after SIGTERM, before SIGKILL ends it.
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
    environment: environment::EnvironmentArgs,
    #[command(flatten)]
    offline: OfflineArgs,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    if let Some(interval) = args.watch {
        return watched(args, interval, context);
    }
    prepare(args, context)?.start(args.no_exec)
}

#[cfg(unix)]
fn watched(args: &Args, interval: Duration, context: &Context) -> Result<(), Failure> {
    watch::run(args, interval, context)
}

#[cfg(not(unix))]
fn watched(_: &Args, _: Duration, _: &Context) -> Result<(), Failure> {
    Err(Failure::usage("--watch needs Unix: leave it out").with_status(FAILED))
}

/// All that can fail before anything is started.
fn prepare(args: &Args, context: &Context) -> Result<program::Prepared, Failure> {
    let prepared = with_variables(args, context);
    prepared.map_err(|failure| failure.with_status(FAILED))
}

fn with_variables(args: &Args, context: &Context) -> Result<program::Prepared, Failure> {
    context.use_kept(&args.offline)?;
    let variables = args.selection.variables(context);
    if let Some(offline) = context.offline() {
        offline.keep(variables.is_ok(), context.reader(), context.messages);
    }
    let variables = variables?;
    environment::check(&variables, &args.selection, context)?;
    let mut prepared = program::Prepared::new(&args.command)?;
    args.environment
        .fill(prepared.command(), &variables, context);
    context.messages.detail(format_args!(
        "starting {} with {} variables from the vault",
        prepared.name(),
        variables.len()
    ));
    Ok(prepared)
}
