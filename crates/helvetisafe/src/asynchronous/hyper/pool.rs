//! Connections that are kept for the next request. One carries a single request at a time and comes
//! back only after its answer was read, so that all that went over it since is that request's. The
//! pool of `hyper-util` hands a connection on while the answer is still being read.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{Builder, SendRequest};
use tokio::runtime::{Handle, Id};
use tokio::task::yield_now;
use tokio::time::{Instant, timeout};

use super::connect::Stream;
use super::progress::Counter;
use super::veil::Veil;
use super::wire::Wire;

/// Connections that are kept.
const MAX_IDLE: usize = 64;
/// How long one is kept: longer, and a firewall may have forgotten it.
const MAX_IDLE_TIME: Duration = Duration::from_secs(15);
/// How long a kept one may take until it can be used. It only has to notice that its answer is over.
const READY_WITHIN: Duration = Duration::from_millis(100);
/// Bytes of the head of an answer, and of a piece of its body.
const BUFFER: usize = 64 * 1024;

/// A connection to the vault. Dropped, it is closed, whatever is under way.
pub(super) struct Link {
    pub(super) requests: SendRequest<Full<Bytes>>,
    pub(super) wire: Wire,
    pub(super) counter: Counter,
    pub(super) veil: Veil,
    /// What it gets its bytes from: on another runtime it would wait for one that may rest.
    runtime: Option<Id>,
    idle_since: Instant,
}

impl Link {
    pub(super) async fn new(stream: Stream, counter: Counter, veil: Veil) -> hyper::Result<Self> {
        let (requests, connection) = Builder::new()
            .max_buf_size(BUFFER)
            // A body is sent from where it lies, and not copied behind the head.
            .writev(true)
            .handshake(stream)
            .await?;
        Ok(Self {
            requests,
            wire: Wire::new(connection),
            counter,
            veil,
            runtime: runtime(),
            idle_since: Instant::now(),
        })
    }

    fn is_kept(&self) -> bool {
        !self.requests.is_closed() && self.idle_since.elapsed() < MAX_IDLE_TIME
    }
}

#[derive(Default)]
pub(super) struct Pool(Mutex<Vec<Link>>);

impl Pool {
    /// The one of this runtime that was used last, if it can be used again.
    pub(super) async fn take(&self) -> Option<Link> {
        // The runtime may have rested: it has to look first whether the vault has closed one.
        yield_now().await;
        loop {
            let mut link = self.pop(runtime())?;
            let ready = link.wire.drive(link.requests.ready());
            let ready = timeout(READY_WITHIN, ready);
            if link.idle_since.elapsed() < MAX_IDLE_TIME && matches!(ready.await, Ok(Ok(()))) {
                return Some(link);
            }
        }
    }

    fn pop(&self, runtime: Option<Id>) -> Option<Link> {
        let mut links = self.lock();
        let at = links.iter().rposition(|link| link.runtime == runtime)?;
        Some(links.remove(at))
    }

    /// Keeps one whose answer is whole.
    pub(super) fn keep(&self, mut link: Link) {
        link.idle_since = Instant::now();
        let mut links = self.lock();
        links.retain(Link::is_kept);
        // The one that rests the longest, which may be another runtime's that has ended.
        if links.len() >= MAX_IDLE {
            links.remove(0);
        }
        links.push(link);
    }

    /// A thread that panicked leaves a whole list behind, so poison does not matter.
    fn lock(&self) -> MutexGuard<'_, Vec<Link>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The runtime that this runs on.
fn runtime() -> Option<Id> {
    Handle::try_current().ok().map(|handle| handle.id())
}
