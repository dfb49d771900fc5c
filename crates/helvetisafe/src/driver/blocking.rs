//! The driver that blocks the calling thread.

mod threads;

use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, SystemTime};

use http::{Request, Response};

use super::Driver;
use crate::clock::Clock;
use crate::transport::{Transport, TransportError};

/// Sends through a [`Transport`] and sleeps by a [`Clock`].
pub(crate) struct Blocking {
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    renewals: Mutex<u64>,
    renewed: Condvar,
}

impl Blocking {
    pub(crate) fn new(transport: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> Self {
        Self {
            transport,
            clock,
            renewals: Mutex::new(0),
            renewed: Condvar::new(),
        }
    }
}

impl Driver for Blocking {
    fn now(&self) -> Duration {
        self.clock.now()
    }

    fn wall(&self) -> SystemTime {
        self.clock.wall()
    }

    fn jitter(&self) -> f64 {
        self.clock.jitter()
    }

    async fn send(&self, request: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        self.transport.send(request)
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

    async fn complete(&self, work: impl Future<Output = ()> + Send + 'static) {
        work.await;
    }

    async fn each<T, F>(
        &self,
        count: usize,
        at_once: usize,
        job: impl Fn(usize) -> F + Send + Sync,
        finished: impl FnMut(usize) + Send,
    ) -> Vec<T>
    where
        T: Send,
        F: Future<Output = T> + Send,
    {
        threads::each(count, at_once, |at| block(job(at)), finished)
    }

    fn renewals(&self) -> u64 {
        *self.renewals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn wait_for_renewal(&self, seen: u64, time: Duration) {
        let renewals = self.renewals.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever waits looks at the clock and at the token again, so a spurious end does no harm.
        let _ = self
            .renewed
            .wait_timeout_while(renewals, time, |renewals| *renewals == seen);
    }

    fn announce_renewal(&self) {
        *self.renewals.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.renewed.notify_all();
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
