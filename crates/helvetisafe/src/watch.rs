//! The changes of secrets, for blocking programs.

use std::fmt;

use crate::error::Error;
use crate::operations::watch::{Change, Watcher};
use crate::runtime::Blocking;
use crate::runtime::blocking::block;

/// The changes of some secrets; from [`Secrets::watch`](crate::Secrets::watch). An iterator that never ends:
/// `next` waits for the next change or returns the error of a failed poll. After an error it goes on.
pub struct Watch(pub(crate) Watcher<Blocking>);

impl Watch {
    /// Polls for the first time, so that later changes are reported. Without it the first `next` does that.
    /// Called again, it drops the changes since the last poll.
    ///
    /// # Errors
    ///
    /// Those of a poll: see [`Secrets::list`](crate::Secrets::list) and
    /// [`Secrets::get`](crate::Secrets::get).
    pub fn begin(&mut self) -> Result<(), Error> {
        let poll = block(self.0.first_poll());
        self.0.begin_with(poll)
    }
}

impl Iterator for Watch {
    type Item = Result<Change, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(change) = self.0.take_change() {
                return Some(Ok(change));
            }
            let poll = block(self.0.next_poll());
            if let Err(error) = self.0.compare(poll) {
                return Some(Err(error));
            }
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}
