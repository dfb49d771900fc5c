//! `set KEY`: creates a secret, or updates it if it exists.

use super::write::{self, Mode, WriteArgs};
use crate::context::Context;
use crate::failure::Failure;

const EXAMPLES: &str = "\
Examples:
  helvetisafe set DB_PASSWORD                          (asks, unseen, twice)
  printf %s \"$value\" | helvetisafe set DB_PASSWORD
  helvetisafe set TLS_KEY --value-file tls.key
  helvetisafe set API_KEY --generate 40 --expires-in 30d
  helvetisafe set DATABASE --field DB_PASS --generate";

/// Create a secret, or update it if it exists.
///
/// The value is read from standard input when that is piped, byte for byte; on a terminal it is
/// asked for twice, unseen. An argument cannot hold it: arguments are seen by every user.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    write: WriteArgs,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    write::run(Mode::Set, &args.write, context)
}
