use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Cancels operations of the blocking client from another thread, with
/// [`Secrets::cancelled_by`](crate::Secrets::cancelled_by). Clones share their state. A token stays cancelled.
///
/// A cancelled operation sends no further request and ends its waits: for the next attempt, for the vault's
/// rate limit, and for the work of another thread. A request that is already on the wire is not interrupted;
/// it ends with its answer, which is returned, or at its own timeout ([`Timeouts`](crate::Timeouts)). The
/// operation fails with [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled), or with
/// [`ErrorKind::Ambiguous`](crate::ErrorKind::Ambiguous) if a write was sent and its answer was lost.
///
/// The asynchronous client has no tokens: dropping a future cancels it.
///
/// ```no_run
/// use std::thread;
///
/// use helvetisafe::CancelToken;
///
/// # let client = helvetisafe::Client::from_env()?;
/// # fn wait_for_shutdown() {}
/// let token = CancelToken::new();
/// thread::spawn({
///     let token = token.clone();
///     move || {
///         wait_for_shutdown();
///         token.cancel();
///     }
/// });
/// let secret = client.secrets().cancelled_by(&token).get("db_password")?;
/// # Ok::<(), helvetisafe::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct CancelToken(Arc<State>);

#[derive(Default)]
struct State {
    is_cancelled: Mutex<bool>,
    notified: Condvar,
}

impl CancelToken {
    /// Returns a token that is not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels all operations that have this token, now and later.
    ///
    /// ```
    /// use helvetisafe::CancelToken;
    ///
    /// let token = CancelToken::new();
    /// let clone = token.clone();
    /// clone.cancel();
    /// assert!(token.is_cancelled());
    /// ```
    pub fn cancel(&self) {
        *self.lock() = true;
        self.0.notified.notify_all();
    }

    /// Returns true after [`Self::cancel`].
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        *self.lock()
    }

    /// Waits until the token is cancelled, or for `time`. Returns true if it is cancelled.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use helvetisafe::CancelToken;
    ///
    /// let token = CancelToken::new();
    /// assert!(!token.wait(Duration::from_millis(1)));
    /// token.cancel();
    /// assert!(token.wait(Duration::from_secs(60)));
    /// ```
    pub fn wait(&self, time: Duration) -> bool {
        let waited = self
            .0
            .notified
            .wait_timeout_while(self.lock(), time, |is_cancelled| !*is_cancelled);
        let (is_cancelled, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *is_cancelled
    }

    /// The state is consistent even after a panic, so poison does not matter.
    fn lock(&self) -> MutexGuard<'_, bool> {
        let state = self.0.is_cancelled.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken")
            .field("is_cancelled", &self.is_cancelled())
            .finish_non_exhaustive()
    }
}
