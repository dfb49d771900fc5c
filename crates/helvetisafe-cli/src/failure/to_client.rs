//! The words for a client of the agent, who has neither its options nor its messages.

use helvetisafe::{Error, ErrorCode, ErrorKind};

use super::setting::LONGER_TIMEOUT;
use super::{org_key, setting, unbound};

/// Describes an error to a client of the agent. It never holds a secret.
pub(crate) fn describe_to_client(error: &Error) -> String {
    let text = unbound::describe_to_client([error])
        .or_else(|| org_key::describe_to_client(error))
        .or_else(|| is_refused_account(error).then(|| refused_account(error)))
        .unwrap_or_else(|| setting::describe(error));
    match error.is_timeout() && !text.contains(LONGER_TIMEOUT) {
        true => format!("{text}; {LONGER_TIMEOUT}"),
        false => text,
    }
}

/// Returns true if the vault refuses the account. After some refusals it refuses to answer for a while, too.
pub(crate) fn is_refused_account(error: &Error) -> bool {
    error.kind() == ErrorKind::Auth || error.code() == Some(ErrorCode::TooManyFailedLogins)
}

fn refused_account(error: &Error) -> String {
    format!(
        "{}; the vault refuses the account of this agent: it was disabled, or its client secret was replaced, or its API token \
         was revoked or has expired; the operator of this agent has to act",
        error.without_advice()
    )
}
