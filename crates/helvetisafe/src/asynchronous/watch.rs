use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::stream::Stream;

use super::driver::Tokio;
use crate::driver::Boxed;
use crate::error::Error;
use crate::operations::watch::{Change, Look, Watcher};

/// The changes of some secrets; from [`AsyncSecrets::watch`](super::AsyncSecrets::watch). A stream that
/// never ends: with the traits of the crate `futures-util` it has `next`, which waits for the next
/// change, or gives the error of a look that failed, after which it can be asked again.
///
/// A `next` that is dropped loses no change, and the time it has waited counts for the one that follows.
pub struct AsyncWatch {
    watcher: Watcher<Tokio>,
    /// The rest or the look that `next` waits for. It is kept when that is dropped.
    under_way: Option<Boxed<'static, Look>>,
}

impl AsyncWatch {
    pub(super) fn new(watcher: Watcher<Tokio>) -> Self {
        Self {
            watcher,
            under_way: None,
        }
    }

    /// Looks for the first time, so that what changes from here on is noticed. Without it the first
    /// `next` does that. Later it forgets what changed since the last look.
    ///
    /// A future that is dropped before it is ready, like one that fails, leaves the watch as it was.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// use futures_util::StreamExt;
    ///
    /// # async fn watch(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let mut changes = client.secrets().watch(&["db_password"], Duration::from_secs(30))?;
    /// changes.begin().await?;
    /// let secret = client.secrets().get("db_password").await?;
    /// // Whatever was written since `begin`, also before `get`, is told.
    /// while let Some(change) = changes.next().await {
    ///     println!("{} has changed", change?.key());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Watch::begin`](crate::Watch::begin).
    pub async fn begin(&mut self) -> Result<(), Error> {
        let look = self.watcher.first_look().await;
        self.watcher.begin_with(look)?;
        // What it would see may be older than what was seen now.
        self.under_way = None;
        Ok(())
    }
}

impl Stream for AsyncWatch {
    type Item = Result<Change, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { watcher, under_way } = &mut *self;
        loop {
            if let Some(change) = watcher.take_change() {
                return Poll::Ready(Some(Ok(change)));
            }
            let look = under_way.get_or_insert_with(|| watcher.next_look());
            let look = ready!(look.as_mut().poll(cx));
            *under_way = None;
            if let Err(error) = watcher.compare(look) {
                return Poll::Ready(Some(Err(error)));
            }
        }
    }
}

impl fmt::Debug for AsyncWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncWatch").finish_non_exhaustive()
    }
}
