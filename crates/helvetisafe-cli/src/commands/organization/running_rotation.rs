//! A command that replaces the org key, or gives up a rotation, while this one starts on the same machine.

use helvetisafe::organization::{Chain, RotationState};

use super::rotation_conflict::{in_progress, named};
use super::rotation_file::RotationFile;
use crate::advice;
use crate::failure::{Failure, Status};
use crate::session::Administration;

/// Explains that another command on this machine has locked the file, with the rotation of the file as the vault states it. With
/// `may_count` it has the number of the secrets that are left, which needs the scopes of a rotation.
pub(super) fn failure(
    administration: &Administration<'_>,
    file: &RotationFile,
    own: &str,
    may_count: bool,
) -> Failure {
    explained(administration, file, own, may_count).unwrap_or_else(|failure| failure)
}

fn explained(
    administration: &Administration<'_>,
    file: &RotationFile,
    own: &str,
    may_count: bool,
) -> Result<Failure, Failure> {
    let chain = administration.chain()?;
    let present = administration.call(|organization| organization.rotation())?;
    let stored = file.load()?;
    let is_stored = |it: &RotationState| stored.as_ref().is_some_and(|own| own.id == it.id);
    let message = match present {
        Some(running) if is_stored(&running) => {
            let count = || administration.call(|call| call.remaining_secrets(running.id));
            // The number is optional.
            let left = may_count.then(count).and_then(Result::ok);
            in_vault(&running, left, &chain)
        }
        Some(other) => return Ok(in_progress(&other, &chain, own)),
        None => format!(
            "another command on this machine replaces the org key, or waits for an answer to its question: its rotation is not \
             begun in the vault yet, or complete; {WAIT}"
        ),
    };
    Ok(Failure::new(Status::Conflict, message))
}

fn in_vault(running: &RotationState, left: Option<u64>, chain: &Chain) -> String {
    let left = left.map_or_else(String::new, |left| {
        format!(" (secrets that are left: {left})")
    });
    format!(
        "another command on this machine is replacing the org key{left}: {} began the rotation at {:.0}, and it excludes others \
         until {:.0}, or longer, since each of its steps extends that time; {WAIT}; to give the rotation up, end that command with \
         Ctrl-C, and run {}",
        named(&running.started_by, chain),
        running.created_at,
        running.lease_until,
        advice::command("org rotate --abandon")
    )
}

const WAIT: &str =
    "nothing was changed; wait until that command ends, or resume it if it was stopped";
