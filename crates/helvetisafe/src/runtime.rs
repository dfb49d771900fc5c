//! Everything in which the blocking and the asynchronous client differ: how they send, sleep, compute and
//! run work to completion.

pub(crate) mod blocking;
#[cfg(feature = "async")]
pub(crate) mod tokio;

use std::pin::Pin;
use std::time::{Duration, SystemTime};

use http::{Request, Response};

use crate::cancel::CancelToken;
use crate::clock::{Clock, Deadline, Now};
use crate::http::TransportError;

#[cfg(feature = "async")]
pub(crate) use self::tokio::Tokio;
pub(crate) use blocking::Blocking;

/// A future that the compiler knows to be `Send`, however many lifetimes are in it.
pub(crate) type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Runs the one copy of the client's code. Everything that may take a while is a future; those of the
/// blocking runtime are ready at the first poll. A clone shares everything.
pub(crate) trait Runtime: Clone + Send + Sync + 'static {
    type Notify: Notify;

    /// True if [`Self::complete`] always runs its work in a task of its own.
    const HAS_TASKS: bool;

    /// Returns the source of time and jitter.
    fn clock(&self) -> &dyn Clock;

    /// Returns the time since some fixed moment; never goes backwards.
    fn now(&self) -> Duration {
        self.clock().now()
    }

    /// Returns the calendar time.
    fn wall(&self) -> SystemTime {
        self.clock().wall()
    }

    /// Returns the time by both clocks.
    fn both_clocks(&self) -> Now {
        Now::of(self.clock())
    }

    /// Returns the time until a deadline.
    fn remaining(&self, deadline: Deadline) -> Duration {
        deadline.remaining(self.now())
    }

    /// Sends a request and returns the whole answer. The body of the request is wiped.
    fn send(
        &self,
        request: Request<Vec<u8>>,
    ) -> impl Future<Output = Result<Response<Vec<u8>>, TransportError>> + Send;

    /// Opens a connection for a later request, if the transport can. A failure is not returned: that request opens
    /// its own connection then.
    fn open_connection(&self) -> impl Future<Output = ()> + Send;

    /// Completes after `time`, or once the token is cancelled.
    fn sleep(
        &self,
        time: Duration,
        cancel: Option<&CancelToken>,
    ) -> impl Future<Output = ()> + Send;

    /// Does work that keeps a processor busy for milliseconds. Returns `None` if the runtime ends before.
    fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = Option<T>> + Send;

    /// Runs `work` to its end, even if the caller is dropped, is no longer polled, or has waited for `time`.
    /// The blocking runtime does so in a thread of its own if `detached`, and otherwise on the caller's.
    fn complete<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
        time: Duration,
        detached: bool,
    ) -> impl Future<Output = Completed<T>> + Send;

    /// Runs `work` in the background, if the system has a thread for it.
    fn spawn(&self, work: Boxed<'static, ()>);

    /// Runs `job` for each number below `count`, at most `at_once` of them at a time, and returns the
    /// results in order. Calls `finished` with the number of finished jobs after each.
    fn each<'a, T: Send>(
        &self,
        count: usize,
        at_once: usize,
        job: impl Fn(usize) -> Boxed<'a, T> + Send + Sync,
        finished: impl FnMut(usize) + Send,
    ) -> impl Future<Output = Vec<T>> + Send;
}

/// The result of [`Runtime::complete`].
pub(crate) enum Completed<T> {
    Done(T),
    /// The work goes on, but the caller has no time to wait for it.
    Late,
    /// The runtime ended before the work did.
    #[cfg_attr(
        not(feature = "async"),
        expect(dead_code, reason = "the blocking runtime has no end")
    )]
    RuntimeEnded,
    /// The system has no thread for the work.
    NoThread,
}

/// Notifies waiters of the end of work. Its count only grows.
pub(crate) trait Notify: Default + Send + Sync + 'static {
    /// Returns the number of notifications so far.
    fn count(&self) -> u64;

    /// Completes when the count is no longer `seen`, or after `time`.
    fn wait(&self, seen: u64, time: Duration) -> impl Future<Output = ()> + Send;

    /// Counts, and wakes all waiters.
    fn notify(&self);
}
