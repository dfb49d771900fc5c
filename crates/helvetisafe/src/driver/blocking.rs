//! The driver that blocks the calling thread.

mod threads;

use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use http::{Request, Response};
use zeroize::Zeroize;

use super::{Boxed, Completed, Driver, Gate};
use crate::clock::Clock;
use crate::transport::{Transport, TransportError};

/// Sends through a [`Transport`] and sleeps by a [`Clock`].
pub(crate) struct Blocking {
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
}

impl Blocking {
    pub(crate) fn new(transport: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> Self {
        Self { transport, clock }
    }
}

impl Driver for Blocking {
    type Gate = BlockingGate;

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

    async fn sleep(&self, time: Duration) {
        self.clock.sleep(time);
    }

    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        Some(work())
    }

    /// The work has a deadline of its own, which is that of the thread.
    async fn complete<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
        _: Duration,
    ) -> Completed<T> {
        Completed::Done(work.await)
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
pub(crate) struct BlockingGate {
    count: Mutex<u64>,
    opened: Condvar,
}

impl BlockingGate {
    fn lock(&self) -> MutexGuard<'_, u64> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gate for BlockingGate {
    fn count(&self) -> u64 {
        *self.lock()
    }

    async fn wait(&self, seen: u64, time: Duration) {
        // Whoever waits looks at the clock and at the outcome again.
        let _ = self
            .opened
            .wait_timeout_while(self.lock(), time, |count| *count == seen);
    }

    fn open(&self) {
        *self.lock() += 1;
        self.opened.notify_all();
    }
}

/// Runs a future of the blocking driver, which is ready at the first poll. Any other would be
/// waited for, with the thread parked.
pub(crate) fn block<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
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
