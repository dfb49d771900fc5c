//! `token`: the API tokens of the account.

mod create;
mod list;
mod revoke;

use clap::Subcommand;

use crate::failure::Failure;
use crate::session::Vault;
use crate::ui::Ui;

/// Create, list and revoke API tokens of this account.
///
/// A token stands in for the client id and the client secret, with scopes and an expiry of its own. A client with a token
/// still needs the private key of the account. The account needs the scope tokens:write.
#[derive(Subcommand)]
pub(crate) enum Command {
    Create(create::Args),
    #[command(visible_alias = "ls")]
    List(list::Args),
    Revoke(revoke::Args),
}

pub(crate) fn run(command: &Command, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    match command {
        Command::Create(args) => create::run(args, vault, ui),
        Command::List(_) => list::run(vault, ui),
        Command::Revoke(args) => revoke::run(args, vault, ui),
    }
}
