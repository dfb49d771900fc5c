//! The check that a new account can have a name, before anything is made or sent.

use helvetisafe::organization::Chain;

use crate::advice;
use crate::failure::{Failure, Status};
use crate::session::Administration;

/// Fails if a member of the chain or an open invitation has the name, as the vault would refuse it. `failed` says what cannot
/// be done without it.
pub(super) fn check(
    administration: &Administration<'_>,
    chain: &Chain,
    name: &str,
    failed: &str,
) -> Result<(), Failure> {
    check_members(chain, name, failed)?;
    let pending = administration.call(|organization| organization.invitations())?;
    if pending.iter().any(|it| it.name == name) {
        return Err(taken(format_args!(
            "{failed}: an open invitation has the name `{name}`; choose another name, or withdraw that invitation first with {}",
            command("org withdraw", name)
        )));
    }
    Ok(())
}

/// Fails if a member of the chain has the name. Sends nothing.
pub(super) fn check_members(chain: &Chain, name: &str, failed: &str) -> Result<(), Failure> {
    if chain.members().values().any(|it| it.name == name) {
        return Err(taken(format_args!(
            "{failed}: a member has the name `{name}`; choose another name, or, if the member is to get a new account, disable \
             the old one first with {}",
            command("org disable", name)
        )));
    }
    Ok(())
}

fn command(verb: &str, name: &str) -> String {
    advice::command_about(verb, name)
}

fn taken(message: std::fmt::Arguments<'_>) -> Failure {
    Failure::new(Status::Conflict, message)
}
