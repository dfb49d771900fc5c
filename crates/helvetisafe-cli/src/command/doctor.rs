//! `doctor`: looks for what is wrong, in the order in which one thing needs the other.

mod checks;
mod report;
mod round_trip;
mod seen;

use crate::context::Context;
use crate::failure::Failure;
use report::Report;

const EXAMPLES: &str = "\
Examples:
  helvetisafe doctor
  helvetisafe --profile prod doctor --json | jq -r '.[] | select(.outcome == \"failed\") | .message'
  helvetisafe doctor --round-trip";

/// Check everything from the configuration to the org key, and say what to do.
///
/// Each check is ok, a warning, failed or skipped; after a failure the rest is skipped. The status
/// is the failure's. It prints no value, and changes nothing without --round-trip.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Create, read and delete a secret with a random name and a random value. Should it be left
    /// behind, it expires after 5 minutes.
    #[arg(long)]
    round_trip: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let mut report = Report::new(context);
    if let Err(failure) = examine(args, &mut report, context) {
        report.failed(&failure);
    }
    report.end()
}

/// The checks in their order. A failure is the one of the check that is at turn.
fn examine(args: &Args, report: &mut Report<'_>, context: &Context) -> Result<(), Failure> {
    let (config, base) = checks::configuration(report, context)?;
    let attempt = checks::files(report, config, context)?;
    checks::name(report, &base)?;
    checks::connection(report, &base, &attempt)?;
    checks::clock(report, &attempt);
    checks::token(report, config, &attempt)?;
    checks::scopes(report, &attempt);
    let client = checks::org_key(report, attempt)?;
    checks::trust(report, config, &client)?;
    checks::binding(report, config, &client, context)?;
    if args.round_trip {
        round_trip::run(report, &client, context)
    } else {
        report.skipped("not asked for; --round-trip creates, reads and deletes a secret");
        Ok(())
    }
}
