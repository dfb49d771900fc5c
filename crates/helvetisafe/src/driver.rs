//! All in which the blocking and the asynchronous client differ: how they send, wait and compute.

pub(crate) mod blocking;

use std::pin::Pin;
use std::time::{Duration, SystemTime};

use http::{Request, Response};

use crate::clock::Clock;
use crate::transport::TransportError;

pub(crate) use blocking::Blocking;

/// A future whose type the compiler sees to be `Send`, however many lifetimes are in it.
pub(crate) type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What drives the one copy of the client's code. Everything that may take a while is a future;
/// those of the blocking driver are ready when they are polled first.
pub(crate) trait Driver: Send + Sync + Sized + 'static {
    type Gate: Gate;

    /// Whether [`Self::complete`] is a task of its own. Where it is not, whoever asks for the work
    /// does it.
    const HAS_TASKS: bool;

    /// Tells the time, and spreads waits.
    fn clock(&self) -> &dyn Clock;

    /// Time since some fixed moment; never goes backwards.
    fn now(&self) -> Duration {
        self.clock().now()
    }

    /// The calendar time.
    fn wall(&self) -> SystemTime {
        self.clock().wall()
    }

    /// A number in `0.0..=1.0` that spreads waits.
    fn jitter(&self) -> f64 {
        self.clock().jitter()
    }

    /// Sends a request and brings the whole answer. The request's body is wiped.
    fn send(
        &self,
        request: Request<Vec<u8>>,
    ) -> impl Future<Output = Result<Response<Vec<u8>>, TransportError>> + Send;

    /// Is ready after `time`.
    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send;

    /// Does work that keeps a processor busy for milliseconds. `None` when the runtime ends before.
    fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = Option<T>> + Send;

    /// Runs `work` to its end, also when whoever asked for it goes away meanwhile, polls no more, or
    /// has waited for `time`.
    fn complete<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
        time: Duration,
    ) -> impl Future<Output = Completed<T>> + Send;

    /// What `job` makes of each number below `count`, in their order, with at most `at_once` under
    /// way. Calls `finished` with how many are done, after each.
    fn each<'a, T: Send>(
        &self,
        count: usize,
        at_once: usize,
        job: impl Fn(usize) -> Boxed<'a, T> + Send + Sync,
        finished: impl FnMut(usize) + Send,
    ) -> impl Future<Output = Vec<T>> + Send;
}

/// What came of [`Driver::complete`].
#[cfg_attr(
    not(feature = "async"),
    expect(dead_code, reason = "the blocking driver always waits for the end")
)]
pub(crate) enum Completed<T> {
    Done(T),
    /// It goes on, but whoever asked for it waits no longer.
    Late,
    /// The runtime ended before.
    RuntimeEnded,
}

/// Where the end of somebody else's work is waited for: a count that only grows.
pub(crate) trait Gate: Default + Send + Sync {
    /// How often it was opened.
    fn count(&self) -> u64;

    /// Is ready when it was opened since the count was `seen`, or after `time`.
    fn wait(&self, seen: u64, time: Duration) -> impl Future<Output = ()> + Send;

    /// Counts, and wakes all who wait.
    fn open(&self);
}
