//! How far a request came on its connection, which decides whether it may be sent again.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use http::Extensions;
use hyper_util::client::legacy::connect::{CaptureConnection, Connected, Connection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// What went over one connection, and how much of it belongs to exchanges that are complete.
#[derive(Clone, Copy, Default)]
struct Counts {
    sent: u64,
    received: u64,
    sent_before: u64,
    received_before: u64,
    last_byte: Option<Instant>,
}

/// The counts of a connection, shared between it and the request that it carries.
#[derive(Clone, Default)]
struct Counter(Arc<Mutex<Counts>>);

impl Counter {
    fn note(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn read(&self) -> Counts {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request's view of the connection it was given.
pub(super) struct Progress {
    connection: CaptureConnection,
    begun: Instant,
}

impl Progress {
    pub(super) fn new(connection: CaptureConnection) -> Self {
        Self {
            connection,
            begun: Instant::now(),
        }
    }

    fn counter(&self) -> Option<Counter> {
        let connected = self.connection.connection_metadata();
        let mut extras = Extensions::new();
        connected.as_ref()?.get_extras(&mut extras);
        extras.remove()
    }

    fn counts(&self) -> Counts {
        self.counter()
            .map(|counter| counter.read())
            .unwrap_or_default()
    }

    pub(super) fn is_connected(&self) -> bool {
        self.connection.connection_metadata().is_some()
    }

    /// Some of the request was handed to the socket.
    pub(super) fn sent(&self) -> bool {
        let counts = self.counts();
        counts.sent > counts.sent_before
    }

    /// Whether a reused connection broke before a byte came back.
    pub(super) fn is_dead_connection(&self) -> bool {
        let counts = self.counts();
        counts.sent_before > 0 && counts.received == counts.received_before
    }

    /// When a byte last went to or fro.
    pub(super) fn last_byte(&self) -> Instant {
        self.counts()
            .last_byte
            .unwrap_or(self.begun)
            .max(self.begun)
    }

    /// The answer is whole: what comes now belongs to the next request.
    pub(super) fn complete(&self) {
        if let Some(counter) = self.counter() {
            counter.note(|counts| {
                counts.sent_before = counts.sent;
                counts.received_before = counts.received;
            });
        }
    }
}

/// A connection that is counted.
pub(super) struct Watched<T> {
    inner: T,
    counter: Counter,
}

impl<T> Watched<T> {
    pub(super) fn new(inner: T) -> Self {
        Self {
            inner,
            counter: Counter::default(),
        }
    }
}

impl<T: Connection> Connection for Watched<T> {
    fn connected(&self) -> Connected {
        self.inner.connected().extra(self.counter.clone())
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        let bytes = buf.filled().len() - before;
        if bytes > 0 {
            self.counter.note(|counts| {
                counts.received += bytes as u64;
                counts.last_byte = Some(Instant::now());
            });
        }
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.wrote(&polled);
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.wrote(&polled);
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<T> Watched<T> {
    fn wrote(&self, polled: &Poll<io::Result<usize>>) {
        // Even a failed write may have put some of it on the wire.
        if let Poll::Ready(outcome) = polled {
            let bytes = outcome.as_ref().map_or(1, |bytes| *bytes as u64);
            self.counter.note(|counts| {
                counts.sent += bytes;
                counts.last_byte = Some(Instant::now());
            });
        }
    }
}
