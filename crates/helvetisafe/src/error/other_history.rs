use std::fmt;

use super::{Cause, Error, OrganizationCause};

/// A signed chain without the entry that the client trusts: a head that it saw before, or that of an invitation code. The
/// vault was restored from a backup, or it is an attack. See [`Error::other_history`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct OtherHistory {
    /// The number of the trusted entry.
    pub seen: u64,
    /// The number of the newest entry that the vault serves.
    pub served: u64,
}

impl OtherHistory {
    /// Returns true if the chain ends before the trusted entry. Otherwise it has another entry in that place.
    ///
    /// ```no_run
    /// # use helvetisafe::organization::Anchor;
    /// # let client = helvetisafe::Client::from_env()?;
    /// # let head = client.chain_head().unwrap();
    /// if let Err(error) = client.organization().follow(&Anchor::Head(head)) {
    ///     if error.other_history().is_some_and(|history| history.is_older()) {
    ///         eprintln!("was the vault restored from a backup?");
    ///     }
    /// }
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[must_use]
    pub fn is_older(&self) -> bool {
        self.served < self.seen
    }
}

impl fmt::Display for OtherHistory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seen, served } = self;
        match self.is_older() {
            true => write!(
                f,
                "the chain is older than one that was seen before: it ends with entry {served}, and entry {seen} was seen. The \
                 vault was restored from a backup, or withholds changes"
            ),
            false => write!(
                f,
                "the vault shows different histories: entry {seen} of the chain, which ends with entry {served}, is not the one \
                 that was seen before. The vault was restored from a backup and changed since, or it is an attack"
            ),
        }?;
        f.write_str(". Ask an administrator before you continue")
    }
}

impl Error {
    /// Returns the entry numbers of a chain that does not contain the trusted head; `None` for any other error.
    ///
    /// ```no_run
    /// # use helvetisafe::organization::Anchor;
    /// # let client = helvetisafe::Client::from_env()?;
    /// # let head = client.chain_head().unwrap();
    /// if let Err(error) = client.organization().follow(&Anchor::Head(head))
    ///     && let Some(history) = error.other_history()
    /// {
    ///     eprintln!("entry {} was seen, and the vault has {}", history.seen, history.served);
    /// }
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[must_use]
    pub fn other_history(&self) -> Option<OtherHistory> {
        match self.0.cause {
            Cause::Organization(OrganizationCause::OtherHistory(history)) => Some(history),
            _ => None,
        }
    }
}
