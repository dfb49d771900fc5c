//! A vault whose signed chain does not have the newest entry that was seen: a restored backup, or an attack.

use super::{Failure, Status};
use crate::advice;

impl Failure {
    /// The chain of the vault does not have entry `seen`, the newest one that was seen here; it ends with entry `served`.
    pub(crate) fn other_history(seen: u64, served: u64) -> Self {
        Self::new(Status::Crypto, message(seen, served))
    }
}

/// Returns what happened, and what to do next.
pub(crate) fn message(seen: u64, served: u64) -> String {
    let what = match served < seen {
        true => format!(
            "the vault has returned to an earlier chain: it ends with entry {served}, and entry {seen} was seen here. Either it \
             was restored from a backup, or it withholds changes, as an attacker would"
        ),
        false => format!(
            "the vault shows different histories: entry {seen}, the newest one that was seen here, is another one in its chain, \
             with entries up to {served}. Either it was restored from a backup and changed since, or this is an attack"
        ),
    };
    format!(
        "{what}: ask an administrator before you continue; only if the restore was intended, accept its chain with {}",
        advice::command("trust forget")
    )
}
