//! `move KEY NEW`: renames a secret.

use helvetisafe::ErrorKind;

use super::copy::{Copy, Names};
use crate::failure::Failure;
use crate::session::Vault;
use crate::ui::Ui;

const EXAMPLES: &str = "\
Examples:
  helvetisafe move DB_PASWORD DB_PASSWORD
  helvetisafe move NEW_TOKEN TOKEN --overwrite";

/// Rename a secret: it is decrypted, encrypted again under the new name, and then deleted.
///
/// The value, all fields and the expiry stay as they are. The old secret is deleted only after the new
/// one was read back and compared; if anything fails, it stays.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    names: Names,
}

pub(crate) fn run(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    let copy = Copy::make(&args.names, vault)?;
    match vault.write(|secrets| secrets.delete(&copy.key))? {
        Ok(()) => {}
        // Another client was faster.
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => {
            let (key, new_key) = (&copy.key, &copy.new_key);
            return Err(Failure::from(error).with_advice(&format!(
                "`{new_key}` is complete, and `{key}` may still be there: `helvetisafe delete \
                 {key}` finishes the move"
            )));
        }
    }
    copy.report("moved", ui)
}
