//! The runtime on tokio.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt, stream};
use http::{Request, Response};
use tokio::sync::watch;
use tokio::task::{JoinError, spawn, spawn_blocking};
use tokio::time::timeout;

use super::{Boxed, Completed, Notify, Runtime};
use crate::cancel::CancelToken;
use crate::clock::{AsyncClock, Clock};
use crate::http::hyper::HyperTransport;
use crate::http::{AsyncTransport, PerAddress, TransportError};
use crate::trace;

/// Sends through an [`AsyncTransport`] and sleeps by an [`AsyncClock`].
#[derive(Clone)]
pub(crate) struct Tokio {
    transport: Arc<dyn AsyncTransport>,
    /// Opens connections ahead, if it is the transport or wrapped by it.
    opener: Option<Arc<PerAddress<HyperTransport>>>,
    clock: Arc<dyn AsyncClock>,
}

impl Tokio {
    pub(crate) fn new(
        transport: Arc<dyn AsyncTransport>,
        opener: Option<Arc<PerAddress<HyperTransport>>>,
        clock: Arc<dyn AsyncClock>,
    ) -> Self {
        Self {
            transport,
            opener,
            clock,
        }
    }
}

impl Runtime for Tokio {
    type Notify = TokioNotify;

    const HAS_TASKS: bool = true;

    fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        self.transport.send(request).await
    }

    async fn open_connection(&self) {
        if let Some(opener) = &self.opener {
            opener.first().open_connection().await;
        }
    }

    /// Its futures are cancelled by dropping them.
    async fn sleep(&self, time: Duration, _: Option<&CancelToken>) {
        self.clock.sleep_async(time).await;
    }

    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        outcome(spawn_blocking(work).await)
    }

    async fn complete<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
        time: Duration,
        _: bool,
    ) -> Completed<T> {
        let Ok(joined) = timeout(time, spawn(trace::in_current_span(work))).await else {
            return Completed::Late;
        };
        outcome(joined).map_or(Completed::RuntimeEnded, Completed::Done)
    }

    fn spawn(&self, work: Boxed<'static, ()>) {
        spawn(trace::in_current_span(work));
    }

    async fn each<'a, T: Send>(
        &self,
        count: usize,
        at_once: usize,
        job: impl Fn(usize) -> Boxed<'a, T> + Send + Sync,
        mut finished: impl FnMut(usize) + Send,
    ) -> Vec<T> {
        let jobs = (0..count).map(|at| job(at).map(move |result| (at, result)));
        let mut jobs = stream::iter(jobs).buffer_unordered(at_once);
        let mut results = Vec::with_capacity(count);
        while let Some(result) = jobs.next().await {
            results.push(result);
            finished(results.len());
        }
        results.sort_unstable_by_key(|&(at, _)| at);
        results.into_iter().map(|(_, result)| result).collect()
    }
}

/// Returns the result of a task, or `None` if a runtime that ended cancelled it.
fn outcome<T>(joined: Result<T, JoinError>) -> Option<T> {
    match joined {
        Ok(value) => Some(value),
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        Err(_) => None,
    }
}

/// A count that tasks can watch.
pub(crate) struct TokioNotify(watch::Sender<u64>);

impl Default for TokioNotify {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Notify for TokioNotify {
    fn count(&self) -> u64 {
        *self.0.borrow()
    }

    async fn wait(&self, seen: u64, time: Duration) {
        let mut counts = self.0.subscribe();
        // The caller checks the clock and the outcome again.
        let _ = timeout(time, counts.wait_for(|count| *count != seen)).await;
    }

    fn notify(&self) {
        self.0.send_modify(|count| *count += 1);
    }
}
