use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::store::sqlite;

/// The contents of a database file.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Contents {
    /// The number of its migrations.
    pub migration: usize,
    /// The number of organizations.
    pub organizations: u64,
    /// The number of accounts.
    pub accounts: u64,
    /// The number of access tokens and API tokens, expired ones included until they are removed.
    pub tokens: u64,
    /// The number of secrets, expired ones included until they are removed.
    pub secrets: u64,
    /// The number of values under replaced org keys, which a vault removes 10 minutes after the rotation.
    pub old_secrets: u64,
    /// The number of values under the next org keys, of rotations in progress.
    pub staged_secrets: u64,
    /// The time of the newest account or write of a secret; `None` if there are none.
    pub last_change: Option<Timestamp>,
}

impl Contents {
    pub(super) fn of(contents: &sqlite::Contents) -> Self {
        Self {
            migration: contents.migrations.seen,
            organizations: contents.organizations,
            accounts: contents.accounts,
            tokens: contents.tokens,
            secrets: contents.secrets,
            old_secrets: contents.old_secrets,
            staged_secrets: contents.staged_secrets,
            last_change: contents.latest.map(Timestamp::from),
        }
    }
}

impl fmt::Display for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "organizations: {}", self.organizations)?;
        writeln!(f, "accounts: {}", self.accounts)?;
        writeln!(f, "tokens: {}", self.tokens)?;
        writeln!(f, "secrets: {}", self.secrets)?;
        for (kind, count) in [
            ("under replaced org keys", self.old_secrets),
            ("of rotations in progress", self.staged_secrets),
        ] {
            if count > 0 {
                writeln!(f, "values {kind}: {count}")?;
            }
        }
        if let Some(time) = self.last_change {
            writeln!(f, "last change: {time}")?;
        }
        write!(f, "migration: {}", self.migration)
    }
}
