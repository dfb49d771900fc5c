//! A connection whose answers can be cut, delayed or replaced at any byte.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::flood::Flood;
use crate::lock::lock;

/// The faults of one answer on its connection. Bytes are counted from the start of its head.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    /// A cut after this number of bytes.
    pub(super) cut: Option<(usize, Cut)>,
    /// The size of each piece, and the pause after it.
    pub(super) drip: Option<(NonZeroUsize, Duration)>,
    /// Bytes in place of the answer; then the connection is closed.
    pub(super) instead: Option<Flood>,
}

/// An event in the middle of an answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cut {
    /// FIN: the peer reads the end of the stream.
    Close,
    /// RST: the peer reads an error.
    Reset,
    /// A pause, after which the answer continues.
    Pause(Duration),
}

/// The control of one connection's writing side.
#[derive(Clone)]
pub(crate) struct Wire {
    pub(super) connection: u64,
    progress: Arc<Mutex<Progress>>,
}

/// The progress of an answer.
#[derive(Default)]
struct Progress {
    plan: Plan,
    written: usize,
    pause: Option<Pin<Box<Sleep>>>,
    is_over: bool,
}

impl Wire {
    fn new(connection: u64) -> Self {
        Self {
            connection,
            progress: Arc::default(),
        }
    }

    /// Starts an answer with this plan: the next written byte is its first.
    pub(super) fn begin(&self, plan: Plan) {
        *self.progress() = Progress {
            plan,
            ..Progress::default()
        };
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        lock(&self.progress)
    }
}

impl Progress {
    /// Returns the cut if its byte is reached.
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

    /// Returns how many of the next bytes may be written at once.
    fn allowed(&self, wanted: usize) -> usize {
        let until_cut = self.plan.cut.map(|(at, _)| at - self.written);
        let piece = self.plan.drip.map(|(size, _)| size.get());
        [until_cut, piece]
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
    pub(super) fn wire(&self) -> &Wire {
        &self.wire
    }

    fn end(&self, progress: &mut Progress, cut: Cut) -> io::Error {
        progress.is_over = true;
        if matches!(cut, Cut::Reset) {
            // If this fails, the peer reads the end of the stream instead of an error.
            let _ = self.stream.set_zero_linger();
        }
        // The caller drops the stream on an error, which closes it.
        io::ErrorKind::BrokenPipe.into()
    }

    /// Applies the cut or pause that is due; ready when writing may continue.
    fn poll_due(&self, progress: &mut Progress, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if progress.is_over {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            ready!(progress.poll_pause(context));
            match progress.due() {
                None => return Poll::Ready(Ok(())),
                Some(Cut::Pause(time)) => progress.pause = Some(Box::pin(sleep(time))),
                Some(cut) => return Poll::Ready(Err(self.end(progress, cut))),
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
        let mut progress = wire.progress();
        loop {
            ready!(this.poll_due(&mut progress, context))?;
            let piece = match &progress.plan.instead {
                None => bytes,
                Some(flood) => match flood.after(progress.written) {
                    Some(piece) => &piece.to_vec(),
                    None => return Poll::Ready(Err(this.end(&mut progress, Cut::Close))),
                },
            };
            let piece = &piece[..progress.allowed(piece.len())];
            let count = ready!(Pin::new(&mut this.stream).poll_write(context, piece))?;
            progress.wrote(count);
            if progress.plan.instead.is_none() {
                return Poll::Ready(Ok(count));
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let wire = this.wire.clone();
        let mut progress = wire.progress();
        ready!(Pin::new(&mut this.stream).poll_flush(context))?;
        // A cut after the last byte happens here, since no write follows.
        match progress.plan.cut {
            Some((at, cut @ (Cut::Close | Cut::Reset))) if progress.written >= at => {
                Poll::Ready(Err(this.end(&mut progress, cut)))
            }
            _ => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.wire.progress().is_over {
            // Dropping the stream closes it, with RST for a reset.
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

/// A listener for connections with faults.
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
