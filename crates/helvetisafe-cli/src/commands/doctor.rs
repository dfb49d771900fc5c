//! `doctor`: checks everything from the settings to the org key, in the order of their dependencies.

mod addresses;
mod administrator;
mod attempt;
mod checks;
mod report;
mod round_trip;
mod trust;

use crate::failure::Failure;
use crate::session::Vault;
use crate::ui::Ui;
use report::Report;

const EXAMPLES: &str = "\
Examples:
  helvetisafe doctor
  helvetisafe --profile prod doctor --json | jq -r '.[] | select(.outcome == \"failed\") | .message'
  helvetisafe doctor --round-trip";

/// Check everything from the configuration to the org key, and advise what to do.
///
/// Each check is ok, a warning, failed or skipped; after a failure all others are skipped. The status
/// is that of the failure. The signing key and the scopes of an administrator are checked too. It prints no value, and changes
/// nothing without --round-trip.
#[derive(Debug, Default, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Create, read and delete a secret with a random name and a random value. If it cannot be deleted,
    /// it expires after 5 minutes.
    #[arg(long)]
    round_trip: bool,
}

pub(crate) fn run(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    let mut report = Report::new(ui);
    if let Err(failure) = examine(args, &mut report, vault, ui) {
        let failure = vault.explain_org_key(vault.explain_refusal(failure));
        report.failed(&vault.explain_timeout(failure));
    }
    report.finish()
}

/// Runs the checks. A failure is that of the current check.
fn examine(args: &Args, report: &mut Report<'_>, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    let settings = vault.settings()?;
    let budget = vault.budget()?;
    if settings.has_signing_key() {
        report.expect_administrator();
    }
    let bases = checks::configuration(report, settings)?;
    let addresses = checks::files(report, settings, bases, budget, ui.messages)?;
    addresses.check_names(report)?;
    addresses.check_connections(report, settings)?;
    let attempt = addresses.into_attempt();
    checks::clock(report, &attempt);
    checks::token(report, settings, &attempt)?;
    checks::scopes(report, settings, &attempt);
    let client = checks::org_key(report, settings, attempt)?;
    let chain = trust::check(report, settings, &client, budget)?;
    administrator::check(report, settings, &client, chain.as_ref(), budget)?;
    // The last of the reads, since it may take all the time that is left.
    checks::binding(report, settings, &client, budget)?;
    if args.round_trip {
        round_trip::run(report, settings, budget.limit(client.secrets()))
    } else {
        report.skipped("not requested; --round-trip creates, reads and deletes a secret");
        Ok(())
    }
}
