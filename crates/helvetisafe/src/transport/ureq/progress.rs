//! How far the current request of this thread came, which `ureq` does not tell but its connectors
//! can see. A call runs on the thread that makes it, so a thread-local is enough.

use std::cell::Cell;

use ureq::Error;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

thread_local! {
    static CURRENT: Cell<Progress> = const { Cell::new(Progress::NONE) };
}

/// What happened since [`Progress::begin`].
#[derive(Clone, Copy)]
pub(super) struct Progress {
    /// A connection was made for this request, so it is no reused one.
    connected: bool,
    /// Some of the request was handed to the socket.
    pub(super) sent: bool,
    /// Some of an answer came back.
    received: bool,
}

impl Progress {
    const NONE: Self = Self {
        connected: false,
        sent: false,
        received: false,
    };

    pub(super) fn begin() {
        CURRENT.set(Self::NONE);
    }

    pub(super) fn current() -> Self {
        CURRENT.get()
    }

    /// Whether a reused connection broke before a byte came back.
    pub(super) fn is_dead_connection(self) -> bool {
        !self.connected && self.sent && !self.received
    }

    fn note(change: impl FnOnce(&mut Self)) {
        let mut progress = CURRENT.get();
        change(&mut progress);
        CURRENT.set(progress);
    }
}

/// Watches the connections of the connector before it in the chain, TLS included.
#[derive(Debug)]
pub(super) struct ProgressConnector;

impl<In: Transport> Connector<In> for ProgressConnector {
    type Out = Watched<In>;

    fn connect(
        &self,
        _: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Watched<In>>, Error> {
        Progress::note(|progress| progress.connected = true);
        Ok(chained.map(Watched))
    }
}

#[derive(Debug)]
pub(super) struct Watched<T>(T);

impl<T: Transport> Transport for Watched<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.0.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        // Even a failed write may have put some of it on the wire.
        Progress::note(|progress| progress.sent = true);
        self.0.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let more = self.0.await_input(timeout)?;
        if more {
            Progress::note(|progress| progress.received = true);
        }
        Ok(more)
    }

    fn is_open(&mut self) -> bool {
        self.0.is_open()
    }

    fn is_tls(&self) -> bool {
        self.0.is_tls()
    }
}
