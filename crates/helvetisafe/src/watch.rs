//! The changes of secrets, for blocking programs.

use std::fmt;
use std::time::Duration;

use crate::cancel::CancelToken;
use crate::clock::Deadline;
use crate::error::Error;
use crate::operations::Operations;
use crate::operations::watch::{Change, Poll, Watcher};
use crate::runtime::blocking::block;
use crate::runtime::blocking::threads::Job;
use crate::runtime::{Blocking, Runtime};

/// The longest wait for a poll between two checks of the token.
const SLICE: Duration = Duration::from_millis(50);

/// The changes of some secrets; from [`Secrets::watch`](crate::Secrets::watch). An iterator: `next` waits for
/// the next change or returns the error of a failed poll. After an error it goes on. It ends when it is
/// closed with [`Self::cancel_token`].
///
/// ```no_run
/// use std::thread;
/// use std::time::Duration;
///
/// # let client = helvetisafe::Client::from_env()?;
/// let watch = client.secrets().watch(&["db_password"], Duration::from_secs(30))?;
/// let token = watch.cancel_token();
/// let worker = thread::spawn(move || {
///     for change in watch {
///         println!("{change:?}");
///     }
/// });
/// // At the end of the program:
/// token.cancel();
/// worker.join().unwrap();
/// # Ok::<(), helvetisafe::Error>(())
/// ```
pub struct Watch {
    watcher: Watcher<Blocking>,
    token: CancelToken,
    next: Next,
}

/// The next poll.
enum Next {
    /// Nothing has begun.
    Begins,
    /// It begins at this time.
    Due(Duration),
    /// It is in progress.
    Polls(Job<Poll>),
}

impl Watch {
    pub(crate) fn new(
        operations: Operations<'_, Blocking>,
        keys: &[&str],
        interval: Duration,
    ) -> Result<Self, Error> {
        let token = operations.cancel_token().cloned().unwrap_or_default();
        let watcher = operations.cancelled_by(&token).watcher(keys, interval)?;
        Ok(Self {
            watcher,
            token,
            next: Next::Begins,
        })
    }

    /// Polls for the first time, so that later changes are reported. Without it the first `next` does that.
    /// Called again, it drops the changes since the last poll.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// # let client = helvetisafe::Client::from_env()?;
    /// let mut watch = client.secrets().watch(&["db_password"], Duration::from_secs(30))?;
    /// watch.begin()?;
    /// let password = client.secrets().get("db_password")?;
    /// // Every change since `begin` is reported.
    /// let change = watch.next();
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of a poll: see [`Secrets::list`](crate::Secrets::list) and
    /// [`Secrets::get`](crate::Secrets::get).
    pub fn begin(&mut self) -> Result<(), Error> {
        let poll = block(self.watcher.poll());
        self.watcher.begin_with(poll)?;
        // A poll in progress is older.
        self.next = Next::Begins;
        Ok(())
    }

    /// Waits for the next change like `next`, but at most for `time`. Returns `None` after that, and if the watch
    /// is closed. A poll in progress goes on in the background, and no change is lost.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// # let client = helvetisafe::Client::from_env()?;
    /// # fn do_other_work() {}
    /// let mut watch = client.secrets().watch(&["db_password"], Duration::from_secs(30))?;
    /// while !watch.cancel_token().is_cancelled() {
    ///     if let Some(change) = watch.next_within(Duration::from_secs(1)) {
    ///         println!("{:?}", change?);
    ///     }
    ///     do_other_work();
    /// }
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn next_within(&mut self, time: Duration) -> Option<Result<Change, Error>> {
        let deadline = Deadline::after(self.now(), time);
        while !self.token.is_cancelled() {
            if let Some(change) = self.watcher.take_change() {
                return Some(Ok(change));
            }
            let poll = self.poll_until(deadline)?;
            if self.token.is_cancelled() {
                break;
            }
            if let Err(error) = self.watcher.compare(poll) {
                return Some(Err(error));
            }
        }
        None
    }

    /// Returns true if the last poll failed. So an application reports the end of an outage that
    /// [`next_within`](Self::next_within) has reported with an error.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// # let client = helvetisafe::Client::from_env()?;
    /// let mut watch = client.secrets().watch(&["db_password"], Duration::from_secs(30))?;
    /// let mut was_failing = false;
    /// loop {
    ///     let change = watch.next_within(Duration::from_secs(1));
    ///     if was_failing && !watch.is_failing() {
    ///         println!("the vault answers again");
    ///     }
    ///     was_failing = watch.is_failing();
    ///     println!("{change:?}");
    /// }
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.watcher.is_failing()
    }

    /// Returns a token that closes the watch: `next` returns `None`, also while it waits in another thread. It is
    /// the token of [`Secrets::cancelled_by`](crate::Secrets::cancelled_by), if there is one.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// # let client = helvetisafe::Client::from_env()?;
    /// let watch = client.secrets().watch(&["db_password"], Duration::from_secs(30))?;
    /// let token = watch.cancel_token();
    /// let watching = std::thread::spawn(move || watch.for_each(drop));
    /// token.cancel();
    /// assert!(watching.join().is_ok());
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[must_use]
    pub fn cancel_token(&self) -> CancelToken {
        self.token.clone()
    }

    /// Returns the next poll, or `None` if the time is over or the watch is closed before its end.
    fn poll_until(&mut self, deadline: Deadline) -> Option<Poll> {
        loop {
            match &mut self.next {
                Next::Begins => {
                    let pause = self.watcher.take_pause().unwrap_or_default();
                    self.next = Next::Due(self.now().saturating_add(pause));
                }
                Next::Due(at) => {
                    let at = *at;
                    if !self.sleep_until(at, deadline) {
                        return None;
                    }
                    let poll = self.watcher.poll();
                    match Job::begin(move || block(poll)) {
                        Ok(job) => self.next = Next::Polls(job),
                        // Without a further thread this one polls.
                        Err(_) => {
                            self.next = Next::Begins;
                            return Some(block(self.watcher.poll()));
                        }
                    }
                }
                Next::Polls(job) => {
                    let remaining = deadline.remaining(self.watcher.runtime().now());
                    if let Some(poll) = job.wait(SLICE.min(remaining)) {
                        self.next = Next::Begins;
                        return Some(poll);
                    }
                    if self.token.is_cancelled() || remaining.is_zero() {
                        return None;
                    }
                }
            }
        }
    }

    /// Returns false if the deadline comes first, or the watch is closed.
    fn sleep_until(&self, at: Duration, deadline: Deadline) -> bool {
        let now = self.now();
        let (pause, remaining) = (at.saturating_sub(now), deadline.remaining(now));
        let time = pause.min(remaining);
        if !time.is_zero() {
            block(self.watcher.runtime().sleep(time, Some(&self.token)));
        }
        pause <= remaining && !self.token.is_cancelled()
    }

    fn now(&self) -> Duration {
        self.watcher.runtime().now()
    }
}

impl Iterator for Watch {
    type Item = Result<Change, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_within(Duration::MAX)
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}
