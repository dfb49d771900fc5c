//! A connection whose answers can be cut, held up or replaced at any byte.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::flood::Flood;

/// What happens on the wire with one answer. Bytes are counted over the whole of it, head included.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    /// After so many bytes, once.
    pub(super) cut: Option<(usize, Cut)>,
    /// At most so many bytes at a time, this far apart.
    pub(super) drip: Option<(NonZeroUsize, Duration)>,
    /// These bytes in the answer's place; then the connection is closed.
    pub(super) instead: Option<Flood>,
}

/// What happens in the middle of an answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cut {
    /// FIN: the peer reads an end.
    Close,
    /// RST: the peer reads an error.
    Reset,
    /// Silence, and then it goes on.
    Pause(Duration),
}

/// The handle of one connection's writing side.
#[derive(Clone)]
pub(crate) struct Wire {
    pub(super) connection: u64,
    course: Arc<Mutex<Course>>,
}

/// How far an answer is.
#[derive(Default)]
struct Course {
    plan: Plan,
    written: usize,
    pause: Option<Pin<Box<Sleep>>>,
    is_over: bool,
}

impl Wire {
    fn new(connection: u64) -> Self {
        Self {
            connection,
            course: Arc::default(),
        }
    }

    /// The next byte written is the first of an answer with this plan.
    pub(super) fn begin(&self, plan: Plan) {
        *self.course() = Course {
            plan,
            ..Course::default()
        };
    }

    fn course(&self) -> MutexGuard<'_, Course> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Course {
    /// Whether the end, a pause or a drop of the drip is due; what to do then.
    fn due(&mut self) -> Option<Cut> {
        match self.plan.cut {
            Some((at, cut)) if self.written >= at => {
                if matches!(cut, Cut::Pause(_)) {
                    self.plan.cut = None;
                }
                Some(cut)
            }
            _ => None,
        }
    }

    /// How many of the next bytes may be written at once.
    fn allowed(&self, wanted: usize) -> usize {
        let to_the_cut = self.plan.cut.map(|(at, _)| at - self.written);
        let drop = self.plan.drip.map(|(size, _)| size.get());
        [to_the_cut, drop]
            .into_iter()
            .flatten()
            .fold(wanted, usize::min)
    }

    fn wrote(&mut self, count: usize) {
        self.written += count;
        if let Some((_, pause)) = self.plan.drip {
            self.pause = Some(Box::pin(sleep(pause)));
        }
    }

    fn poll_pause(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        Poll::Ready(())
    }
}

/// A connection of a vault with faults.
pub(crate) struct FaultyStream {
    stream: TcpStream,
    wire: Wire,
}

impl FaultyStream {
    fn end(&self, course: &mut Course, cut: Cut) -> io::Error {
        course.is_over = true;
        if matches!(cut, Cut::Reset) {
            // If the operating system refuses, the peer sees an end in place of an error.
            let _ = self.stream.set_zero_linger();
        }
        // Whoever gets this drops the stream, and that closes it.
        io::ErrorKind::BrokenPipe.into()
    }

    /// Does what is due; ready when writing may go on.
    fn poll_due(&self, course: &mut Course, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if course.is_over {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            ready!(course.poll_pause(context));
            match course.due() {
                None => return Poll::Ready(Ok(())),
                Some(Cut::Pause(time)) => course.pause = Some(Box::pin(sleep(time))),
                Some(cut) => return Poll::Ready(Err(self.end(course, cut))),
            }
        }
    }
}

impl AsyncWrite for FaultyStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let wire = this.wire.clone();
        let mut course = wire.course();
        loop {
            ready!(this.poll_due(&mut course, context))?;
            let piece = match &course.plan.instead {
                None => bytes,
                Some(flood) => match flood.after(course.written) {
                    Some(piece) => &piece.to_vec(),
                    None => return Poll::Ready(Err(this.end(&mut course, Cut::Close))),
                },
            };
            let piece = &piece[..course.allowed(piece.len())];
            let count = ready!(Pin::new(&mut this.stream).poll_write(context, piece))?;
            course.wrote(count);
            if course.plan.instead.is_none() {
                return Poll::Ready(Ok(count));
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let wire = this.wire.clone();
        let mut course = wire.course();
        ready!(Pin::new(&mut this.stream).poll_flush(context))?;
        // An end after the very last byte: nobody writes again, so here is the place.
        match course.plan.cut {
            Some((at, cut @ (Cut::Close | Cut::Reset))) if course.written >= at => {
                Poll::Ready(Err(this.end(&mut course, cut)))
            }
            _ => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.wire.course().is_over {
            // The drop does it, with RST where one is wanted.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.stream).poll_shutdown(context)
    }
}

impl AsyncRead for FaultyStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

/// A listener whose connections can misbehave.
pub(crate) struct FaultyListener<L> {
    listener: L,
    connections: u64,
}

impl<L> FaultyListener<L> {
    pub(super) fn new(listener: L) -> Self {
        Self {
            listener,
            connections: 0,
        }
    }
}

impl<L: Listener<Io = TcpStream, Addr = SocketAddr>> Listener for FaultyListener<L> {
    type Io = FaultyStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (FaultyStream, SocketAddr) {
        let (stream, address) = self.listener.accept().await;
        let wire = Wire::new(self.connections);
        self.connections += 1;
        (FaultyStream { stream, wire }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl<L> Connected<IncomingStream<'_, FaultyListener<L>>> for Wire
where
    L: Listener<Io = TcpStream, Addr = SocketAddr>,
{
    fn connect_info(stream: IncomingStream<'_, FaultyListener<L>>) -> Self {
        stream.io().wire.clone()
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Wire").field(&self.connection).finish()
    }
}
