//! The runtime that blocks the calling thread.

pub(crate) mod threads;

use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use http::{Request, Response};
use zeroize::Zeroize;

use super::{Boxed, Completed, Notify, Runtime};
use crate::cancel::CancelToken;
use crate::clock::Clock;
use crate::http::ureq::UreqTransport;
use crate::http::{PerAddress, Transport, TransportError};

/// Sends through a [`Transport`] and sleeps by a [`Clock`].
#[derive(Clone)]
pub(crate) struct Blocking {
    transport: Arc<dyn Transport>,
    /// Opens connections ahead, if it is the transport or wrapped by it.
    opener: Option<Arc<PerAddress<UreqTransport>>>,
    clock: Arc<dyn Clock>,
}

impl Blocking {
    pub(crate) fn new(
        transport: Arc<dyn Transport>,
        opener: Option<Arc<PerAddress<UreqTransport>>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            transport,
            opener,
            clock,
        }
    }
}

impl Runtime for Blocking {
    type Notify = BlockingNotify;

    const HAS_TASKS: bool = false;

    fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    async fn send(
        &self,
        mut request: Request<Vec<u8>>,
    ) -> Result<Response<Vec<u8>>, TransportError> {
        let outcome = self.transport.send(&request);
        // A token request holds the client secret.
        request.body_mut().zeroize();
        outcome
    }

    async fn open_connection(&self) {
        if let Some(opener) = &self.opener {
            opener.first().open_connection();
        }
    }

    async fn sleep(&self, time: Duration, cancel: Option<&CancelToken>) {
        match cancel {
            Some(token) => self.clock.sleep_unless_cancelled(time, token),
            None => self.clock.sleep(time),
        }
    }

    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        Some(work())
    }

    /// Work on the calling thread observes its own deadline.
    async fn complete<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
        time: Duration,
        detached: bool,
    ) -> Completed<T> {
        if detached {
            threads::complete(move || block(work), time)
        } else {
            Completed::Done(work.await)
        }
    }

    fn spawn(&self, work: Boxed<'static, ()>) {
        // Without a thread the values stay as they are.
        let _ = threads::spawn(move || block(work));
    }

    async fn each<'a, T: Send>(
        &self,
        count: usize,
        at_once: usize,
        job: impl Fn(usize) -> Boxed<'a, T> + Send + Sync,
        finished: impl FnMut(usize) + Send,
    ) -> Vec<T> {
        threads::each(count, at_once, |at| block(job(at)), finished)
    }
}

/// A count under a lock.
#[derive(Default)]
pub(crate) struct BlockingNotify {
    count: Mutex<u64>,
    notified: Condvar,
}

impl BlockingNotify {
    fn lock(&self) -> MutexGuard<'_, u64> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Notify for BlockingNotify {
    fn count(&self) -> u64 {
        *self.lock()
    }

    async fn wait(&self, seen: u64, time: Duration) {
        // The caller checks the clock and the outcome again.
        let _ = self
            .notified
            .wait_timeout_while(self.lock(), time, |count| *count == seen);
    }

    fn notify(&self) {
        *self.lock() += 1;
        self.notified.notify_all();
    }
}

/// Runs a future of the blocking runtime, which is ready at the first poll. For any other the thread
/// parks until it is.
pub(crate) fn block<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    // Only a future that is not ready needs a real waker, which costs an allocation.
    let first = future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    if let Poll::Ready(value) = first {
        return value;
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
