//! `update KEY`: updates a secret, and fails if there is none.

use super::write::{self, Mode, WriteArgs};
use crate::context::Context;
use crate::failure::Failure;

const EXAMPLES: &str = "\
Examples:
  printf %s \"$value\" | helvetisafe update DB_PASSWORD
  helvetisafe update DB_PASSWORD --generate --never-expires";

/// Update a secret; fail with status 5 if there is none.
///
/// The value comes from where `set` takes it. Without an option for it the expiry stays.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    write: WriteArgs,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    write::run(Mode::Update, &args.write, context)
}
