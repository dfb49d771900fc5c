use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::stream::Stream;

use crate::error::Error;
use crate::operations::watch::{self, Change, Watcher};
use crate::runtime::{Boxed, Runtime, Tokio};

/// The changes of some secrets; from [`AsyncSecrets::watch`](super::AsyncSecrets::watch). Changes come from
/// [`next`](Self::next), or from its [`Stream`], which has the combinators of the crate `futures-util`. It never
/// ends, also after an error.
///
/// A `next` that is dropped loses no change, and the time it has waited counts for the next one. So
/// `tokio::time::timeout` and `tokio::select!` bound its time, and a watch is closed by dropping it.
pub struct AsyncWatch {
    watcher: Watcher<Tokio>,
    /// The sleep or the poll that `next` waits for. It survives a dropped `next`.
    in_flight: Option<Boxed<'static, watch::Poll>>,
}

impl AsyncWatch {
    pub(super) fn new(watcher: Watcher<Tokio>) -> Self {
        Self {
            watcher,
            in_flight: None,
        }
    }

    /// Polls for the first time, so that later changes are reported. Without it the first `next` does that.
    /// Called again, it drops the changes since the last poll.
    ///
    /// A future that fails, or is dropped before it is ready, leaves the watch as it was.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// # async fn watch(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let mut changes = client.secrets().watch(&["db_password"], Duration::from_secs(30))?;
    /// changes.begin().await?;
    /// let secret = client.secrets().get("db_password").await?;
    /// // Every change since `begin` is reported, also one before `get`.
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
        let poll = self.watcher.poll().await;
        self.watcher.begin_with(poll)?;
        // The poll in flight may be older than this one.
        self.in_flight = None;
        Ok(())
    }

    /// Waits for the next change, or returns the error of a failed poll. It returns no `None`. A future that is
    /// dropped before it is ready loses no change.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// # async fn watch(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let mut changes = client.secrets().watch(["db_password"], Duration::from_secs(30))?;
    /// while let Some(change) = changes.next().await {
    ///     match change {
    ///         Ok(change) => println!("{}: {:?}", change.key(), change.kind()),
    ///         Err(error) => eprintln!("{error}"),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of a poll, as [`Watch::begin`](crate::Watch::begin).
    pub async fn next(&mut self) -> Option<Result<Change, Error>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Returns true if the last poll failed, as [`Watch::is_failing`](crate::Watch::is_failing).
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// # async fn watch(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let mut changes = client.secrets().watch(["db_password"], Duration::from_secs(30))?;
    /// let second = Duration::from_secs(1);
    /// let change = tokio::time::timeout(second, changes.next()).await;
    /// println!("{change:?}, failing: {}", changes.is_failing());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.watcher.is_failing()
    }
}

impl Stream for AsyncWatch {
    type Item = Result<Change, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { watcher, in_flight } = &mut *self;
        loop {
            if let Some(change) = watcher.take_change() {
                return Poll::Ready(Some(Ok(change)));
            }
            let poll = in_flight.get_or_insert_with(|| next_poll(watcher));
            let poll = ready!(poll.as_mut().poll(cx));
            *in_flight = None;
            if let Err(error) = watcher.compare(poll) {
                return Poll::Ready(Some(Err(error)));
            }
        }
    }
}

/// Polls after the interval, unless it is the first poll.
fn next_poll(watcher: &mut Watcher<Tokio>) -> Boxed<'static, watch::Poll> {
    let (pause, runtime, poll) = (
        watcher.take_pause(),
        watcher.runtime().clone(),
        watcher.poll(),
    );
    Box::pin(async move {
        if let Some(pause) = pause {
            runtime.sleep(pause, None).await;
        }
        poll.await
    })
}

impl fmt::Debug for AsyncWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncWatch").finish_non_exhaustive()
    }
}
