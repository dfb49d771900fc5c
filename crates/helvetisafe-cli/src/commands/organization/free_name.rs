//! The check that a new account can have a name, before anything is made.

use helvetisafe::organization::Chain;

use crate::failure::{Failure, Status};
use crate::session::Administration;

/// Fails if a member of the chain or an open invitation has the name, as the vault would refuse it.
pub(super) fn check(
    administration: &Administration<'_>,
    chain: &Chain,
    name: &str,
) -> Result<(), Failure> {
    let pending = administration.call(|organization| organization.invitations())?;
    let mut members = chain.members().values();
    if !members.any(|it| it.name == name) && !pending.iter().any(|it| it.name == name) {
        return Ok(());
    }
    Err(Failure::new(
        Status::Conflict,
        format_args!(
            "an account or an open invitation has the name `{name}`: choose another, or withdraw the invitation"
        ),
    ))
}
