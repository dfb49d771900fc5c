//! Rotations that exclude each other: of another administrator, and of this account on another machine.

use helvetisafe::Timestamp;
use helvetisafe::organization::{RotationId, RotationState};

use super::rotation_file::Stored;
use crate::advice;
use crate::failure::{Failure, Status};
use crate::session::Administration;

/// Explains a conflict of the rotation with this id: another one is in progress, or it was interrupted.
pub(super) fn explained(
    failure: Failure,
    administration: &Administration<'_>,
    id: RotationId,
    own: &str,
) -> Failure {
    if failure.status() != Status::Conflict as u8 {
        return failure;
    }
    let present = administration.call(|organization| organization.rotation());
    match present
        .ok()
        .flatten()
        .filter(|it| excludes(it, Some(id), own))
    {
        Some(other) => in_progress(&other, own),
        None => failure.with_advice(&format!(
            "{} gives up the interrupted rotation",
            advice::command("org rotate --abandon")
        )),
    }
}

/// Fails as the vault would refuse to begin a rotation, or to resume the one with this id.
pub(super) fn check_free(
    administration: &Administration<'_>,
    id: Option<RotationId>,
    own: &str,
) -> Result<(), Failure> {
    let present = administration.call(|organization| organization.rotation())?;
    // The vault lets another rotation replace one that was not continued in time.
    let present = present.filter(|it| it.lease_until > Timestamp::now());
    match present.filter(|it| excludes(it, id, own)) {
        Some(other) => Err(in_progress(&other, own)),
        None => Ok(()),
    }
}

/// Fails if another account began the rotation that is stored on this machine.
pub(super) fn check_stored(stored: &Stored, own: &str) -> Result<(), Failure> {
    if stored.account == own {
        return Ok(());
    }
    Err(Failure::new(
        Status::Conflict,
        format_args!(
            "the account {} began a rotation here, and only that account can resume it; {} gives it up",
            stored.account,
            advice::command("org rotate --abandon")
        ),
    ))
}

fn excludes(present: &RotationState, id: Option<RotationId>, own: &str) -> bool {
    present.started_by != own || Some(present.id) != id
}

fn in_progress(present: &RotationState, own: &str) -> Failure {
    let abandon = advice::command("org rotate --abandon");
    let began = present.created_at;
    let message = match present.started_by.as_str() {
        by if by == own => format!(
            "this account began another rotation at {began:.0}, and its new key is not on this machine; complete it where it was \
             begun, or give it up with {abandon}"
        ),
        by => format!(
            "another administrator is replacing the org key: the account {by} began at {began:.0}; wait until it is done, then run \
             this command again if the key must be replaced once more; {abandon} gives up a rotation that was interrupted"
        ),
    };
    Failure::new(Status::Conflict, message)
}
