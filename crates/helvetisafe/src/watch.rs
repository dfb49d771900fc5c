//! Changes of secrets, for programs that block.

use std::fmt;

use crate::driver::Blocking;
use crate::driver::blocking::block;
use crate::error::Error;
use crate::operations::watch::{Change, Watcher};

/// The changes of some secrets; from [`Secrets::watch`](crate::Secrets::watch). It never ends: each
/// call of `next` waits for the next change, or gives the error of a look that failed, after which
/// it can be asked again.
pub struct Watch(pub(crate) Watcher<Blocking>);

impl Watch {
    /// Looks for the first time, so that what changes from here on is noticed. Without it the first
    /// call of `next` does that. Later it forgets what changed since the last look.
    ///
    /// # Errors
    ///
    /// Those of a look: see [`Secrets::list`](crate::Secrets::list) and
    /// [`Secrets::get`](crate::Secrets::get).
    pub fn begin(&mut self) -> Result<(), Error> {
        let look = block(self.0.first_look());
        self.0.begin_with(look)
    }
}

impl Iterator for Watch {
    type Item = Result<Change, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(change) = self.0.take_change() {
                return Some(Ok(change));
            }
            let look = block(self.0.next_look());
            if let Err(error) = self.0.compare(look) {
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
