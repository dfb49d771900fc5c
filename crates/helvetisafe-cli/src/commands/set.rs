//! `set KEY`: creates a secret, or updates it if it exists.

use super::write::{self, Mode, WriteArgs};
use crate::failure::Failure;
use crate::session::Vault;
use crate::ui::Ui;

const EXAMPLES: &str = "\
Examples:
  helvetisafe set DB_PASSWORD                          (asks twice, hidden)
  printf %s \"$value\" | helvetisafe set DB_PASSWORD
  helvetisafe set TLS_KEY --value-file tls.key
  helvetisafe set KEYSTORE --base64 --file keystore.p12
  helvetisafe set API_KEY --generate 40 --expires-in 30d
  helvetisafe set DATABASE --field DB_PASS --generate";

/// Create a secret, or update it if it exists.
///
/// The value is read from standard input if that is piped, byte for byte. On a terminal a hidden prompt
/// asks for it twice. It is never an argument, since every user can see arguments.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    write: WriteArgs,
}

pub(crate) fn run(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    write::run(Mode::Set, &args.write, vault, ui)
}
