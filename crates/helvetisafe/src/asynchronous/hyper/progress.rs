//! How far a request came on its connection, which decides whether it may be sent again.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::veil::Veil;
use crate::transport::framing::{Framing, TooMuchFraming};
use crate::transport::informational::{MAX_INFORMATIONAL, TooManyInformational};

/// The bytes that went over a connection so far.
#[derive(Clone, Copy, Default)]
struct Counts {
    sent: u64,
    received: u64,
    last_byte: Option<Instant>,
    /// Informational answers to the current request.
    informational: u32,
    /// What came after the head of the current answer.
    framing: Option<Framing>,
}

impl Counts {
    fn is_flooded(self) -> bool {
        self.informational > MAX_INFORMATIONAL
    }

    fn is_padded(self) -> bool {
        self.framing.is_some_and(Framing::is_too_much)
    }
}

/// The counts of a connection, shared between it and the request that it carries.
#[derive(Clone, Default)]
pub(super) struct Counter(Arc<Mutex<Counts>>);

impl Counter {
    fn note(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// To be called for each informational answer.
    pub(super) fn note_informational(&self) {
        self.note(|counts| counts.informational = counts.informational.saturating_add(1));
    }

    /// To be called for the head of an answer: what comes from now on is its body.
    pub(super) fn note_answered(&self) {
        self.note(|counts| counts.framing = Some(Framing::default()));
    }

    /// To be called for each piece of a body.
    pub(super) fn note_body(&self, bytes: usize) {
        self.note(|counts| {
            if let Some(framing) = &mut counts.framing {
                framing.note_body(bytes);
            }
        });
    }

    fn read(&self) -> Counts {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How far one request came.
pub(super) struct Progress {
    begun: Instant,
    way: Mutex<Option<Way>>,
}

/// The connection that a request was given, and what had gone over it before.
struct Way {
    counter: Counter,
    before: Counts,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            begun: Instant::now(),
            way: Mutex::default(),
        }
    }

    /// From now on all that goes over this connection belongs to the request.
    pub(super) fn begin_on(&self, counter: &Counter) {
        counter.note(|counts| {
            counts.informational = 0;
            counts.framing = None;
        });
        let way = Way {
            counter: counter.clone(),
            before: counter.read(),
        };
        *self.way.lock().unwrap_or_else(PoisonError::into_inner) = Some(way);
    }

    /// Some of the request was handed to the socket.
    pub(super) fn sent(&self) -> bool {
        self.is(|before, now| now.sent > before.sent)
    }

    /// Whether a reused connection broke before a byte came back.
    pub(super) fn is_dead_connection(&self) -> bool {
        self.is(|before, now| before.sent > 0 && now.received == before.received)
    }

    /// Returns whether too many informational answers came.
    pub(super) fn is_flooded(&self) -> bool {
        self.is(|_, now| now.is_flooded())
    }

    /// Returns whether the body came with too much framing.
    pub(super) fn is_padded(&self) -> bool {
        self.is(|_, now| now.is_padded())
    }

    /// When a byte last went to or fro.
    pub(super) fn last_byte(&self) -> Instant {
        let way = self.way.lock().unwrap_or_else(PoisonError::into_inner);
        let last = way.as_ref().and_then(|way| way.counter.read().last_byte);
        last.unwrap_or(self.begun).max(self.begun)
    }

    fn is(&self, so: impl FnOnce(Counts, Counts) -> bool) -> bool {
        let way = self.way.lock().unwrap_or_else(PoisonError::into_inner);
        way.as_ref()
            .is_some_and(|way| so(way.before, way.counter.read()))
    }
}

/// A connection that is counted, and on which credentials are put in their places.
pub(super) struct Watched<T> {
    inner: T,
    counter: Counter,
    veil: Veil,
}

impl<T> Watched<T> {
    pub(super) fn new(inner: T, counter: Counter, veil: Veil) -> Self {
        Self {
            inner,
            counter,
            veil,
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let counts = self.counter.read();
        if counts.is_flooded() {
            return Poll::Ready(Err(io::Error::other(TooManyInformational)));
        }
        if counts.is_padded() {
            return Poll::Ready(Err(io::Error::other(TooMuchFraming)));
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        let bytes = buf.filled().len() - before;
        if bytes > 0 {
            self.counter.note(|counts| {
                counts.received += bytes as u64;
                if let Some(framing) = &mut counts.framing {
                    framing.note_came(bytes);
                }
                counts.last_byte = Some(Instant::now());
            });
        }
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[io::IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Self { inner, veil, .. } = &mut *self;
        let write = |bufs: &[io::IoSlice<'_>]| Pin::new(inner).poll_write_vectored(cx, bufs);
        let polled = veil.lift(bufs, write);
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
