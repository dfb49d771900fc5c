//! A pool of idle connections. A connection carries one request at a time and returns to the pool only after
//! its answer was read, so its byte counts belong to that request. The pool of `hyper-util` reuses a
//! connection while the answer is still being read.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{Builder, SendRequest};
use tokio::runtime::{Handle, Id};
use tokio::task::yield_now;
use tokio::time::{Instant, timeout};

use super::connect::Stream;
use super::header_mask::HeaderMask;
use super::progress::Counter;
use super::wire::Wire;

/// The most idle connections.
const MAX_IDLE: usize = 64;
/// The longest idle time: after more, a firewall may have forgotten the connection.
const MAX_IDLE_TIME: Duration = Duration::from_secs(15);
/// The timeout for a pooled connection to become ready. It only has to notice the end of its last answer.
const READY_TIMEOUT: Duration = Duration::from_millis(100);
/// The bytes of the head of an answer, and of a piece of its body.
const BUFFER: usize = 64 * 1024;

/// A connection to the vault. Dropping it closes it.
pub(super) struct Link {
    pub(super) requests: SendRequest<Full<Bytes>>,
    pub(super) wire: Wire,
    pub(super) counter: Counter,
    pub(super) mask: HeaderMask,
    /// The runtime of its socket. On another one it would wait for a runtime that may be idle.
    runtime: Option<Id>,
    idle_since: Instant,
}

impl Link {
    pub(super) async fn new(
        stream: Stream,
        counter: Counter,
        mask: HeaderMask,
    ) -> hyper::Result<Self> {
        let (requests, connection) = Builder::new()
            .max_buf_size(BUFFER)
            // Sends the body from its own memory, without a copy behind the head.
            .writev(true)
            .handshake(stream)
            .await?;
        Ok(Self {
            requests,
            wire: Wire::new(connection),
            counter,
            mask,
            runtime: runtime(),
            idle_since: Instant::now(),
        })
    }

    fn is_reusable(&self) -> bool {
        !self.requests.is_closed() && self.idle_since.elapsed() < MAX_IDLE_TIME
    }
}

#[derive(Default)]
pub(super) struct Pool(Mutex<Vec<Link>>);

impl Pool {
    /// Takes the connection of this runtime that was used last, if it is still open.
    pub(super) async fn take(&self) -> Option<Link> {
        // Lets an idle runtime notice first that the vault has closed a connection.
        yield_now().await;
        loop {
            let mut link = self.pop(runtime())?;
            let ready = link.wire.drive(link.requests.ready());
            let ready = timeout(READY_TIMEOUT, ready);
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

    /// Returns a connection whose answer was read.
    pub(super) fn put_back(&self, mut link: Link) {
        link.idle_since = Instant::now();
        let mut links = self.lock();
        links.retain(Link::is_reusable);
        // Drops the one that is idle for the longest time, which may belong to a runtime that has ended.
        if links.len() >= MAX_IDLE {
            links.remove(0);
        }
        links.push(link);
    }

    /// The list is consistent even after a panic, so poison does not matter.
    fn lock(&self) -> MutexGuard<'_, Vec<Link>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the current runtime.
fn runtime() -> Option<Id> {
    Handle::try_current().ok().map(|handle| handle.id())
}
