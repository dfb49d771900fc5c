//! The check that a new account can have a name, before anything is made.

use helvetisafe::organization::{Anchor, Member};

use crate::failure::{Failure, Status};
use crate::session::Administration;

/// Fails if an active account or an open invitation has the name, as the vault would refuse it.
pub(super) fn check(
    administration: &Administration<'_>,
    anchor: &Anchor,
    name: &str,
) -> Result<(), Failure> {
    let members = administration.call(|organization| organization.members(anchor))?;
    let pending = administration.call(|organization| organization.invitations())?;
    let has_name = |it: &Member| it.disabled_at.is_none() && it.name.as_deref() == Some(name);
    if !members.iter().any(has_name) && !pending.iter().any(|it| it.name == name) {
        return Ok(());
    }
    Err(Failure::new(
        Status::Conflict,
        format_args!(
            "an account or an open invitation has the name `{name}`: choose another, or withdraw the invitation"
        ),
    ))
}
