//! `create KEY`: creates a secret, and fails if it exists.

use super::write::{self, Mode, WriteArgs};
use crate::failure::Failure;
use crate::session::Vault;
use crate::ui::Ui;

const EXAMPLES: &str = "\
Examples:
  helvetisafe create DB_PASSWORD --generate
  helvetisafe create CERTIFICATE --value-file tls.crt --expires-at 2030-01-31";

/// Create a secret; fail with status 6 if it exists.
///
/// The value is read as by `set`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    write: WriteArgs,
}

pub(crate) fn run(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    write::run(Mode::Create, &args.write, vault, ui)
}
