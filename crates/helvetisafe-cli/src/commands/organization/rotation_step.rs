//! The step at which a rotation ended, and what that means for the next command.

use helvetisafe::{Error, ErrorKind, Fingerprint};

use crate::advice;
use crate::failure::{Failure, Status};
use crate::session::Administration;

/// The last step that a rotation has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reached {
    /// The new key is stored on this machine.
    Stored,
    /// The vault has begun the rotation.
    Begun,
    /// The commit was sent.
    Commit,
}

impl Reached {
    pub(super) fn new(is_begun: bool, is_committing: bool) -> Self {
        match (is_begun, is_committing) {
            (_, true) => Self::Commit,
            (true, false) => Self::Begun,
            (false, false) => Self::Stored,
        }
    }

    /// Returns what is known after a refusal, and the next commands. `present` is the org key of the chain.
    pub(super) fn advice(self, present: &Fingerprint) -> String {
        let kept = format!("the org key is still {present}, and no value is lost");
        let state = match self {
            Self::Stored => format!("the rotation has not begun: {kept}"),
            Self::Begun => format!("{IN_PROGRESS}: {kept}"),
            Self::Commit => format!("{IN_PROGRESS}: as far as is known, {kept}"),
        };
        format!(
            "{state}; run {} again, which continues with the same new key; {} shows its state, and {} ends it",
            advice::command("org rotate"),
            advice::command("org rotate --dry-run"),
            advice::command("org rotate --abandon")
        )
    }
}

const IN_PROGRESS: &str =
    "the rotation is in progress, and blocks other rotations for 5 minutes after its last step";

/// Explains the refusal of a call of a rotation. The calls before it were accepted, so the settings are right. Returns another
/// error unchanged.
pub(super) fn refused(
    error: Error,
    administration: &Administration<'_>,
    state: &str,
) -> Result<Failure, Error> {
    if !error.status().is_some_and(|it| it.is_client_error()) {
        return Err(error);
    }
    let text = error.without_advice();
    Ok(match error.kind() {
        ErrorKind::Auth => Failure::new(Status::Auth, text).with_advice(&format!(
            "the vault accepted this account a moment before: if the next command is refused too, it was disabled meanwhile, or \
             its client secret was replaced, and another administrator sees its state with {}",
            advice::command("org members")
        )),
        ErrorKind::Forbidden | ErrorKind::RateLimited => administration.explained(error),
        _ => Failure::new(Status::Other, text).with_advice(
            "the vault, or a proxy in between, refused a step that it should not refuse: if it does so again, ask the vault's \
             operator",
        ),
    }
    .with_advice(state))
}
