//! `update KEY`: updates a secret, and fails if it does not exist.

use super::write::{self, Mode, WriteArgs};
use crate::failure::Failure;
use crate::session::Vault;
use crate::ui::Ui;

const EXAMPLES: &str = "\
Examples:
  printf %s \"$value\" | helvetisafe update DB_PASSWORD
  helvetisafe update DB_PASSWORD --generate --never-expires";

/// Update a secret; fail with status 5 if it does not exist.
///
/// The value is read as by `set`. Without an option for it the expiry stays.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    write: WriteArgs,
}

pub(crate) fn run(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    write::run(Mode::Update, &args.write, vault, ui)
}
