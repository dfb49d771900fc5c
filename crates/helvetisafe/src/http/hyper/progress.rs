//! The progress of a request on its connection. It decides if the request may be sent again.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::header_mask::HeaderMask;
use crate::http::framing::{Framing, TooMuchFraming};
use crate::http::informational::{MAX_INFORMATIONAL, TooManyInformational};

/// The traffic of a connection so far.
#[derive(Clone, Copy, Default)]
struct Counts {
    sent: u64,
    received: u64,
    last_byte: Option<Instant>,
    /// The informational answers to the current request.
    informational: u32,
    /// The bytes after the head of the current answer.
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

    /// Counts an informational answer.
    pub(super) fn note_informational(&self) {
        self.note(|counts| counts.informational = counts.informational.saturating_add(1));
    }

    /// Notes the head of an answer: its body follows.
    pub(super) fn note_answered(&self) {
        self.note(|counts| counts.framing = Some(Framing::default()));
    }

    /// Counts a piece of a body.
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

/// The progress of one request.
pub(super) struct Progress {
    begun: Instant,
    link: Mutex<Option<UsedLink>>,
}

/// The connection of a request, and its traffic before the request.
struct UsedLink {
    counter: Counter,
    before: Counts,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            begun: Instant::now(),
            link: Mutex::default(),
        }
    }

    /// Assigns a connection to the request: from now on its traffic belongs to the request.
    pub(super) fn begin_on(&self, counter: &Counter) {
        counter.note(|counts| {
            counts.informational = 0;
            counts.framing = None;
        });
        let link = UsedLink {
            counter: counter.clone(),
            before: counter.read(),
        };
        *self.link.lock().unwrap_or_else(PoisonError::into_inner) = Some(link);
    }

    /// Returns true if some of the request was handed to the socket.
    pub(super) fn sent(&self) -> bool {
        self.is(|before, now| now.sent > before.sent)
    }

    /// Returns true if a byte of an answer came on the connection, to this request or an earlier one.
    pub(super) fn has_answered(&self) -> bool {
        self.is(|_, now| now.received > 0)
    }

    /// Returns true if a reused connection broke before a byte came back.
    pub(super) fn is_dead_connection(&self) -> bool {
        self.is(|before, now| before.sent > 0 && now.received == before.received)
    }

    /// Returns true if too many informational answers came.
    pub(super) fn is_flooded(&self) -> bool {
        self.is(|_, now| now.is_flooded())
    }

    /// Returns true if the body came with too much framing.
    pub(super) fn is_padded(&self) -> bool {
        self.is(|_, now| now.is_padded())
    }

    /// Returns the time of the last byte in either direction.
    pub(super) fn last_byte(&self) -> Instant {
        let link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        let last = link.as_ref().and_then(|link| link.counter.read().last_byte);
        last.unwrap_or(self.begun).max(self.begun)
    }

    fn is(&self, condition: impl FnOnce(Counts, Counts) -> bool) -> bool {
        let link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        link.as_ref()
            .is_some_and(|link| condition(link.before, link.counter.read()))
    }
}

/// A connection that counts its bytes and unmasks credentials.
pub(super) struct Watched<T> {
    inner: T,
    counter: Counter,
    mask: HeaderMask,
}

impl<T> Watched<T> {
    pub(super) fn new(inner: T, counter: Counter, mask: HeaderMask) -> Self {
        Self {
            inner,
            counter,
            mask,
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
                    framing.note_received(bytes);
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
        let Self { inner, mask, .. } = &mut *self;
        let write = |bufs: &[io::IoSlice<'_>]| Pin::new(inner).poll_write_vectored(cx, bufs);
        let polled = mask.unmask(bufs, write);
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
